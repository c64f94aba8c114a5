"""Pictures of an order: however they come they are the same, and all of them are good or none is kept."""

from __future__ import annotations

import asyncio
import base64
from dataclasses import replace

import psycopg
import pytest

from generations import inputs
from generations.errors import Problem
from generations.inputs import Owner, gate, shelf, turns
from generations.models import Input
from generations.spec import Order, Source
from runtime import storage
from runtime.tenancy import tenant
from tests.generations.inputs import corpus
from tests.generations.inputs.conftest import refused, take
from tests.generations.inputs.corpus import plain, save
from tests.generations.inputs.site import answering, site

PNG = corpus.png()
MEGABYTE = 2**20


def data_url(data: bytes, mime: str = "image/png") -> str:
    return f"data:{mime};base64,{base64.b64encode(data).decode()}"


def kept(owner: Owner) -> list[Input]:
    with tenant(owner.organization):
        return list(Input.objects.of(owner.organization).order_by("id"))


def test_a_picture_is_stored_clean_and_named_by_a_row(owner: Owner) -> None:
    (found,) = take(owner, Source("image", data=corpus.photograph()))
    (row,) = kept(owner)
    assert (row.mode, row.origin, row.key_id, row.storage_key) == ("live", "reference", owner.key, found.key)
    assert (found.mime, found.width, found.height, found.role) == ("image/jpeg", 48, 64, "image")
    stored = storage.default().read(found.key)
    assert len(stored) == found.bytes
    assert b"Maker" not in stored
    assert found.key.startswith("live/")
    assert f"/{owner.organization}/" in found.key


def test_by_every_way_in_the_same_picture_is_the_same_order(
    owner: Owner, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def journey() -> list[Order]:
        async with site(answering(PNG, "text/plain"), monkeypatch) as web:
            ways = [
                Source("image", data=PNG),
                Source("image", url=data_url(PNG)),
                Source("image", url=data_url(PNG, "application/x-unknown")),
                Source("image", url=f"DATA:;base64,{base64.urlsafe_b64encode(PNG).decode().rstrip('=')}"),
                Source("image", url=web.url("/not-a-picture.html?x=1"), http=True),
            ]
            orders = []
            for way in ways:
                orders.append(Order("m", "m", "p", inputs=await inputs.take(owner, [way])))
            return orders

    orders = asyncio.run(journey())
    assert len({order.fingerprint() for order in orders}) == 1
    assert len({order.inputs[0].key for order in orders}) == len(kept(owner)) == 1


def test_several_pictures_keep_their_order(owner: Owner) -> None:
    sizes = [(10 + number, 8) for number in range(9)]
    found = take(owner, *(Source(f"image[{n}]", data=corpus.png(size)) for n, size in enumerate(sizes)))
    assert [(one.width, one.height) for one in found] == sizes


def test_no_picture_is_no_input(owner: Owner) -> None:
    assert take(owner) == ()


def test_the_same_picture_twice_is_kept_once(owner: Owner) -> None:
    first, second = take(owner, Source("a", data=PNG), Source("b", data=PNG))
    assert first == second
    assert len(kept(owner)) == 1


def test_two_organizations_and_two_modes_share_nothing(owner: Owner, stranger: Owner) -> None:
    owners = (owner, replace(owner, mode="test", key=None), stranger)
    found = [take(one, Source("image", data=PNG))[0] for one in owners]
    assert len({one.sha256 for one in found}) == 1
    assert len({one.key for one in found}) == 3
    assert [one.key.partition("/")[0] for one in found] == ["live", "test", "live"]


def test_asking_again_lengthens_its_time(owner: Owner, superuser: psycopg.Connection) -> None:
    take(owner, Source("image", data=PNG))
    (row,) = kept(owner)
    superuser.execute("UPDATE generations_input SET expires_at = now() WHERE id = %s", (row.pk,))
    take(owner, Source("image", data=PNG))
    (again,) = kept(owner)
    assert again.pk == row.pk
    assert again.expires_at - row.created_at >= shelf.REFERENCES_KEPT


def test_a_picture_that_storage_lost_is_stored_anew(owner: Owner) -> None:
    (first,) = take(owner, Source("image", data=PNG))
    storage.default().delete(first.key)
    (second,) = take(owner, Source("image", data=PNG))
    assert second.key != first.key
    assert storage.default().exists(second.key)


# ---- refused: named, and nothing kept ----

MASKED = corpus.png(mode="RGBA")
REFUSALS = {
    "no picture": (b"<html>", "unsupported_media", "unsupported_media", "is not a PNG, JPEG,"),
    "half a picture": (PNG[:90], "bad_request", "not_an_image", "is not a whole, readable image."),
    "a bomb": (corpus.flat_png(9000, 9000), "too_large", "image_too_large", "has more than 40 million"),
    "an animation": (corpus.animation("PNG"), "unsupported_media", "animated", "is an animation."),
    "nothing": (b"", "bad_request", "not_an_image", "is empty."),
}  # fmt: skip


@pytest.mark.parametrize("what", REFUSALS)
def test_one_bad_picture_refuses_all_of_them(owner: Owner, what: str) -> None:
    data, kind, reason, sentence = REFUSALS[what]
    sources = [Source("image_urls[0]", data=PNG), Source("image_urls[1]", data=data)]
    problem = refused(owner, *sources)
    assert (problem.kind, problem.param, problem.facts["reason"]) == (kind, "image_urls[1]", reason)
    assert problem.message.startswith(f"image_urls[1] {sentence}")
    assert kept(owner) == []
    assert not list(storage.default().list(f"live/{shelf.clock.utc_now():%Y%m%d}/{owner.organization}/"))


@pytest.mark.parametrize(
    "url",
    ["data:image/png;base64", "data:image/png,AAAA", f"data:image/png;base64,{'A' * 5}", "data:;base64,AA==A",
     "data:;base64,A", "data:;base64,AAAA=", "data:;base64,AA AA", "data:;base64,AAAA\nAAAA",
     "data:;base64,ÄÄÄÄ", "data:;base64,AA%3D%3D", "data:;base64,", "data:;base64;x=1,AAAA"],
)  # fmt: skip
def test_a_data_url_is_read_strictly(owner: Owner, url: str) -> None:
    problem = refused(owner, Source("image", url=url))
    assert (problem.kind, problem.facts["reason"]) == ("bad_request", "not_an_image")


# ---- limits: one at, one over (DL12, I5) ----


def padded(size: int) -> bytes:
    """A PNG of exactly so many bytes."""
    return PNG + bytes(size - len(PNG))


@pytest.mark.parametrize("limit", [7 * MEGABYTE, 10 * MEGABYTE, 20 * MEGABYTE, 30 * MEGABYTE, 10_000_000])
@pytest.mark.parametrize("way", ["bytes", "data URL", "URL"])
def test_a_file_may_be_as_large_as_its_limit(
    owner: Owner, limit: int, way: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def journey(data: bytes) -> tuple[object, ...]:
        async with site(answering(data), monkeypatch) as web:
            source = {
                "bytes": Source("image", data=data, limit=limit),
                "data URL": Source("image", url=data_url(data), limit=limit),
                "URL": Source("image", url=web.url(), limit=limit, http=True),
            }[way]
            return await inputs.take(owner, [source])

    assert asyncio.run(journey(padded(limit)))
    with pytest.raises(Problem) as caught:
        asyncio.run(journey(padded(limit + 1)))
    shown = 10 if limit == 10_000_000 else limit // MEGABYTE
    assert (caught.value.kind, caught.value.message) == ("too_large", f"image is larger than {shown} MB.")


def test_all_pictures_of_a_request_have_a_limit_together(
    owner: Owner, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gate, "MOST_BYTES", 3 * len(PNG))
    take(owner, *(Source(f"image[{n}]", data=PNG) for n in range(3)))
    problem = refused(owner, *(Source(f"image[{n}]", data=PNG) for n in range(4)))
    assert (problem.kind, problem.facts["reason"]) == ("too_large", "too_large")
    assert "together" in problem.message


# ---- masks (I3) ----


def test_a_mask_is_a_png_with_alpha_of_the_pictures_size(owner: Owner) -> None:
    image, mask = take(owner, Source("image", data=PNG), Source("mask", data=MASKED, role="mask"))
    assert (image.role, mask.role, mask.mime) == ("image", "mask", "image/png")


@pytest.mark.parametrize(
    ("mask", "sentence"),
    [(PNG, "must be a PNG with an alpha channel"),
     (save(plain(), "JPEG"), "must be a PNG with an alpha channel"),
     (save(plain("RGBA"), "WEBP"), "must be a PNG with an alpha channel"),
     (corpus.png((48, 64), "RGBA"), "has 48x64 pixels and the picture 64x48")],
)  # fmt: skip
def test_any_other_mask_is_refused(owner: Owner, mask: bytes, sentence: str) -> None:
    problem = refused(owner, Source("image", data=PNG), Source("mask", data=mask, role="mask"))
    assert (problem.kind, problem.param, problem.facts["reason"]) == ("bad_request", "mask", "mask")
    assert sentence in problem.message


def test_a_mask_alone_masks_nothing(owner: Owner) -> None:
    assert refused(owner, Source("mask", data=MASKED, role="mask")).facts["reason"] == "mask"


# ---- how much at once (A32) ----


def test_an_organization_has_so_many_places_and_a_request_four(
    owner: Owner, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert (turns.PLACES, turns.DECODERS, gate.AT_ONCE) == (20, 2, 4)

    async def slow(request: object) -> object:
        await asyncio.sleep(0.05)
        return await answering(PNG)(request)  # type: ignore[arg-type]

    async def journey(requests: int) -> int:
        async with site(slow, monkeypatch) as web:  # type: ignore[arg-type]
            sources = [Source(f"image[{n}]", url=web.url(), http=True) for n in range(6)]
            await asyncio.gather(*(inputs.take(owner, sources) for _ in range(requests)))
            return web.most

    assert asyncio.run(journey(1)) == gate.AT_ONCE
    monkeypatch.setattr(turns, "PLACES", 3)
    assert asyncio.run(journey(2)) == 3


def test_what_is_fetched_in_a_minute_has_a_limit(owner: Owner, stranger: Owner) -> None:
    ours = turns.Turns()
    ours.may_fetch(owner.organization)
    ours.note_fetched(owner.organization, 200 * MEGABYTE)
    with pytest.raises(inputs.Refused) as caught:
        ours.may_fetch(owner.organization)
    assert caught.value.kind == "rate_limited"
    assert caught.value.retry_after
    ours.may_fetch(stranger.organization)
