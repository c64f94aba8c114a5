"""ToAPIs' door: uploads that become references, edits and balances, over HTTP against the real thing."""

from __future__ import annotations

import asyncio
import io
from typing import Any

import httpx2
import pytest
from PIL import Image

from accounts.actions import keys
from billing import actions as billing
from generations.inputs import decoder
from tests.cast import BY, IMAGE, Cast
from tests.flows.wire import CLIENT, Books, eventually

MODEL = "gemini-2.5-flash-image-official"
SUBMIT, EDIT, UPLOAD = "/v1/images/generations", "/v1/images/edits", "/v1/uploads/images"
NO_IMAGE = "Unsupported image type. Allowed: JPEG, PNG, WebP, GIF"


def call(url: str, method: str, path: str, key: str | None, **more: Any) -> httpx2.Response:
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    return CLIENT.request(method, f"{url}{path}", headers=headers, **more)


def picture(kind: str = "PNG", size: tuple[int, int] = (64, 48)) -> bytes:
    Image.new("RGB", size, (20, 90, 160)).save(file := io.BytesIO(), kind)
    return file.getvalue()


def upload(url: str, key: str, data: bytes, name: str = "cat.png") -> httpx2.Response:
    files = {"file": (name, data)}
    return call(url, "POST", f"/toapis{UPLOAD}", key, files=files, data={"purpose": "generation"})


def completed(url: str, key: str, made: httpx2.Response) -> dict[str, Any]:
    """The task, once it is."""
    assert made.status_code == 200, made.text
    path = f"/toapis{SUBMIT}/{made.json()['id']}"

    def final() -> dict[str, Any] | None:
        found: dict[str, Any] = call(url, "GET", path, key).json()
        return found if found["status"] in ("completed", "failed") else None

    task = eventually(final)
    assert task["status"] == "completed", task
    return task


def given(books: Books) -> list[str]:
    """The hashes of the inputs of the newest order."""
    return [one["sha256"] for one in books.generations()[-1]["order"]["inputs"]]


# ---- uploads ---------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "GIF"])
def test_an_upload_opens_without_a_key_and_works_as_a_reference(
    url: str, cast: Cast, books: Books, kind: str
) -> None:
    cast.credit(1)
    key = cast.key()
    answer = upload(url, key, picture(kind))
    assert answer.status_code == 200, answer.text
    body = answer.json()
    assert list(body) == ["success", "message", "data"]
    assert (body["success"], body["message"]) == (True, "")
    assert list(body["data"]) == ["id", "url", "mime_type", "size"]

    kept = CLIENT.get(body["data"]["url"])
    assert (kept.headers["content-type"], len(kept.content)) == (
        body["data"]["mime_type"],
        body["data"]["size"],
    )
    order = {"model": MODEL, "prompt": "A hat", "image_urls": [{"url": body["data"]["url"]}]}
    task = completed(url, key, call(url, "POST", f"/toapis{SUBMIT}", key, json=order))
    size = Image.open(io.BytesIO(CLIENT.get(task["url"]).content)).size
    assert size == (1184, 864), "the nearest of the model's shapes to 4:3"
    assert len(given(books)) == 1


def test_an_upload_loses_its_metadata(url: str, cast: Cast) -> None:
    exif = Image.Exif()
    exif[0x010F] = "A camera"
    Image.new("RGB", (64, 48)).save(file := io.BytesIO(), "JPEG", exif=exif)
    body = upload(url, cast.key(), file.getvalue()).json()
    assert b"A camera" not in CLIENT.get(body["data"]["url"]).content


@pytest.mark.parametrize(
    "data, message",
    [
        (b"%PDF-1.7 no picture", NO_IMAGE),
        (picture()[:60], NO_IMAGE),
        (b"\x00" * (10 * 2**20 + 1), "Image too large. Maximum size is 10MB"),
        (b"", "No file uploaded"),
    ],
    ids=["a PDF", "half a PNG", "10 MB and a byte", "nothing"],
)
def test_what_is_no_picture_of_ten_megabytes_is_refused(
    url: str, cast: Cast, books: Books, data: bytes, message: str
) -> None:
    answer = upload(url, cast.key(), data)
    assert (answer.status_code, answer.json()) == (400, {"success": False, "message": message})
    assert books.count("generations_input") == 0


def test_ten_megabytes_are_taken(url: str, cast: Cast) -> None:
    data = picture()
    assert upload(url, cast.key(), data + bytes(10 * 2**20 - len(data))).json()["success"] is True


def test_an_upload_of_another_team_is_no_reference(url: str, cast: Cast, books: Books) -> None:
    cast.credit(1)
    theirs = upload(url, cast.strangers_key(), picture()).json()["data"]["url"]
    order = {"model": MODEL, "prompt": "A hat", "image_urls": [theirs]}
    answer = call(url, "POST", f"/toapis{SUBMIT}", cast.key(), json=order)
    assert answer.status_code == 400
    assert answer.json()["error"]["code"] == "invalid_request"
    assert answer.json()["error"]["message"].startswith("image_urls[0] ")
    assert books.wallet() == (IMAGE, 0)


@pytest.mark.parametrize("name", ["image_urls", "reference_images"])
def test_an_address_that_is_not_ours_to_call_is_refused(
    url: str, cast: Cast, books: Books, name: str
) -> None:
    cast.credit(1)
    order = {"model": MODEL, "prompt": "A hat", name: ["http://169.254.169.254/latest/meta-data"]}
    answer = call(url, "POST", f"/toapis{SUBMIT}", cast.key(), json=order)
    assert answer.status_code == 400
    assert answer.json()["error"]["message"] == f"{name}[0] may not be fetched (url_not_allowed)."
    assert books.count("generations_generation") == 0


# ---- results as references, edits ---------------------------------------------------------------


def test_a_result_is_a_reference_of_the_next_task_in_both_ways_of_asking(
    url: str, cast: Cast, books: Books
) -> None:
    cast.credit(3)
    key = cast.key()
    order = {"model": MODEL, "prompt": "A lamp", "size": "21:9"}
    first = completed(url, key, call(url, "POST", f"/toapis{SUBMIT}", key, json=order))
    drawn = CLIENT.get(first["url"]).content
    sha256 = asyncio.run(decoder.decode(drawn)).sha256

    again = {"model": MODEL, "prompt": "By night", "reference_images": [first["url"]]}
    completed(url, key, call(url, "POST", f"/toapis{SUBMIT}", key, json=again))
    assert given(books) == [sha256]

    fields = {"model": MODEL, "prompt": "By day", "image": first["url"], "n": "1"}
    parts = {name: (None, value) for name, value in fields.items()}
    edited = completed(url, key, call(url, "POST", f"/toapis{EDIT}", key, files=parts))
    assert given(books) == [sha256]
    assert Image.open(io.BytesIO(CLIENT.get(edited["url"]).content)).size == (1536, 672)
    assert books.wallet() == (0, 0)


# ---- balances --------------------------------------------------------------------------------


def test_the_wallet_and_the_keys_own_budget_are_told_apart(url: str, cast: Cast) -> None:
    cast.credit(10)
    made, key = keys.create(organization=cast.organization, mode="live", name="capped", by=BY)
    other = cast.key()
    billing.set_budget(organization=cast.organization, period="total", limit=4 * IMAGE, key=made.pk, by=BY)
    for one in (key, other):
        order = {"model": MODEL, "prompt": "A lamp"}
        completed(url, one, call(url, "POST", f"/toapis{SUBMIT}", one, json=order))

    for path in ("/toapis/v1/user/balance", "/toapis/user/balance"):
        assert call(url, "GET", path, key).json() == {
            "success": True,
            "remain_balance": 0.3096,
            "used_balance": 0.0774,
            "remain_credits": 61.92,
            "used_credits": 15.48,
            "credits_per_usd": 200,
            "unlimited_quota": False,
        }
    for path in ("/toapis/v1/balance", "/toapis/balance"):
        own = call(url, "GET", path, key).json()
        assert (own["remain_balance"], own["used_balance"], own["unlimited_quota"]) == (
            0.1161,
            0.0387,
            False,
        )
        free = call(url, "GET", path, other).json()
        assert (free["remain_balance"], free["used_balance"], free["unlimited_quota"]) == (-1, 0.0387, True)


# ---- the bare root ---------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/balance", "/v1/balance", "/user/balance", "/v1/user/balance"])
def test_balances_stand_at_the_bare_root_with_and_without_a_key(url: str, cast: Cast, path: str) -> None:
    assert call(url, "GET", path, cast.key(home_door="toapis")).json()["success"] is True
    missing = call(url, "GET", path, None)
    message = {"success": False, "message": "No Authorization header"}
    assert (missing.status_code, missing.json()) == (401, message)
    unknown = call(url, "GET", path, "sk-unknown")
    message = {"success": False, "message": "Failed to get token info: record not found"}
    assert (unknown.status_code, unknown.json()) == (200, message)


def test_an_upload_at_the_bare_root_without_a_key_is_this_doors_401(url: str) -> None:
    answer = call(url, "POST", UPLOAD, None, files={"file": ("a.png", picture())})
    assert (answer.status_code, answer.json()["error"]["code"]) == (401, 401)
