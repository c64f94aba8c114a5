"""The wall of images: what is kept, what failed; small ones, many as a zip, some deleted for good."""

from __future__ import annotations

import asyncio
import io
import re
import zipfile
from typing import Any

import pytest
from django.db import connection
from django.test import AsyncClient
from django.test.utils import CaptureQueriesContext
from PIL import Image

from billing import entries
from generations import listing, thumbnails
from generations.models import Generation, Output
from runtime import storage
from runtime.tenancy import tenant
from tests.accounts.visits import Visitor
from tests.cast import Cast
from tests.generations.gallery import drawn, failed, png

pytestmark = [
    pytest.mark.usefixtures("database", "fresh_catalogue"),
    pytest.mark.filterwarnings("ignore:No directory at"),
]


def picks(made: Generation, *numbers: int) -> list[str]:
    return [f"{made.pk.hex}-{number}" for number in numbers]


def outputs(cast: Cast, made: Generation) -> list[Output]:
    with tenant(cast.organization):
        return list(Output.objects.of(cast.organization).filter(generation_id=made.pk).order_by("number"))


def hung(visitor: Visitor, query: str = "", **headers: str) -> list[str]:
    """What hangs on the wall, in order: picks of pictures, ids of what failed."""
    source = visitor.client.get(visitor.address("images") + query, headers=headers).content.decode()
    tiles = re.findall(r'<figure class="tile.*?</figure>', source, re.DOTALL)
    return [_named(tile) for tile in tiles]


def _named(tile: str) -> str:
    found = re.search(r'name="pick" value="([^"]+)"', tile) or re.search(r"/tasks/([0-9a-f-]{36})/", tile)
    assert found
    return found[1]


def test_the_wall_shows_what_is_kept_and_what_failed_newest_first(cast: Cast, owner: Visitor) -> None:
    first, lost, last = drawn(cast, count=2), failed(cast, "Blocked, sorry to say."), drawn(cast)
    assert hung(owner) == [*picks(last, 0), str(lost.pk), *picks(first, 0, 1)]
    assert "Blocked, sorry to say." in owner.read("images")
    assert hung(owner, "?state=succeeded") == [*picks(last, 0), *picks(first, 0, 1)]
    assert hung(owner, "?state=failed") == [str(lost.pk)]


def test_the_wall_is_narrowed_by_its_address(cast: Cast, owner: Visitor) -> None:
    fox, lamp = drawn(cast, prompt="A red FOX"), drawn(cast, dialect="evolink")
    assert hung(owner, "?q=red+fox") == picks(fox, 0)
    assert hung(owner, "?dialect=evolink") == picks(lamp, 0)
    assert hung(owner, f"?key={fox.key_id}&from=2020-01-01") == [*picks(lamp, 0), *picks(fox, 0)]
    assert hung(owner, "?to=2020-01-01") == []


def test_older_ones_are_hung_below_and_none_is_missed(
    cast: Cast, owner: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("generations.views.images.SIZE", 2)
    made = [drawn(cast, count=1 + number % 3) for number in range(4)]
    lost = failed(cast)
    whole = [str(lost.pk)]
    for one in reversed(made):
        whole += picks(one, *range(one.count))
    found, query = [], ""
    for _ in range(9):
        found += hung(owner, query, **({"HX-Request": "true"} if query else {}))
        page = owner.client.get(
            owner.address("images") + query, headers={"HX-Request": "true"}
        ).content.decode()
        older = re.search(r'hx-get="(\?before=[^"]+)"', page)
        if older is None:
            break
        query = older[1].replace("&amp;", "&")
        assert "part=wall" in query
    assert found == whole
    assert "<html" not in page


def test_a_scan_that_stopped_leads_on(cast: Cast, owner: Visitor, monkeypatch: pytest.MonkeyPatch) -> None:
    oldest = drawn(cast, prompt="The oldest fox")
    for _ in range(3):
        drawn(cast)
        failed(cast)
    monkeypatch.setattr(listing, "SCANNED", 2)
    found, query = [], "?q=fox"
    for _ in range(9):
        found += hung(owner, query)
        older = re.search(r'href="(\?q=fox&amp;before=[^"]+)"', owner.look("images", query))
        if older is None:
            break
        query = older[1].replace("&amp;", "&")
    assert found == picks(oldest, 0)


def test_the_number_of_queries_does_not_grow_with_the_pictures(cast: Cast, owner: Visitor) -> None:
    counted = []
    for number in (2, 5):
        for _ in range(number):
            drawn(cast, count=2)
            failed(cast)
        owner.look("images")
        with CaptureQueriesContext(connection) as queries:
            owner.look("images")
        counted.append(len(queries))
    assert counted[0] == counted[1]


# ---- small ones ------------------------------------------------------------------------------


@pytest.mark.parametrize("width", thumbnails.WIDTHS)
def test_a_small_picture_has_the_proportions_of_the_large_one(width: int) -> None:
    with Image.open(io.BytesIO(thumbnails.shrunk(png(1600, 800), width))) as small:
        assert (small.format, small.size) == ("WEBP", (width, width // 2))


def test_what_is_transparent_stays_so() -> None:
    Image.new("RGBA", (400, 400), (0, 0, 0, 0)).save(out := io.BytesIO(), "PNG")
    with Image.open(io.BytesIO(thumbnails.shrunk(out.getvalue(), 160))) as small:
        assert small.convert("RGBA").getpixel((80, 80))[3] == 0  # type: ignore[index]


def test_the_shelf_forgets_what_was_looked_at_longest_ago() -> None:
    shelf = thumbnails.Shelf(limit=30)
    for name in "abc":
        shelf.put(name, 160, bytes(10))
    assert shelf.get("a", 160)
    shelf.put("d", 160, bytes(10))
    assert [name for name in "abcd" if shelf.get(name, 160)] == ["a", "c", "d"]


# ---- many at once ----------------------------------------------------------------------------


def zipped(visitor: Visitor, chosen: list[str]) -> zipfile.ZipFile:
    """As a browser gets it from the ASGI stack, piece by piece."""

    async def fetch() -> tuple[int, str, bytes]:
        client = AsyncClient(headers={"host": "localhost"})
        client.cookies = visitor.client.cookies
        answer: Any = await client.post(visitor.address("zip_images"), {"pick": chosen})
        pieces = [piece async for piece in answer.streaming_content]
        return len(pieces), answer["Content-Disposition"], b"".join(pieces)

    pieces, disposition, data = asyncio.run(fetch())
    assert pieces > 1
    assert disposition.startswith('attachment; filename="')
    return zipfile.ZipFile(io.BytesIO(data))


def test_picked_pictures_come_as_one_zip_byte_for_byte(cast: Cast, viewer: Visitor) -> None:
    first, second = drawn(cast, count=2), drawn(cast)
    archive = zipped(viewer, [*picks(first, 1), *picks(second, 0)])
    assert archive.testzip() is None
    stored = [outputs(cast, second)[0], outputs(cast, first)[1]]
    read = [archive.read(name) for name in archive.namelist()]
    assert read == [storage.default().read(one.storage_key) for one in stored]


def test_a_zip_holds_no_picture_of_somebody_else(cast: Cast, owner: Visitor) -> None:
    theirs = Cast(cast.strangers, cast.stranger, cast.developer, cast.viewer, cast.owner, cast.organization)
    foreign, ours = drawn(theirs), drawn(cast)
    archive = zipped(owner, [*picks(foreign, 0), *picks(ours, 0), "nonsense", "0-0"])
    assert len(archive.namelist()) == 1


def test_nothing_picked_is_said(cast: Cast, owner: Visitor) -> None:
    drawn(cast)
    for page in ("zip_images", "delete_images"):
        assert "Nothing was picked" in owner.follow(owner.send(page))


# ---- deleted ---------------------------------------------------------------------------------


def test_deleting_asks_first(cast: Cast, developer: Visitor) -> None:
    made = drawn(cast, count=2)
    answer = developer.send("delete_images", {"pick": picks(made, 0, 1)})
    assert "Delete 2 images" in answer.content.decode()
    assert "410" in answer.content.decode()
    assert [one.deleted_at for one in outputs(cast, made)] == [None, None]


def test_deleted_is_gone_for_good_and_the_ledger_stays(cast: Cast, developer: Visitor) -> None:
    made = drawn(cast, count=2)
    before = entries.of_generation(cast.organization, "live", made.pk)
    answer = developer.send("delete_images", {"pick": picks(made, 0), "sure": "yes"})
    assert "1 image deleted" in developer.follow(answer)
    gone, kept = outputs(cast, made)
    assert gone.deleted_at is not None
    assert not storage.default().exists(gone.storage_key)
    assert kept.deleted_at is None
    assert storage.default().exists(kept.storage_key)
    assert hung(developer) == picks(made, 1)
    assert entries.of_generation(cast.organization, "live", made.pk) == before
    assert "1 image is no longer kept" in developer.read("task", generation=made.pk)


def test_from_a_task_deleting_leads_back_to_it(cast: Cast, owner: Visitor) -> None:
    made = drawn(cast)
    fields = {"pick": picks(made, 0), "next": made.pk.hex, "sure": "yes"}
    assert owner.send("delete_images", fields)["Location"] == owner.address("task", generation=made.pk)
    evil = {**fields, "pick": picks(drawn(cast), 0), "next": "//evil.example"}
    assert owner.send("delete_images", evil)["Location"] == owner.address("images")


def test_nobody_deletes_a_strangers_picture(cast: Cast, owner: Visitor) -> None:
    theirs = Cast(cast.strangers, cast.stranger, cast.developer, cast.viewer, cast.owner, cast.organization)
    foreign = drawn(theirs)
    owner.send("delete_images", {"pick": picks(foreign, 0), "sure": "yes"})
    assert outputs(theirs, foreign)[0].deleted_at is None
