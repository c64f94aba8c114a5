"""ToAPIs' door beside the tasks: uploads and balances, each in its own envelope."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from generations.dialect import Answer, Incoming
from generations.dialects.toapis import ToApis
from generations.errors import Problem
from generations.spec import Balance, Kind, Source
from tests.dialects.desk import FLASH, Caller, MemoryDesk, parsed, picture

UPLOAD = "/v1/uploads/images"
MB = 2**20
NO_IMAGE = "Unsupported image type. Allowed: JPEG, PNG, WebP, GIF"
TOO_BIG = "Image too large. Maximum size is 10MB"


@pytest.fixture
def desk() -> MemoryDesk:
    return MemoryDesk("toapis", models=(replace(FLASH, credits_per_dollar=200),))


@pytest.fixture
def door(desk: MemoryDesk) -> Caller:
    return Caller(ToApis(), desk)


def part(name: str, data: bytes, *, filename: str = "", mime: str = "") -> bytes:
    head = f'--x\r\nContent-Disposition: form-data; name="{name}"'
    head += f'; filename="{filename}"' if filename else ""
    head += f"\r\nContent-Type: {mime}" if mime else ""
    return head.encode() + b"\r\n\r\n" + data + b"\r\n"


def file(data: bytes, name: str = "file") -> bytes:
    return part(name, data, filename="cat.png", mime="image/png")


def send(door: Caller, *parts: bytes) -> Answer:
    headers = {"content-type": "multipart/form-data; boundary=x"}
    return door.ask("POST", UPLOAD, b"".join(parts) + b"--x--\r\n", headers=headers)


def unsuccessful(answer: Answer, status: int = 400) -> str:
    """The message of an envelope that says no, and nothing else."""
    body = parsed(answer)
    assert (answer.status, list(body), body["success"]) == (status, ["success", "message"], False)
    return str(body["message"])


# ---- uploads ---------------------------------------------------------------------------------


def test_an_upload_answers_exactly_as_documented(door: Caller, desk: MemoryDesk) -> None:
    data = picture()
    answer = send(door, file(data), part("purpose", b"generation"))
    (kept,) = desk.kept_uploads.values()
    assert answer.status == 200
    assert list(parsed(answer).items()) == [
        ("success", True),
        ("message", ""),
        (
            "data",
            {"id": f"upload_{kept.id.hex}", "url": kept.url, "mime_type": "image/png", "size": kept.bytes},
        ),
    ]
    assert desk.taken == [Source("file", data=data, limit=10 * MB)]
    assert kept.name == "cat.png"


def test_ten_megabytes_pass_and_one_byte_more_does_not(door: Caller, desk: MemoryDesk) -> None:
    assert send(door, file(b"x" * (10 * MB))).status == 200
    assert unsuccessful(send(door, file(b"x" * (10 * MB + 1)))) == TOO_BIG
    assert len(desk.kept_uploads) == 1


@pytest.mark.parametrize(
    "parts",
    [[], [part("purpose", b"generation")], [file(b"")], [file(b"x", name="image")], [part("file", b"text")]],
    ids=["nothing", "only a purpose", "an empty file", "another name", "a text"],
)
def test_without_a_file_nothing_was_uploaded(door: Caller, parts: list[bytes]) -> None:
    assert unsuccessful(send(door, *(parts or [part("other", b"")]))) == "No file uploaded"


def test_two_files_are_one_too_many(door: Caller, desk: MemoryDesk) -> None:
    assert unsuccessful(send(door, file(b"a"), file(b"b"))) == "Send one file at a time"
    assert not desk.kept_uploads


@pytest.mark.parametrize(
    "problem, message",
    [
        (Problem(Kind.UNSUPPORTED_MEDIA, "x", param="file", reason="unsupported_media"), NO_IMAGE),
        (Problem(Kind.BAD_REQUEST, "x", param="file", reason="not_an_image"), NO_IMAGE),
        (Problem(Kind.TOO_LARGE, "x", param="file", reason="too_large"), TOO_BIG),
        (Problem(Kind.TOO_LARGE, "Too many pixels.", reason="image_too_large"), "Too many pixels."),
        (Problem(Kind.UNSUPPORTED_MEDIA, "An animation.", reason="animated"), "An animation."),
    ],
    ids=["type", "no image", "size", "pixels", "animated"],
)
def test_what_the_gate_refuses_is_said_in_the_vendors_sentence(
    door: Caller, desk: MemoryDesk, problem: Problem, message: str
) -> None:
    desk.refused_sources["file"] = problem
    assert unsuccessful(send(door, file(b"x"))) == message


def test_a_body_that_is_no_form_is_told_what_to_send(door: Caller) -> None:
    assert "multipart/form-data" in unsuccessful(door.ask("POST", UPLOAD, {"file": "x"}))
    headers = {"content-type": "multipart/form-data; boundary=x"}
    assert unsuccessful(door.ask("POST", UPLOAD, b"nothing", headers=headers))


def test_a_request_too_large_to_read_is_said_alike() -> None:
    request = Incoming("POST", UPLOAD, "", {}, {}, b"")
    answer = ToApis().word(Problem(Kind.TOO_LARGE, "The request is larger than 64 MB."), request)
    assert unsuccessful(answer) == TOO_BIG


@pytest.mark.parametrize("kind, status", [(Kind.AUTH_INVALID, 401), (Kind.RATE_LIMITED, 429)])
def test_a_bad_key_or_too_many_have_the_error_envelope_here(kind: Kind, status: int) -> None:
    answer = ToApis().word(Problem(kind, "No."), Incoming("POST", UPLOAD, "", {}, {}, b""))
    assert (answer.status, parsed(answer)["error"]["code"]) == (status, status)


# ---- balances --------------------------------------------------------------------------------


OWN, WALLET = ("/v1/balance", "/balance"), ("/v1/user/balance", "/user/balance")
MONEY = Balance(available=10_500_000_000, used=2_300_000_000, key_name="k", key_limit=None, key_used=0)


def ask(desk: MemoryDesk, path: str, **changes: Any) -> dict[str, Any]:
    desk.money = replace(MONEY, **changes)
    answer = Caller(ToApis(), desk).ask("GET", path)
    assert (answer.status, answer.headers["Cache-Control"]) == (200, "no-store")
    body: dict[str, Any] = parsed(answer)
    return body


@pytest.mark.parametrize("path", WALLET)
def test_the_users_balance_is_the_wallet(desk: MemoryDesk, path: str) -> None:
    assert list(ask(desk, path, key_limit=1).items()) == [
        ("success", True),
        ("remain_balance", 10.5),
        ("used_balance", 2.3),
        ("remain_credits", 2100),
        ("used_credits", 460),
        ("credits_per_usd", 200),
        ("unlimited_quota", False),
    ]


@pytest.mark.parametrize("path", OWN)
def test_the_keys_balance_is_its_own_budget(desk: MemoryDesk, path: str) -> None:
    body = ask(desk, path, key_limit=1_000_000_000, key_used=38_700_000)
    assert (body["remain_balance"], body["used_balance"]) == (0.9613, 0.0387)
    assert (body["remain_credits"], body["used_credits"]) == (192.26, 7.74)
    assert body["unlimited_quota"] is False


@pytest.mark.parametrize("path", OWN)
def test_a_key_without_a_budget_is_unlimited(desk: MemoryDesk, path: str) -> None:
    body = ask(desk, path, key_used=38_700_000)
    assert (body["remain_balance"], body["remain_credits"], body["unlimited_quota"]) == (-1, -1, True)
    assert body["used_credits"] == 7.74


def test_a_budget_that_was_lowered_below_what_is_spent_leaves_nothing(desk: MemoryDesk) -> None:
    body = ask(desk, "/v1/balance", key_limit=1, key_used=38_700_000)
    assert (body["remain_balance"], body["unlimited_quota"]) == (0, False)


@pytest.mark.parametrize("path", OWN + WALLET)
def test_a_bad_key_is_worded_as_documented(path: str) -> None:
    request = Incoming("GET", path, "", {}, {}, b"")
    unknown, missing = Problem(Kind.AUTH_INVALID, "No."), Problem(Kind.AUTH_MISSING, "No key.")
    assert unsuccessful(ToApis().word(unknown, request), 200) == (
        "Failed to get token info: record not found"
    )
    assert unsuccessful(ToApis().word(missing, request), 401) == "No Authorization header"


def test_elsewhere_a_bad_key_has_the_error_envelope() -> None:
    request = Incoming("POST", "/v1/images/generations", "", {}, {}, b"")
    error = {
        "code": 401,
        "message": "Authentication failed, please check your API key",
        "type": "authentication_error",
    }
    assert parsed(ToApis().word(Problem(Kind.AUTH_INVALID, "No."), request)) == {"error": error}
