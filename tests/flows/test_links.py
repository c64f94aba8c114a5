"""Links to images: open to whoever holds one, closed to everybody else, gone when the image is (X2, I4)."""

from __future__ import annotations

import io
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx2
import psycopg
import pytest
from django.conf import settings
from PIL import Image

from tests.cast import Cast, make_cast
from tests.flows.wire import CLIENT, EVOLINK, OPENAI, Books
from tests.house import Servers


@dataclass
class Linked:
    """A finished generation of two images, and how to ask for its links."""

    url: str
    key: str
    generation: str
    outputs: list[dict[str, Any]]

    def links(self) -> list[str]:
        return list(EVOLINK.read(self.url, self.key, self.generation).json()["results"])

    @property
    def link(self) -> str:
        return self.links()[0]

    def file(self) -> Path:
        return Path(settings.EASEL.storage.path) / self.outputs[0]["storage_key"]


def linked(url: str, key: str, books: Books, **fields: Any) -> Linked:
    answer = OPENAI.post(url, key, OPENAI.order("Two lamps", **fields))
    generation = answer.headers["x-easel-generation"]
    query = "SELECT * FROM generations_output WHERE generation_id = %s ORDER BY number"
    return Linked(url, key, generation, books.rows(query, generation))


@pytest.fixture(scope="module")
def cast(database: str) -> Cast:
    """One cast for the file."""
    return make_cast()


@pytest.fixture(scope="module")
def books(cast: Cast, admin_url: str) -> Iterator[Books]:
    with psycopg.connect(admin_url, autocommit=True) as connection:
        yield Books(connection, cast.organization)


@pytest.fixture(scope="module")
def url(servers: Servers) -> str:
    return servers.shared().url


@pytest.fixture(scope="module")
def made(url: str, cast: Cast, books: Books) -> Linked:
    """Two images that nobody changes."""
    cast.credit(2)
    return linked(url, cast.key(), books, n=2)


@pytest.fixture
def fresh(url: str, cast: Cast, books: Books) -> Linked:
    """Two images of this test's own."""
    return linked(url, cast.key("test"), books, n=2)


def test_a_link_answers_the_bytes_to_anybody(made: Linked) -> None:
    for link, output in zip(made.links(), made.outputs, strict=True):
        answer = CLIENT.get(link)
        assert (answer.status_code, answer.headers["content-type"]) == (200, "image/png")
        assert len(answer.content) == output["bytes"] == int(answer.headers["content-length"])
        assert Image.open(io.BytesIO(answer.content)).size == (output["width"], output["height"])
        assert answer.history == [], "not by a redirect"


def test_a_link_is_the_same_whenever_it_is_asked_for(made: Linked) -> None:
    assert made.links() == made.links()
    assert len(set(made.links())) == 2
    assert all(link.startswith(f"{made.url}/i/{made.generation}/") for link in made.links())


@pytest.mark.parametrize(
    ("format", "mime", "ending"),
    [("png", "image/png", ".png"), ("jpeg", "image/jpeg", ".jpg"), ("webp", "image/webp", ".webp")],
)
def test_a_link_tells_the_true_type(
    url: str, cast: Cast, books: Books, format: str, mime: str, ending: str
) -> None:
    link = linked(url, cast.key("test"), books, output_format=format).link
    answer = CLIENT.get(link)
    assert urlsplit(link).path.endswith(ending)
    assert answer.headers["content-type"] == mime
    assert Image.MIME[Image.open(io.BytesIO(answer.content)).format or ""] == mime


def test_a_link_cannot_be_taken_for_a_page(made: Linked) -> None:
    headers = CLIENT.get(made.link).headers
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["access-control-allow-origin"] == "*"
    assert "sandbox" in headers["content-security-policy"]
    assert headers["content-disposition"].startswith("inline; filename=")
    assert "set-cookie" not in headers


def test_head_tells_everything_but_the_bytes(made: Linked) -> None:
    whole, head = CLIENT.get(made.link), CLIENT.head(made.link)
    assert (head.status_code, head.content) == (200, b"")
    ours = ("content-type", "content-length", "etag", "accept-ranges", "access-control-allow-origin")
    assert [head.headers[name] for name in ours] == [whole.headers[name] for name in ours]


def test_an_image_that_has_not_changed_is_not_sent_again(made: Linked) -> None:
    etag = CLIENT.get(made.link).headers["etag"]
    again = CLIENT.get(made.link, headers={"If-None-Match": etag})
    assert (again.status_code, again.content) == (304, b"")


@pytest.mark.parametrize(
    ("asked", "start", "end"),
    [("bytes=0-99", 0, 100), ("bytes=100-199", 100, 200), ("bytes=-50", -50, None), ("bytes=500-", 500, None),
     ("bytes=10-99999999999", 10, None), ("bytes=0-0", 0, 1)],
)  # fmt: skip
def test_a_range_is_answered_with_that_part(made: Linked, asked: str, start: int, end: int | None) -> None:
    whole = CLIENT.get(made.link).content
    part = CLIENT.get(made.link, headers={"Range": asked})
    wanted = whole[start:end]
    first = start % len(whole)
    assert (part.status_code, part.content) == (206, wanted)
    assert part.headers["content-range"] == f"bytes {first}-{first + len(wanted) - 1}/{len(whole)}"
    assert part.headers["content-length"] == str(len(wanted))


@pytest.mark.parametrize("asked", ["bytes=99999999-", "bytes=-0"])
def test_a_range_outside_the_image_cannot_be_satisfied(made: Linked, asked: str) -> None:
    answer = CLIENT.get(made.link, headers={"Range": asked})
    assert answer.status_code == 416
    assert answer.headers["content-range"] == f"bytes */{made.outputs[0]['bytes']}"


@pytest.mark.parametrize(
    "asked",
    [*("bytes=a-b", "lines=0-9", "bytes=0-9,20-29", "bytes=", "bytes=-", "bytes=9-0"),
     pytest.param("bytes=" + "9" * 5000 + "-", id="endless")],
)  # fmt: skip
def test_a_range_of_no_known_form_is_answered_with_the_whole(made: Linked, asked: str) -> None:
    answer = CLIENT.get(made.link, headers={"Range": asked})
    assert (answer.status_code, len(answer.content)) == (200, made.outputs[0]["bytes"])


def test_a_link_takes_no_other_method(made: Linked) -> None:
    for method in ("POST", "PUT", "DELETE"):
        answer = CLIENT.request(method, made.link)
        assert (answer.status_code, answer.headers["allow"]) == (405, "GET, HEAD")


def test_a_link_that_we_did_not_make_is_not_found(made: Linked) -> None:
    first, second = (urlsplit(link) for link in made.links())
    token = first.query.removeprefix("t=")
    for path, query in (
        (first.path, ""),
        (first.path, "t="),
        (first.path, f"t={token[:-1]}"),
        (first.path, f"t={token[:-1]}{'A' if token[-1] != 'A' else 'B'}"),
        (first.path, f"t={token}x"),
        (first.path, "t=%C3%A9"),
        (first.path, second.query),
        (second.path, first.query),
        (first.path.replace("/0.", "/00."), first.query),
        (first.path.replace("/0.", "/7."), first.query),
        (first.path.replace(".png", ".jpg"), first.query),
        (first.path.replace(".png", ".gif"), first.query),
        (first.path.replace(".png", ""), first.query),
        ("/i/00000000-0000-7000-8000-000000000000/0.png", first.query),
        (first.path.replace("/i/", "/i//"), first.query),
        (first.path.replace(made.generation, made.generation.upper()), first.query),
        (first.path.replace(made.generation, made.generation.replace("-", "") + "----"), first.query),
        ("/i/", first.query),
        ("/i/../etc/passwd", ""),
    ):
        answer = CLIENT.get(f"{made.url}{path}?{query}")
        assert answer.status_code == 404, (path, query)
        assert not answer.headers["content-type"].startswith("image/")


def test_a_revoked_link_is_gone_and_the_new_one_opens(
    fresh: Linked, superuser: psycopg.Connection[Any]
) -> None:
    old = fresh.link
    superuser.execute(
        "UPDATE generations_output SET epoch = epoch + 1 WHERE id = %s", [fresh.outputs[0]["id"]]
    )
    assert CLIENT.get(old).status_code == 410
    assert fresh.link != old
    assert CLIENT.get(fresh.link).status_code == 200


def test_the_link_of_a_deleted_image_is_gone_and_its_neighbour_stays(
    fresh: Linked, superuser: psycopg.Connection[Any]
) -> None:
    first, second = fresh.links()
    superuser.execute(
        "UPDATE generations_output SET deleted_at = now() WHERE id = %s", [fresh.outputs[0]["id"]]
    )
    gone = CLIENT.get(first)
    assert gone.status_code == 410
    assert "no longer kept" in gone.text
    assert CLIENT.head(first).status_code == 410
    assert CLIENT.get(second).status_code == 200
    assert fresh.links() == [second]


def test_the_link_of_an_object_that_is_not_there_any_more_is_gone(fresh: Linked) -> None:
    fresh.file().unlink()
    assert CLIENT.get(fresh.link).status_code == 410
    answer = OPENAI.read(fresh.url, fresh.key, fresh.generation)
    assert (answer.status_code, answer.json()["error"]["code"]) == (410, "gone")


def test_a_link_of_another_organization_is_no_way_to_its_task(made: Linked, cast: Cast) -> None:
    stranger = cast.strangers_key()
    assert CLIENT.get(made.link, headers={"Authorization": f"Bearer {stranger}"}).status_code == 200
    assert EVOLINK.read(made.url, stranger, made.generation).status_code == 404


def test_the_store_itself_is_open_to_nobody(made: Linked) -> None:
    """I4: no route leads to the files but their links, and no other account of the machine reads them."""
    key = made.outputs[0]["storage_key"]
    folders = ("", "files/", "media/", "static/", "static/../", "static/%2e%2e/", "i/", "i/..%2f", "evolink/")
    for path in (folder + key for folder in folders):
        answer = httpx2.get(f"{made.url}/{path}", trust_env=False)
        assert answer.status_code == 404, path
        assert not answer.headers["content-type"].startswith("image/")
    assert made.file().exists()
    assert not made.file().stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO)
