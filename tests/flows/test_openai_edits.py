"""OpenAI's own client, unmodified, making pictures from pictures at a running server (DL3)."""

from __future__ import annotations

import base64
import io
import ssl
import struct
import subprocess
import threading
import zlib
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import openai
import pytest
import trustme
from openai.types import ImageEditCompletedEvent, ImageEditPartialImageEvent
from PIL import Image

from tests.cast import IMAGE, Cast
from tests.examples.programs import need_tools
from tests.flows.wire import CLIENT, MODEL, TOKENS, Books
from tests.house import Servers


@pytest.fixture
def key(cast: Cast) -> str:
    """A live key with credit for ten images."""
    cast.credit(10)
    return cast.key()


@pytest.fixture
def client(url: str, key: str) -> openai.OpenAI:
    return openai.OpenAI(base_url=f"{url}/openai/v1", api_key=key)


def drawn(colour: str = "teal", size: tuple[int, int] = (96, 64), kind: str = "PNG") -> bytes:
    Image.new("RGB", size, colour).save(out := io.BytesIO(), kind)
    return out.getvalue()


def mask_of(size: tuple[int, int] = (96, 64), mode: str = "RGBA") -> bytes:
    """Transparent in its left half."""
    mask = Image.new(mode, size, "black")
    if mode == "RGBA":
        mask.paste((0, 0, 0, 0), (0, 0, size[0] // 2, size[1]))
    mask.save(out := io.BytesIO(), "PNG")
    return out.getvalue()


def data_url(file: bytes) -> str:
    return f"data:image/png;base64,{base64.b64encode(file).decode()}"


def made(answer: openai.types.ImagesResponse) -> Image.Image:
    assert answer.data
    picture = Image.open(io.BytesIO(base64.b64decode(answer.data[0].b64_json or "")))
    picture.load()
    return picture


def roles(books: Books) -> list[str]:
    return [stored["role"] for stored in books.only()["order"]["inputs"]]


def post(url: str, key: str, body: Any) -> Any:
    headers = {"Authorization": f"Bearer {key}"}
    return CLIENT.post(f"{url}/openai/v1/images/edits", json=body, headers=headers)


# ---- every way in ------------------------------------------------------------------------------


def test_one_file_is_edited_and_charged_as_one_image(client: openai.OpenAI, books: Books) -> None:
    answer = client.images.edit(model=MODEL, image=drawn(), prompt="In the snow")
    assert made(answer).size == (1248, 832), "it follows the picture"
    assert answer.usage is not None
    assert answer.usage.output_tokens == TOKENS
    assert (roles(books), books.wallet()) == (["image"], (9 * IMAGE, 0))


def test_a_list_of_files_and_a_mask_and_every_field(client: openai.OpenAI, books: Books) -> None:
    files = [("a.png", drawn("red")), ("b.jpg", drawn("blue", kind="JPEG")), ("c.png", drawn(kind="WEBP"))]
    answer = client.images.edit(
        model=MODEL,
        image=files,
        mask=mask_of(),
        prompt="All in one",
        n=2,
        size="1024x1024",
        quality="high",
        background="opaque",
        input_fidelity="high",
        output_format="webp",
        output_compression=80,
        user="somebody",
    )
    assert answer.data
    assert len(answer.data) == 2
    assert (made(answer).format, made(answer).size) == ("WEBP", (1024, 1024))
    assert (answer.output_format, answer.quality, answer.background) == ("webp", "high", "opaque")
    assert (roles(books), books.wallet()) == (["image", "image", "image", "mask"], (8 * IMAGE, 0))


@pytest.mark.parametrize("field", ["image", "image[]", "file"])
def test_curl_sends_its_file_under_each_documented_name(
    url: str, key: str, tmp_path: Path, field: str
) -> None:
    picture, mask = tmp_path / "a.png", tmp_path / "mask.png"
    picture.write_bytes(drawn())
    mask.write_bytes(mask_of())
    form = ["-F", f"{field}=@{picture}", "-F", f"mask=@{mask}", "-F", f"model={MODEL}", "-F", "prompt=Snow"]
    command = ["curl", "-s", "--fail-with-body", f"{url}/openai/v1/images/edits", *form]
    need_tools(command)
    done = subprocess.run([*command, "-H", f"Authorization: Bearer {key}"], capture_output=True, check=True)
    assert done.stdout.startswith(b'{"created":')


def test_a_data_url_and_one_of_our_own_links_are_edited_together(
    url: str, key: str, client: openai.OpenAI
) -> None:
    first = client.images.with_raw_response.generate(model=MODEL, prompt="A lamp", size="1344x768")
    generation = first.headers["x-easel-generation"]
    told = CLIENT.get(f"{url}/openai/v1/generations/{generation}", headers={"Authorization": f"Bearer {key}"})
    (link,) = told.json()["links"]
    assert link.startswith("http://"), "plain http, which no other address may be"
    images = [{"image_url": data_url(drawn())}, {"image_url": link}]
    answer = post(url, key, {"model": MODEL, "prompt": "On the table", "images": images})
    assert answer.status_code == 200, answer.text
    picture = Image.open(io.BytesIO(base64.b64decode(answer.json()["data"][0]["b64_json"])))
    assert picture.size == (1344, 768), "it follows the last one"


def test_an_edit_streams_events_typed_by_the_client(client: openai.OpenAI, books: Books) -> None:
    events = list(
        client.images.edit(model=MODEL, image=drawn(), prompt="Snow", stream=True, partial_images=1)
    )
    assert [type(event) for event in events] == [ImageEditPartialImageEvent, ImageEditCompletedEvent]
    assert books.wallet() == (9 * IMAGE, 0)


def test_the_same_edit_in_another_encoding_is_the_same_request(
    url: str, key: str, client: openai.OpenAI, books: Books
) -> None:
    headers = {"Idempotency-Key": "once"}
    client.images.edit(model=MODEL, image=drawn(), prompt="Snow", extra_headers=headers)
    body = {"model": MODEL, "prompt": "Snow", "images": [{"image_url": data_url(drawn())}]}
    again = CLIENT.post(
        f"{url}/openai/v1/images/edits", json=body, headers=headers | {"Authorization": f"Bearer {key}"}
    )
    assert again.headers["idempotency-replayed"] == "true"
    assert books.wallet() == (9 * IMAGE, 0)


# ---- fetched -----------------------------------------------------------------------------------


class Pictures(BaseHTTPRequestHandler):
    """Somebody's web server."""

    def do_GET(self) -> None:
        body = drawn("olive")
        self.send_response(200 if self.path == "/lamp.png" else 404)
        self.send_header("Content-Type", "text/plain")  # what it says of itself counts for nothing
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Says nothing."""


@pytest.fixture(scope="module")
def elsewhere(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    """An https server on the loopback: its address, and the authority that vouches for it."""
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    authority.cert_pem.write_to_path(ca := tmp_path_factory.mktemp("ca") / "ca.pem")
    server = ThreadingHTTPServer(("127.0.0.1", 0), Pictures)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"127.0.0.1:{server.server_port}", ca
    server.shutdown()
    server.server_close()


def test_a_picture_behind_an_https_url_is_edited(
    servers: Servers, elsewhere: tuple[str, Path], key: str, books: Books
) -> None:
    address, ca = elsewhere
    web = servers.web(EASEL_TEST_EGRESS=address, SSL_CERT_FILE=str(ca))
    body = {"model": MODEL, "prompt": "Snow", "images": [{"image_url": f"https://{address}/lamp.png"}]}
    answer = post(web.url, key, body)
    assert answer.status_code == 200, answer.text
    assert (roles(books), books.wallet()) == (["image"], (9 * IMAGE, 0))

    missing = post(web.url, key, body | {"images": [{"image_url": f"https://{address}/none.png"}]})
    assert missing.status_code == 400
    assert missing.json()["error"]["message"].startswith("images[0].image_url is invalid: it ")
    web.stop()


# ---- refusals ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("image", "mask", "param", "message"),
    [
        (b"<html>no picture</html>", None, "image", "image is invalid: it "),
        (drawn()[:120], None, "image", "image is invalid: it "),
        (drawn(), drawn(), "mask", "alpha channel"),
        (drawn(), mask_of(mode="RGB"), "mask", "alpha channel"),
        (drawn(), mask_of((64, 64)), "mask", "64x64"),
    ],
    ids=["a page", "half a picture", "an opaque mask", "a mask without alpha", "a mask of another size"],
)
def test_what_is_no_picture_or_no_mask_of_it_is_a_bad_request_that_names_it(
    client: openai.OpenAI, books: Books, image: bytes, mask: bytes | None, param: str, message: str
) -> None:
    with pytest.raises(openai.BadRequestError) as raised:
        client.images.edit(model=MODEL, image=image, mask=mask or openai.omit, prompt="Snow")
    assert raised.value.param == param
    assert message in raised.value.message
    assert books.generations() == []


@pytest.mark.parametrize(
    ("link", "message"),
    [
        ("http://example.com/a.png", "images[0].image_url must be an https URL or a base64 data URL"),
        ("https://127.0.0.1/a.png", "images[0].image_url is invalid: it may not be fetched"),
        ("https://localhost/a.png", "images[0].image_url is invalid: it "),
        ("data:image/png;base64,!!!!", "images[0].image_url is invalid: it is not valid base64"),
    ],
)
def test_a_url_that_may_not_be_read_is_a_bad_request_that_names_it(
    url: str, key: str, books: Books, link: str, message: str
) -> None:
    answer = post(url, key, {"model": MODEL, "prompt": "Snow", "images": [{"image_url": link}]})
    error = answer.json()["error"]
    assert (answer.status_code, error["param"]) == (400, "images[0].image_url")
    assert error["message"].startswith(message)
    assert books.generations() == []


def test_another_organizations_link_reads_like_one_that_never_was(url: str, cast: Cast, key: str) -> None:
    client = openai.OpenAI(base_url=f"{url}/openai/v1", api_key=key)
    first = client.images.with_raw_response.generate(model=MODEL, prompt="A lamp")
    generation = first.headers["x-easel-generation"]
    told = CLIENT.get(f"{url}/openai/v1/generations/{generation}", headers={"Authorization": f"Bearer {key}"})
    (link,) = told.json()["links"]
    stranger = cast.strangers_key("test")
    bodies = [
        post(url, stranger, {"prompt": "x", "model": MODEL, "images": [{"image_url": one}]})
        for one in (link, link.replace(generation, "01aa0000-0000-7000-8000-000000000000"))
    ]
    assert [answer.status_code for answer in bodies] == [400, 400]
    assert bodies[0].json() == bodies[1].json()


def test_inline_pictures_pass_at_seven_megabytes_and_not_above(url: str, key: str) -> None:
    """A PNG that is as long as it may be, by a chunk that says nothing."""
    limit = 7 * 2**20
    at_limit, above = padded(limit), padded(limit + 1)
    assert (len(at_limit), len(above)) == (limit, limit + 1)
    for file, status in ((at_limit, 200), (above, 413)):
        body = {"model": MODEL, "prompt": "Snow", "images": [{"image_url": data_url(file)}]}
        assert post(url, key, body).status_code == status


def padded(length: int) -> bytes:
    """A small PNG with a comment of exactly so many bytes that the file has this length."""
    whole = drawn()
    before, end = whole[:-12], whole[-12:]
    text = b"tEXtComment\0".ljust(4 + length - len(whole) - 12, b"x")
    return before + struct.pack(">I", len(text) - 4) + text + struct.pack(">I", zlib.crc32(text)) + end
