"""The playground with everything running: ordered by a form, told as it goes on, hung on the wall; and the
programs that it shows, run as they are pasted."""

from __future__ import annotations

import io
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx2
import pytest
from django.conf import settings
from django.test import Client
from PIL import Image

from accounts.models import Door
from generations import snippets
from generations.spec import Order
from tests.accounts.visits import words
from tests.cast import IMAGE, Cast
from tests.flows.wire import Books, eventually

SECONDS = 60


class Browser:
    """A member who is logged in at the real server."""

    def __init__(self, url: str, cast: Cast) -> None:
        session = Client(SERVER_NAME="localhost")
        session.force_login(cast.developer)
        self.team = f"{url}/o/{cast.organization.slug}"
        cookies = {name: morsel.value for name, morsel in session.cookies.items()}
        self.client = httpx2.Client(cookies=cookies, timeout=SECONDS)

    def look(self, path: str, **more: Any) -> str:
        answer = self.client.get(f"{self.team}/{path}", **more)
        assert answer.status_code == 200, answer.text
        return str(answer.text)

    def order(self, prompt: str, query: str = "", files: Any = None, **fields: Any) -> str:
        """The path of the page of an order that was sent as the form sends it."""
        source = self.look(f"playground/{query}")
        hidden = dict(re.findall(r'name="(csrfmiddlewaretoken|once|change)" value="([^"]*)"', source))
        usual = {"model": "gemini-2.5-flash-image", "ratio": "1:1", "resolution": "1K", "count": "1"}
        answer = self.client.post(
            f"{self.team}/playground/",
            data={**usual, **hidden, "prompt": prompt, **fields},
            files=files or {"files": ("", b"")},
        )
        assert answer.status_code == 302, words(answer.text)
        return str(answer.headers["location"]).partition("/playground/")[2]

    def events(self, run: str) -> list[tuple[str, dict[str, Any]]]:
        """Everything the page is told until it is done."""
        told = []
        with self.client.stream("GET", f"{self.team}/playground/{run}events/") as answer:
            assert answer.headers["content-type"] == "text/event-stream"
            text = "".join(answer.iter_text())
        for block in text.strip().split("\n\n"):
            name, data = block.split("\n")
            told.append((name.removeprefix("event: "), json.loads(data.removeprefix("data: "))))
        return told

    def pictures(self, run: str) -> list[Image.Image]:
        paths = re.findall(r'data-lightbox="([^"]+)"', self.look(f"playground/{run}stage/"))
        origin = self.team.partition("/o/")[0]
        files = [self.client.get(origin + path.replace("&amp;", "&")).content for path in paths]
        return [Image.open(io.BytesIO(file)) for file in files]


@pytest.fixture
def browser(url: str, cast: Cast) -> Browser:
    cast.credit(20)
    return Browser(url, cast)


def test_an_order_is_told_as_it_goes_on_and_hangs_on_the_wall(browser: Browser, books: Books) -> None:
    run = browser.order("test:slow=1 a lighthouse", ratio="16:9", count="2")
    told = browser.events(run)
    assert told[-1][0] == "done"
    assert told[-1][1]["state"] == "succeeded"
    steps = [standing["progress"] for name, standing in told if name == "standing"]
    assert steps == sorted(steps)
    assert [picture.size for picture in browser.pictures(run)] == [(1344, 768)] * 2
    assert books.wallet() == (18 * IMAGE, 0)
    assert "a lighthouse" in browser.look("images/")


def test_a_picture_is_made_from_a_file_and_changed_in_a_conversation(browser: Browser, books: Books) -> None:
    Image.new("RGB", (90, 160), "teal").save(fox := io.BytesIO(), "PNG")
    run = browser.order("A fox like this", files={"files": ("fox.png", fox.getvalue())}, ratio="auto")
    assert browser.events(run)[-1][1]["state"] == "succeeded"
    (drawn,) = browser.pictures(run)
    assert drawn.size == (768, 1344)  # like the picture
    pick = f"{run.strip('/').replace('-', '')}-0"
    changed = browser.order("Make it red", f"?change={pick}", ratio="auto")
    assert browser.events(changed)[-1][1]["state"] == "succeeded"
    order = Order.from_json(books.generation(changed.strip("/"))["order"])
    assert [turn.role for turn in order.turns] == ["user", "model", "user"]
    assert len(order.inputs) == 2
    assert browser.pictures(changed)[0].size == (768, 1344)


def test_a_small_picture_is_a_small_webp_and_gone_with_the_large_one(browser: Browser, url: str) -> None:
    run = browser.order("A lamp")
    browser.events(run)
    source = browser.look(f"playground/{run}stage/")
    found = re.search(r'data-lightbox="([^"]+)"', source)
    assert found
    link = url + found[1].replace("&amp;", "&")
    small = browser.client.get(f"{link}&w=400")
    assert (small.headers["content-type"], Image.open(io.BytesIO(small.content)).size) == (
        "image/webp",
        (400, 400),
    )
    again = browser.client.get(f"{link}&w=400", headers={"If-None-Match": small.headers["etag"]})
    assert again.status_code == 304
    assert browser.client.get(f"{link}&w=401").headers["content-type"] == "image/png"
    assert browser.client.get(link.partition("?")[0] + "?w=400").status_code == 404
    token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', browser.look("images/"))
    pick = f"{run.strip('/').replace('-', '')}-0"
    assert token
    fields = {"csrfmiddlewaretoken": token[1], "pick": pick, "sure": "yes"}
    assert browser.client.post(f"{browser.team}/images/delete/", data=fields).status_code == 302
    assert browser.client.get(f"{link}&w=400").status_code == 410
    assert browser.client.get(link).status_code == 410


# ---- show code -------------------------------------------------------------------------------

RUNS = {
    "curl": ["bash", "-c"],
    "python": [sys.executable, "-c"],
    "javascript": ["node", "--input-type=module", "-e"],
}


@pytest.mark.parametrize("door", Door.values)
@pytest.mark.parametrize("language", RUNS)
def test_a_shown_program_makes_the_same_order(
    browser: Browser, books: Books, cast: Cast, url: str, tmp_path: Path, door: str, language: str
) -> None:
    """DX4: run as it stands on the page, with a key in the environment."""
    if shutil.which(RUNS[language][0]) is None:
        pytest.skip(f"{RUNS[language][0]} is not installed")
    Image.new("RGB", (90, 160), "teal").save(fox := io.BytesIO(), "PNG")
    files = {"files": ("fox.png", fox.getvalue())}
    run = browser.order('It\'s a "fox"\nlike this', files=files, ratio="auto", format="png")
    browser.events(run)
    source = browser.look(f"playground/{run}")
    first = books.generation(run.strip("/"))
    order = Order.from_json(first["order"])
    shelf = next(one for one in snippets.shelves(order, door) if one.name == door)
    program = next(one.code for one in shelf.programs if one.language == language)
    assert words(program.replace(settings.EASEL.url, url)[:60]) in words(source)
    done = subprocess.run(
        [*RUNS[language], program.replace(settings.EASEL.url, url)],
        env=os.environ | {"EASEL_KEY": cast.key(), "no_proxy": "*"},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    second = eventually(lambda: [one for one in books.generations() if one["id"] != first["id"]])[0]
    assert second["dialect"] == door
    made = Order.from_json(second["order"])
    if not shelf.notes:
        assert made.fingerprint() == order.fingerprint()
    assert (made.prompt, made.inputs[0].sha256) == (order.prompt, order.inputs[0].sha256)
    if door in ("openai", "gemini"):
        assert [Image.open(path).size for path in tmp_path.glob("picture*.png")] == [(768, 1344)]
