"""Pictures made to hurt whoever opens or shows them, by every way in and out: A10, A11, A13.

What each of them does to the decoder is tested one level down (tests/generations/inputs/): here it is that no
field of a door goes round it, and that nothing is served as anything but a picture.
"""

from __future__ import annotations

import io
import zlib
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import httpx2
import psutil
import pytest
from aiohttp import web
from PIL import Image

from runtime import storage
from tests.abuses.attacker import Attacker
from tests.abuses.fields import FETCHED, KEPT, SHOWN, Field
from tests.flows.five import EVOLINK, WAYS, finished
from tests.flows.wire import CLIENT
from tests.generations.inputs import corpus
from tests.house import Servers
from tests.receivers import Authority, Receiver, receiver

MEBIBYTE = 2**20
REFUSED = {400, 413, 415, 422}

# ---- A10, A11: in ------------------------------------------------------------------------------

BOMBS: dict[str, Callable[[], bytes]] = {
    "PNG 13300x13300": lambda: corpus.flat_png(13300, 13300),
    "WebP 16000x11000": lambda: corpus.flat_webp(16000, 11000),
    "HEIC 11900x11900": lambda: corpus.lying_heic(11900, 11900),
    "two hundred frames": lambda: corpus.animation("WEBP", 200),
    "an APNG": lambda: corpus.animation("PNG", 50),
    "64 MB of text": lambda: corpus.png_with(b"zTXt", b"a\0\0" + zlib.compress(bytes(64 * MEBIBYTE), 9)),
    "64 MB of profile": lambda: corpus.png_with(b"iCCP", b"a\0\0" + zlib.compress(bytes(64 * MEBIBYTE), 9)),
}
DISGUISED: dict[str, Callable[[], bytes]] = {
    **{name: (lambda data=data: data) for name, data in corpus.NO_IMAGES.items()},
    "EPS": lambda: corpus.save(corpus.plain(), "EPS"),
    "TIFF": lambda: corpus.save(corpus.plain(), "TIFF"),
    "BMP": lambda: corpus.save(corpus.plain(), "BMP"),
    "ICO": lambda: corpus.save(corpus.plain(), "ICO"),
    "half a PNG": lambda: corpus.png((200, 200), compress_level=0)[:60_000],
    "a head alone": lambda: corpus.png()[:8] + corpus.SCRIPT,
}


@pytest.fixture(scope="module")
def bombs() -> dict[str, bytes]:
    return {name: make() for name, make in BOMBS.items()}


def servers_memory(servers: Servers) -> int:
    """Bytes that the web servers hold themselves; their children are limited on their own."""
    pids = [program.pid for program in servers.programs if program.name == "web" and not program.ended]
    return sum(psutil.Process(pid).memory_info().rss for pid in pids)


@pytest.mark.slow
@pytest.mark.parametrize("where", [*SHOWN, *KEPT], ids=str)
def test_a_bomb_goes_off_in_no_field(
    attacker: Attacker, servers: Servers, bombs: dict[str, bytes], where: Field
) -> None:
    """A10: refused, nothing kept, and the server itself does not grow by what is in it."""
    before = servers_memory(servers)
    for data in bombs.values():
        attacker.refused(REFUSED, where.method, where.path, **where.spell(data))
    assert servers_memory(servers) - before < 200 * MEBIBYTE
    assert CLIENT.get(f"{attacker.url}/healthz").status_code == 200


@pytest.mark.parametrize("where", [*SHOWN, *KEPT], ids=str)
def test_what_is_no_picture_is_taken_by_no_field(attacker: Attacker, where: Field) -> None:
    """A11: judged by its first bytes and by being decoded, whatever it is called and said to be."""
    for make in DISGUISED.values():
        attacker.refused(REFUSED, where.method, where.path, **where.spell(make()))


def polyglots() -> dict[str, bytes]:
    """Good pictures with something else in them."""
    return {
        "trailing script": corpus.png() + corpus.SCRIPT,
        "trailing archive": corpus.png() + b"PK\x03\x04<?php",
        "EXIF": corpus.photograph(),
        "texts": corpus.chatty_png(),
        "a comment": corpus.save(corpus.plain(), "JPEG", comment=b"<?php system($_GET[0]); ?>"),
        "CMYK": corpus.save(corpus.plain("CMYK"), "JPEG"),
        "16 bit": corpus.save(Image.new("I;16", (64, 48), 40_000), "PNG"),
    }


FORBIDDEN = (b"<script", b"<html", b"<?php", b"PK\x03\x04", b"Maker", b"Exif", b"somebody", b"xmpmeta")


def clean(data: bytes) -> None:
    """A picture of eight bits a channel, with nothing before, in or after it."""
    assert not [word for word in FORBIDDEN if word in data]
    picture = corpus.opened(data)
    assert (picture.format, picture.mode) in {("PNG", "RGB"), ("PNG", "RGBA"), ("JPEG", "RGB"), ("PNG", "L")}
    assert not picture.info.get("exif")
    assert data.endswith(b"IEND\xaeB`\x82" if picture.format == "PNG" else b"\xff\xd9")


@pytest.mark.parametrize("where", KEPT, ids=str)
def test_what_is_kept_is_nothing_but_the_picture(attacker: Attacker, where: Field) -> None:
    """A11: re-encoded, whatever stood around its pixels."""
    for name, data in polyglots().items():
        answer = attacker.send(where.method, where.path, **where.spell(data))
        assert answer.status_code == 200, (name, answer.text)
        told = answer.json()["data"]
        clean(CLIENT.get(told.get("file_url") or told["url"]).content)


@pytest.mark.parametrize("where", SHOWN, ids=str)
def test_what_an_engine_is_shown_is_nothing_but_the_picture(attacker: Attacker, where: Field) -> None:
    """A11: in the store, from which engines read, there is nothing else either."""
    for name, data in polyglots().items():
        answer = attacker.send(where.method, where.path, **where.spell(data))
        assert answer.status_code == 200, (name, answer.text[:300])
        row = attacker.books.generation(answer.headers["x-easel-generation"])
        (given,) = row["order"]["inputs"]
        clean(storage.default().read(given["key"]))
    attacker.books.settled(60)


@pytest.fixture(scope="module")
def shown_by_a_site(
    servers: Servers, attacker: Attacker, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Receiver, Attacker]]:
    """Somebody's site, and a server of ours that may fetch from it."""
    authority = Authority.made(tmp_path_factory.mktemp("authority"))
    with receiver(authority) as site:
        environ = {"EASEL_TEST_EGRESS": f"127.0.0.1:{site.port}", "SSL_CERT_FILE": str(authority.file)}
        yield site, replace(attacker, url=servers.web(**environ).url)


@pytest.mark.parametrize("where", FETCHED, ids=str)
def test_what_a_site_shows_is_judged_like_what_is_sent(
    shown_by_a_site: tuple[Receiver, Attacker], bombs: dict[str, bytes], where: Field
) -> None:
    """A10, A11 by the way of addresses: whatever Content-Type a site claims."""
    site, attacker = shown_by_a_site
    files = [
        bombs["PNG 13300x13300"],
        bombs["HEIC 11900x11900"],
        *(corpus.NO_IMAGES[n] for n in ("HTML", "SVG")),
    ]
    for number, data in enumerate(files):

        async def answer(request: web.BaseRequest, data: bytes = data) -> web.StreamResponse:
            return web.Response(body=data, content_type="image/png")

        site.answer = answer
        url = f"https://127.0.0.1:{site.port}/{number}.png"
        attacker.refused(REFUSED, where.method, where.path, **where.spell(url))


def test_a_promised_file_is_judged_like_what_is_sent(attacker: Attacker, bombs: dict[str, bytes]) -> None:
    """A10, A11 by the PUT of an upload."""
    path = "/gmi/api/v1/ie/requestqueue/apikey/upload-url"
    promised = attacker.send("POST", path, json={"file_type": "png"}).json()
    for data in (*bombs.values(), *(make() for make in DISGUISED.values())):
        answer = CLIENT.put(promised["upload_url"], content=data, headers={"Content-Type": "image/png"})
        assert answer.status_code in REFUSED, answer.text
        assert CLIENT.get(promised["public_url"]).status_code == 404
    for data in polyglots().values():
        promised = attacker.send("POST", path, json={"file_type": "png"}).json()
        answer = CLIENT.put(promised["upload_url"], content=data, headers={"Content-Type": "image/png"})
        assert answer.status_code == 200, answer.text
        clean(CLIENT.get(promised["public_url"]).content)


# ---- A13: out ----------------------------------------------------------------------------------


def kept_link(attacker: Attacker, where: Field) -> str:
    answer = attacker.send(where.method, where.path, **where.spell(corpus.png() + corpus.SCRIPT))
    told = answer.json()["data"]
    return str(told.get("file_url") or told["url"])


@pytest.fixture(scope="module")
def links(attacker: Attacker) -> dict[str, str]:
    """One of every kind of link that shows a picture to whoever holds it."""
    made = attacker.submit(EVOLINK)
    told = finished(attacker.url, attacker.key, made.headers["x-easel-generation"])
    return {
        "an output": told.json()["results"][0],
        **{str(where): kept_link(attacker, where) for where in KEPT},
    }


def is_only_a_picture(answer: httpx2.Response) -> None:
    headers = answer.headers
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["content-type"] in ("image/png", "image/jpeg", "image/webp", "text/plain; charset=utf-8")
    policy = headers["content-security-policy"]
    assert "sandbox" in policy
    assert "default-src 'none'" in policy
    assert "set-cookie" not in headers


def test_what_is_shown_is_shown_as_a_picture(links: dict[str, str]) -> None:
    """A13: to every method, in whole and in part, whatever the client would rather have."""
    for link in links.values():
        for method in ("GET", "HEAD"):
            for more in ({}, {"Range": "bytes=0-9"}, {"Accept": "text/html"}, {"Range": "bytes=99999999-"}):
                answer = CLIENT.request(method, link, headers=more)
                assert answer.status_code in (200, 206, 416)
                is_only_a_picture(answer)
                if answer.status_code != 416:
                    assert answer.headers["content-type"].startswith("image/")
                    assert answer.headers["content-disposition"].startswith("inline; filename=")


@pytest.mark.parametrize("ending", [".html", ".svg", ".png/evil.html", ".png;.html", ".png%00.html", ".js"])
def test_no_spelling_of_a_link_makes_it_a_page(links: dict[str, str], ending: str) -> None:
    """A13: another ending is another address, and there is nothing at it."""
    for link in links.values():
        answer = CLIENT.get(link.replace(".png?", f"{ending}?"))
        assert answer.status_code == 404
        is_only_a_picture(answer)


def test_a_file_that_is_downloaded_with_a_key_is_a_picture_too(attacker: Attacker) -> None:
    """A13: EvoLink's download answers the bytes itself."""
    where = KEPT[0]
    made = attacker.send(where.method, where.path, **where.spell(corpus.png())).json()["data"]
    answer = attacker.send("GET", f"/evolink/api/v1/files/download/{made['file_id']}")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "image/png"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert Image.open(io.BytesIO(answer.content)).format == "PNG"


def test_pictures_within_an_answer_are_within_json(attacker: Attacker) -> None:
    """A13: an answer of a door is never taken for a page."""
    for way in WAYS:
        answer: Any = attacker.submit(way)
        assert answer.headers["content-type"].startswith("application/json")
        assert answer.headers["x-content-type-options"] == "nosniff"
