"""Uploads: kept for 72 hours, so many of them, listed, deleted, and nobody else's."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import psycopg
import pytest

from generations import inputs, orphans, spec
from generations.errors import Problem
from generations.inputs import Owner, uploading
from generations.models import Input
from generations.spec import Source
from runtime import ids, storage
from runtime.tenancy import tenant
from tests.generations.inputs import corpus
from tests.generations.inputs.conftest import take
from tests.generations.inputs.site import answering, site

PNG = corpus.png()
FILE = Source("file", data=PNG)


def upload(owner: Owner, source: Source = FILE, **named: str) -> spec.Upload:
    return asyncio.run(inputs.upload(owner, source, **named))


def listed(owner: Owner, skip: int = 0, size: int = 20) -> tuple[tuple[spec.Upload, ...], int]:
    return asyncio.run(inputs.uploads(owner, skip, size))


def row(owner: Owner, upload: UUID) -> Input:
    with tenant(owner.organization):
        return Input.objects.of(owner.organization).get(pk=upload)


def test_an_upload_is_told_with_everything_about_it(owner: Owner) -> None:
    made = upload(owner, name="avatar.png", path="avatars")
    stored = storage.default().read(row(owner, made.id).storage_key)
    assert (made.name, made.path, made.mime, made.width, made.height) == (
        "avatar.png",
        "avatars",
        "image/png",
        64,
        48,
    )
    assert (made.bytes, made.expires_at - made.created_at) == (len(stored), timedelta(hours=72))
    assert made.url.startswith(f"http://localhost:8000/u/{made.id}.png?t=")


def test_without_a_name_it_gets_one(owner: Owner, monkeypatch: pytest.MonkeyPatch) -> None:
    async def journey() -> spec.Upload:
        async with site(answering(PNG), monkeypatch) as web:
            return await inputs.upload(
                owner, Source("file_url", url=web.url("/a/cat%20one.png?x=1"), http=True)
            )

    assert asyncio.run(journey()).name == "cat one.png"
    made = upload(owner)
    assert made.name == f"{made.id}.png"


def test_a_gif_becomes_its_first_frame(owner: Owner) -> None:
    assert upload(owner, Source("file", data=corpus.animation("GIF"))).mime == "image/png"


@pytest.mark.parametrize("named", [{"name": "a" * 201}, {"path": "a" * 201}])
def test_a_name_has_a_longest_length(owner: Owner, named: dict[str, str]) -> None:
    with pytest.raises(Problem, match="longer than 200 characters"):
        upload(owner, **named)
    assert upload(owner, name="a\x00\n" * 200).name == "a" * 200


def test_what_is_no_picture_is_not_kept(owner: Owner) -> None:
    with pytest.raises(Problem, match=r"^base64_data is not a PNG, JPEG, WebP, HEIC, HEIF or GIF image\.$"):
        upload(owner, Source("base64_data", data=b"<html>"))
    assert listed(owner) == ((), 0)
    assert not list(
        storage.default().list(f"live/{inputs.shelf.clock.utc_now():%Y%m%d}/{owner.organization}/")
    )


def test_uploads_are_listed_newest_first_in_pages(owner: Owner, stranger: Owner) -> None:
    made = [upload(owner, name=f"{number}.png") for number in range(3)]
    take(owner, FILE)  # a reference is no upload
    upload(stranger)
    found, total = listed(owner)
    assert (list(found), total) == (made[::-1], 3)
    assert listed(owner, 1, 1) == ((made[1],), 3)
    assert listed(owner, 5) == ((), 3)
    assert listed(replace(owner, mode="test")) == ((), 0)


def test_a_deleted_upload_is_gone_with_its_bytes_and_its_order_keeps_its_own(owner: Owner) -> None:
    made = upload(owner)
    key = row(owner, made.id).storage_key
    (reference,) = take(owner, Source("image", url=made.url))
    asyncio.run(inputs.delete_upload(owner, made.id))
    assert not storage.default().exists(key)
    assert storage.default().exists(reference.key)
    assert listed(owner) == ((), 0)
    assert row(owner, made.id).deleted_at


def test_what_is_not_his_or_not_there_cannot_be_deleted(owner: Owner, stranger: Owner) -> None:
    made = upload(owner)
    (reference,) = take(owner, FILE)
    with tenant(owner.organization):
        named = Input.objects.of(owner.organization).get(storage_key=reference.key).pk
    for who, what in (
        (stranger, made.id),
        (replace(owner, mode="test"), made.id),
        (owner, ids.uuid7()),
        (owner, named),
    ):
        with pytest.raises(Problem) as caught:
            asyncio.run(inputs.delete_upload(who, what))
        assert (caught.value.kind, caught.value.message) == ("not_found", "There is no such file.")
    assert listed(owner)[1] == 1


def test_so_many_are_kept_and_no_more(owner: Owner, monkeypatch: pytest.MonkeyPatch) -> None:
    assert uploading.MOST_UPLOADS == 100
    monkeypatch.setattr(uploading, "MOST_UPLOADS", 3)
    made = [upload(owner) for _ in range(2)]
    asyncio.run(inputs.await_upload(owner, "image/png"))  # a promise takes a place too
    for refused in (inputs.upload(owner, FILE), inputs.await_upload(owner, "image/png")):
        with pytest.raises(Problem) as caught:
            asyncio.run(refused)
        assert (caught.value.kind, caught.value.facts) == ("rate_limited", {"reason": "quota", "limit": 3})
    asyncio.run(inputs.delete_upload(owner, made[0].id))
    assert upload(owner)
    assert upload(replace(owner, mode="test"))


def test_two_at_once_do_not_both_get_the_last_place(owner: Owner, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(uploading, "MOST_UPLOADS", 2)

    async def journey() -> list[object]:
        return await asyncio.gather(*(inputs.upload(owner, FILE) for _ in range(5)), return_exceptions=True)

    kept = [one for one in asyncio.run(journey()) if isinstance(one, spec.Upload)]
    assert len(kept) == listed(owner)[1] == 2
    objects = storage.default().list(f"live/{inputs.shelf.clock.utc_now():%Y%m%d}/{owner.organization}/")
    assert len(list(objects)) == 2


# ---- promised ----


def promise(owner: Owner, mime: str = "image/png") -> Input:
    _, made = asyncio.run(inputs.await_upload(owner, mime))
    return row(owner, made.id)


def test_a_promise_says_where_to_put_the_file(owner: Owner) -> None:
    where, made = asyncio.run(inputs.await_upload(owner, "image/jpeg"))
    assert where.startswith(f"http://localhost:8000/u/{made.id}.jpg?put=")
    assert (made.bytes, made.mime, made.expires_at - made.created_at) == (
        0,
        "image/jpeg",
        timedelta(minutes=15),
    )
    assert listed(owner) == ((), 0)


@pytest.mark.parametrize("mime", ["video/mp4", "image/svg+xml", "text/html", "", "image/gif"])
def test_only_pictures_can_be_promised(owner: Owner, mime: str) -> None:
    with pytest.raises(Problem) as caught:
        asyncio.run(inputs.await_upload(owner, mime))
    assert caught.value.kind == "unsupported_media"


def test_a_kept_promise_is_an_upload_like_any_other(owner: Owner) -> None:
    promised = promise(owner)
    assert asyncio.run(inputs.fulfil(promised, corpus.photograph()))
    ((made,), total) = listed(owner)
    assert (total, made.id, made.mime, made.width) == (1, promised.pk, "image/jpeg", 48)
    assert made.expires_at - made.created_at > timedelta(hours=71)
    (linked,) = take(owner, Source("image", url=made.url))
    assert linked.sha256 == made.sha256


def test_a_promise_is_kept_once(owner: Owner) -> None:
    promised = promise(owner)
    assert asyncio.run(inputs.fulfil(promised, PNG))
    for again in (promised, row(owner, promised.pk)):
        assert asyncio.run(inputs.fulfil(again, PNG))
        assert not asyncio.run(inputs.fulfil(again, corpus.png((10, 10))))
    objects = storage.default().list(f"live/{inputs.shelf.clock.utc_now():%Y%m%d}/{owner.organization}/")
    assert [one.key for one in objects] == [row(owner, promised.pk).storage_key]


def test_a_bad_file_leaves_the_promise_open(owner: Owner) -> None:
    promised = promise(owner)
    with pytest.raises(Problem, match=r"^The file is not a PNG, JPEG, WebP, HEIC or HEIF image\.$"):
        asyncio.run(inputs.fulfil(promised, b"<html>"))
    assert asyncio.run(inputs.fulfil(promised, PNG))


# ---- the janitor ----


def test_what_was_kept_long_enough_is_deleted(owner: Owner, superuser: psycopg.Connection) -> None:
    (reference,), made, waiting = take(owner, FILE), upload(owner), promise(owner)
    young = upload(owner)
    key = row(owner, made.id).storage_key
    superuser.execute(
        "UPDATE generations_input SET expires_at = now() WHERE organization_id = %s AND id <> %s",
        (owner.organization, young.id),
    )
    assert listed(owner)[1] == 1
    orphans.expire_inputs()
    assert [storage.default().exists(one) for one in (reference.key, key)] == [False, False]
    assert storage.default().exists(row(owner, young.id).storage_key)
    assert row(owner, made.id).storage_key == ""
    assert row(owner, waiting.pk).deleted_at
    assert orphans.expire_inputs() == 0


def test_an_object_whose_row_was_deleted_first_is_deleted_later(
    owner: Owner, superuser: psycopg.Connection
) -> None:
    """The process died between the two."""
    made = upload(owner)
    key = row(owner, made.id).storage_key
    superuser.execute("UPDATE generations_input SET deleted_at = now() WHERE id = %s", (made.id,))
    orphans.expire_inputs()
    assert not storage.default().exists(key)


def test_a_picture_taken_again_after_its_end_is_stored_anew(
    owner: Owner, superuser: psycopg.Connection
) -> None:
    (first,) = take(owner, FILE)
    superuser.execute("UPDATE generations_input SET expires_at = now() WHERE storage_key = %s", (first.key,))
    orphans.expire_inputs()
    (second,) = take(owner, FILE)
    assert second.key != first.key
    assert storage.default().exists(second.key)
