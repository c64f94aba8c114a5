"""The playground: the price first, the picture as it comes, and then the same picture, changed."""

from __future__ import annotations

import io
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import expect

from accounts.models import Organization
from generations.models import Generation
from generations.spec import Order
from runtime.tenancy import tenant
from tests.browser.people import Person
from tests.cast import Cast

pytestmark = pytest.mark.browser

PROMPT = "A harbour at dawn test:slow=2"
CHANGE = "Make it night"
HARD = "It's a \"lamp\" \\ 'quoted' $HOME `x` 灯"


def orders(organization: Organization) -> list[Order]:
    """What was ordered, oldest first."""
    with tenant(organization):
        rows = Generation.objects.of(organization).order_by("id")
        return [Order.from_json(row.order) for row in rows]


def test_a_picture_is_made_and_then_changed(visit: Callable[..., Person], cast: Cast) -> None:
    cast.credit(3)
    owner = visit(cast.owner, cast.organization)
    owner.opens("playground/")
    sees_the_price(owner, left="$0.0774")
    owner.types(prompt=PROMPT)
    watches_it_being_made(owner, "Make it")
    first = the_picture(owner)

    owner.follows("Change this one")
    owner.sees("Changing this picture")
    sees_the_price(owner, left="$0.0387")
    owner.types(prompt=CHANGE)
    watches_it_being_made(owner, "Change it")
    assert the_picture(owner) != first

    _, second = orders(cast.organization)
    assert [turn.role for turn in second.turns] == ["user", "model", "user"]
    assert len(second.inputs) == 1
    owner.follows("Where time and tokens went")
    given = owner.page.locator(".references a").get_attribute("href")
    assert pixels(owner.fetches(given or "")) == pixels(first)


def test_the_code_it_shows_makes_the_same_order(
    visit: Callable[..., Person], cast: Cast, tmp_path: Path
) -> None:
    if shutil.which("curl") is None:
        pytest.skip("There is no curl on this machine, which the first program that is shown needs.")
    cast.credit(2)
    owner = visit(cast.owner, cast.organization)
    owner.opens("playground/")
    owner.types(prompt=HARD)
    owner.page.get_by_text("Seed, file").click()
    owner.types(seed="7")
    owner.page.get_by_label("16:9").check()
    sees_the_price(owner, left="$0.0387")
    owner.presses("Make it")
    the_picture(owner)

    owner.page.get_by_text("Show code").click()
    program = owner.page.locator(".programs pre").filter(visible=True).inner_text()
    assert "EASEL_KEY" in program
    runs(program, cast.key(), tmp_path)
    shown, ran = orders(cast.organization)
    assert ran.fingerprint() == shown.fingerprint()


def pixels(picture: bytes) -> bytes:
    """An input is stored without what a file may carry beside its picture."""
    with Image.open(io.BytesIO(picture)) as opened:
        return opened.convert("RGB").tobytes()


def sees_the_price(owner: Person, left: str) -> None:
    """Before anything is ordered."""
    price = owner.page.locator("#price")
    expect(price).to_contain_text("$0.0387")
    expect(price).to_contain_text("1 290 tokens")
    expect(price).to_contain_text(f"Leaves {left}")


def watches_it_being_made(owner: Person, button: str) -> None:
    """On a page that is never loaded anew: the events are told as they happen."""
    with owner.page.expect_response(lambda answer: answer.url.endswith("/events/")) as told:
        owner.presses(button)
    assert told.value.headers["content-type"].startswith("text/event-stream")
    owner.page.evaluate("() => { window.stayed = true }")
    the_picture(owner)
    assert owner.page.evaluate("() => window.stayed")


def the_picture(owner: Person) -> bytes:
    """The file of the picture on the stage, once it hangs there."""
    hung = owner.page.locator("#stage .picture")
    expect(hung).to_have_count(1)
    expect(hung.locator("img")).to_have_js_property("complete", True)
    return owner.fetches(hung.get_attribute("data-lightbox") or "")


def runs(program: str, key: str, folder: Path) -> None:
    """As pasted into a shell."""
    environ = {"PATH": os.environ["PATH"], "EASEL_KEY": key, "LANG": "C.UTF-8"}
    done = subprocess.run(
        ["bash", "-c", program], cwd=folder, env=environ, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
