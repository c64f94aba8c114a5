"""Uploads over the wire: promised, PUT, opened by whoever holds the link, gone when they are."""

from __future__ import annotations

import asyncio
import io
from dataclasses import dataclass
from typing import Any

import psycopg
import pytest
from django.conf import settings
from PIL import Image

from generations import inputs, spec
from generations.inputs import Owner
from generations.spec import Source
from tests.cast import Cast
from tests.flows.wire import CLIENT
from tests.generations.inputs import corpus
from tests.generations.inputs.conftest import latest_key
from tests.house import Servers


@dataclass
class Shelf:
    """An organization's uploads at a running server."""

    url: str
    owner: Owner

    def at(self, link: str) -> str:
        return link.replace(settings.EASEL.url, self.url)

    def promise(self, mime: str = "image/png") -> tuple[str, str]:
        """Where to PUT, and the link it will have."""
        where, made = asyncio.run(inputs.await_upload(self.owner, mime))
        return self.at(where), self.at(made.url)

    def keep(self, data: bytes) -> spec.Upload:
        return asyncio.run(inputs.upload(self.owner, Source("file", data=data)))


@pytest.fixture
def shelf(servers: Servers, cast: Cast) -> Shelf:
    cast.key()
    return Shelf(servers.shared().url, Owner(cast.organization.pk, "live", latest_key(cast.organization.pk)))


def put(where: str, data: bytes, mime: str | None = "image/png") -> Any:
    return CLIENT.put(where, content=data, headers={"Content-Type": mime} if mime else {})


@pytest.mark.parametrize(
    ("promised", "sent"),
    [("image/png", "image/png"), ("image/jpeg", "image/jpeg"), ("image/jpg", "image/jpg"),
     ("image/jpg", "image/jpeg"), ("image/jpeg", "image/jpg")],
)  # fmt: skip
def test_a_promised_file_is_put_and_then_served(shelf: Shelf, promised: str, sent: str) -> None:
    where, link = shelf.promise(promised)
    assert CLIENT.get(link).status_code == 404
    answer = put(where, corpus.photograph(), sent)
    assert (answer.status_code, answer.content) == (200, b"")
    served = CLIENT.get(link)
    assert (served.status_code, served.headers["content-type"]) == (200, "image/jpeg")
    assert Image.open(io.BytesIO(served.content)).size == (48, 64)
    assert b"Maker" not in served.content


def test_another_type_is_forbidden_and_none_is_a_mistake(shelf: Shelf) -> None:
    where, link = shelf.promise("image/png")
    assert put(where, corpus.png(), "image/jpeg").status_code == 403
    assert put(where, corpus.png(), "text/html").status_code == 403
    assert put(where, corpus.png(), None).status_code == 400
    assert CLIENT.get(link).status_code == 404
    assert put(where, corpus.png()).status_code == 200


@pytest.mark.parametrize(
    ("data", "status", "said"),
    [(b"<html>", 415, "The file is not a PNG"), (corpus.png()[:40], 400, "The file is not a whole"),
     (b"", 400, "The file is empty"), (corpus.flat_png(9000, 9000), 413, "The file has more than 40 million"),
     (corpus.animation("PNG"), 415, "The file is an animation"),
     (corpus.png() + bytes(30 * 2**20), 413, "The request is larger than 30 MB")],
    ids=["a page", "half", "empty", "a bomb", "an animation", "too large"],
)  # fmt: skip
def test_a_bad_file_is_refused_in_a_sentence(shelf: Shelf, data: bytes, status: int, said: str) -> None:
    where, link = shelf.promise()
    answer = put(where, data)
    assert (answer.status_code, answer.text[: len(said)]) == (status, said)
    assert CLIENT.get(link).status_code == 404


def test_a_file_is_put_once(shelf: Shelf) -> None:
    where, link = shelf.promise()
    assert put(where, corpus.png()).status_code == 200
    assert put(where, corpus.png()).status_code == 200, "the answer was lost: the client tries again"
    assert put(where, corpus.png((10, 10))).status_code == 409
    assert Image.open(io.BytesIO(CLIENT.get(link).content)).size == (64, 48)


def test_only_the_promised_address_takes_a_file(shelf: Shelf) -> None:
    where, link = shelf.promise()
    token = where.partition("put=")[2]
    kept = shelf.at(shelf.keep(corpus.png()).url)
    for forged in (link, where[:-1], where.replace(".png", ".jpg"), link.partition("?")[0],
                   f"{kept.partition('?')[0]}?put={token}", f"{link}&put="):  # fmt: skip
        assert put(forged, corpus.png()).status_code == 404, forged
    assert CLIENT.get(where).status_code == 404, "the token for writing reads nothing"


def test_a_promise_is_waited_for_so_long(shelf: Shelf, superuser: psycopg.Connection) -> None:
    where, link = shelf.promise()
    superuser.execute(
        "UPDATE generations_input SET expires_at = now() WHERE organization_id = %s",
        (shelf.owner.organization,),
    )
    assert put(where, corpus.png()).status_code == 403
    assert CLIENT.get(link).status_code == 410


def test_an_upload_is_served_like_an_image(shelf: Shelf) -> None:
    made = shelf.keep(corpus.png())
    link = shelf.at(made.url)
    whole, head = CLIENT.get(link), CLIENT.head(link)
    assert (whole.status_code, head.status_code, head.content) == (200, 200, b"")
    assert len(whole.content) == made.bytes == int(head.headers["content-length"])
    assert whole.headers["x-content-type-options"] == "nosniff"
    assert whole.headers["access-control-allow-origin"] == "*"
    part = CLIENT.get(link, headers={"Range": "bytes=10-19"})
    assert (part.status_code, part.content) == (206, whole.content[10:20])
    assert CLIENT.get(link, headers={"Range": f"bytes={made.bytes}-"}).status_code == 416
    assert CLIENT.get(link, headers={"If-None-Match": whole.headers["etag"]}).status_code == 304
    refused = CLIENT.post(link)
    assert (refused.status_code, refused.headers["allow"]) == (405, "GET, HEAD, PUT")


def test_a_link_that_we_did_not_make_is_not_found(shelf: Shelf) -> None:
    link = shelf.at(shelf.keep(corpus.png()).url)
    path, _, query = link.partition("?")
    for forged in (path, f"{path}?t=", f"{path}?{query[:-1]}", f"{path.replace('.png', '.jpg')}?{query}",
                   f"{path.upper().replace('/U/', '/u/').replace('HTTP', 'http')}?{query}",
                   f"{shelf.url}/u/00000000-0000-7000-8000-000000000000.png?{query}",
                   f"{shelf.url}/u/"):  # fmt: skip
        assert CLIENT.get(forged).status_code == 404, forged


def test_the_link_of_a_deleted_upload_is_gone(shelf: Shelf) -> None:
    made = shelf.keep(corpus.png())
    asyncio.run(inputs.delete_upload(shelf.owner, made.id))
    answer = CLIENT.get(shelf.at(made.url))
    assert (answer.status_code, answer.text) == (410, "This file is no longer kept.")
