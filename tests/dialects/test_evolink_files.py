"""EvoLink's door: the files API, in its own envelope."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from generations.dialect import Answer, Incoming
from generations.dialects import DIALECTS
from generations.errors import Problem
from generations.inputs.uploading import MOST_UPLOADS
from generations.spec import Kind, Source
from tests.dialects.desk import MemoryDesk, parsed, picture
from tests.dialects.evolink_caller import FILES, EvolinkCaller, part

MB = 2**20
PNG = base64.b64encode(picture()).decode()
URL = "https://example.com/cat.png"
UNKNOWN = "file_00000000000070008000000000000001"


@pytest.fixture
def desk() -> MemoryDesk:
    return MemoryDesk("evolink")


@pytest.fixture
def door(desk: MemoryDesk) -> EvolinkCaller:
    return EvolinkCaller(desk)


def upload(door: EvolinkCaller, route: str = "base64", **body: Any) -> Answer:
    return door.ask("POST", f"{FILES}/upload/{route}", body)


def stream(door: EvolinkCaller, *parts: bytes) -> Answer:
    return door.send_form(f"{FILES}/upload/stream", *parts)


def file(data: bytes = b"picture", filename: str = "cat.png") -> bytes:
    return part("file", data, filename=filename, mime="image/png")


def unsuccessful(answer: Answer) -> tuple[int, int, str]:
    """Status, code and message of an envelope that says no, and nothing else."""
    body = parsed(answer)
    assert (list(body), body["success"]) == (["success", "code", "msg"], False)
    return answer.status, body["code"], body["msg"]


# ---- uploads ---------------------------------------------------------------------------------


def test_an_upload_answers_exactly_as_documented(door: EvolinkCaller, desk: MemoryDesk) -> None:
    answer = upload(door, base64_data=PNG, file_name="avatar.png", upload_path="avatars")
    (kept,) = desk.kept_uploads.values()
    assert answer.status == 200
    assert list(parsed(answer).items()) == [
        ("success", True),
        ("code", 200),
        ("msg", "File uploaded successfully"),
        (
            "data",
            {
                "file_id": f"file_{kept.id.hex}",
                "file_name": "avatar.png",
                "original_name": "avatar.png",
                "file_size": 100,
                "mime_type": "image/png",
                "upload_path": "avatars",
                "file_url": kept.url,
                "download_url": kept.url,
                "upload_time": "2026-11-20T20:00:00+08:00",
                "expires_at": "2026-11-23T20:00:00+08:00",
            },
        ),
    ]


@pytest.mark.parametrize(
    "said, url",
    [
        (PNG, f"data:;base64,{PNG}"),
        (f"data:image/png;base64,{PNG}", f"data:image/png;base64,{PNG}"),
        (f"DATA:image/png;base64,{PNG}\n", f"DATA:image/png;base64,{PNG}"),
    ],
    ids=["bare", "data URL", "upper case"],
)
def test_base64_comes_alone_or_as_a_data_url(
    door: EvolinkCaller, desk: MemoryDesk, said: str, url: str
) -> None:
    assert upload(door, base64_data=said).status == 200
    assert desk.taken == [Source("base64_data", url=url, limit=20 * MB)]


@pytest.mark.parametrize("url", [URL, "http://example.com/cat.png"])
def test_a_url_may_be_http_or_https(door: EvolinkCaller, desk: MemoryDesk, url: str) -> None:
    assert upload(door, "url", file_url=url).status == 200
    assert desk.taken == [Source("file_url", url=url, limit=10 * MB, http=True)]


@pytest.mark.parametrize(
    "names", [("uploadPath", "fileName"), ("upload_path", "file_name")], ids=["camel", "snake"]
)
def test_a_form_names_its_fields_in_either_case(
    door: EvolinkCaller, desk: MemoryDesk, names: tuple[str, str]
) -> None:
    answer = stream(
        door, part(names[0], b"a/b"), file(picture()), part(names[1], "Katze \u00e4.png".encode())
    )
    assert answer.status == 200
    (kept,) = desk.kept_uploads.values()
    assert (kept.name, kept.path) == ("Katze \u00e4.png", "a/b")
    assert desk.taken == [Source("file", data=picture(), limit=20 * MB)]


def test_a_form_without_a_name_keeps_the_files_own(door: EvolinkCaller, desk: MemoryDesk) -> None:
    stream(door, file(filename="C:\\pictures\\cat.png"))
    assert next(iter(desk.kept_uploads.values())).name == "cat.png"


def test_twenty_megabytes_pass_and_one_byte_more_does_not(door: EvolinkCaller, desk: MemoryDesk) -> None:
    assert stream(door, file(b"x" * (20 * MB))).status == 200
    assert unsuccessful(stream(door, file(b"x" * (20 * MB + 1))))[:2] == (413, 40001)
    assert len(desk.kept_uploads) == 1


@pytest.mark.parametrize(
    "route, body, field",
    [
        ("base64", {}, "base64_data"),
        ("base64", {"base64_data": None}, "base64_data"),
        ("base64", {"base64_data": " "}, "base64_data"),
        ("base64", {"base64_data": 7}, "base64_data"),
        ("base64", {"base64_data": PNG, "file_name": 7}, "file_name"),
        ("base64", {"base64_data": PNG, "file_name": "../cat.png"}, "file_name"),
        ("base64", {"base64_data": PNG, "file_name": "x" * 201}, "file_name"),
        ("base64", {"base64_data": PNG, "file_name": "a\nb"}, "file_name"),
        ("base64", {"base64_data": PNG, "upload_path": ["a"]}, "upload_path"),
        ("base64", {"base64_data": PNG, "upload_path": "a/../../b"}, "upload_path"),
        ("base64", {"base64_data": PNG, "upload_path": "a//b"}, "upload_path"),
        ("base64", {"base64_data": PNG, "upload_path": "a\\b"}, "upload_path"),
        ("base64", {"base64_data": PNG, "upload_path": "x" * 201}, "upload_path"),
        ("url", {}, "file_url"),
        ("url", {"file_url": ""}, "file_url"),
        ("url", {"file_url": "ftp://example.com/cat.png"}, "file_url"),
        ("url", {"file_url": "gs://bucket/cat.png"}, "file_url"),
        ("url", {"file_url": f"data:image/png;base64,{PNG}"}, "file_url"),
        ("url", {"file_url": [URL]}, "file_url"),
    ],
)
def test_a_bad_field_is_a_400_that_names_it_and_keeps_nothing(
    door: EvolinkCaller, desk: MemoryDesk, route: str, body: dict[str, Any], field: str
) -> None:
    status, code, message = unsuccessful(upload(door, route, **body))
    assert (status, code) == (400, 400)
    assert field in message
    assert not desk.taken


def test_a_name_and_a_path_at_the_limit_pass(door: EvolinkCaller, desk: MemoryDesk) -> None:
    assert upload(door, base64_data=PNG, file_name="x" * 200, upload_path="/" + "y" * 198 + "/").status == 200
    assert next(iter(desk.kept_uploads.values())).path == "y" * 198


@pytest.mark.parametrize(
    "parts",
    [
        (),
        (part("file", b"text"),),
        (file(b""),),
        (file(), file()),
        (part("image", b"picture", filename="cat.png"),),
        (file(), part("uploadPath", b"a"), part("upload_path", b"b")),
        (file(), part("fileName", b"a"), part("fileName", b"a")),
    ],
    ids=["nothing", "a text", "empty", "two", "another name", "both cases", "twice"],
)
def test_a_form_without_exactly_one_file_is_a_400(
    door: EvolinkCaller, desk: MemoryDesk, parts: tuple[bytes, ...]
) -> None:
    assert unsuccessful(stream(door, *parts))[:2] == (400, 400)
    assert not desk.taken


def test_another_content_type_is_a_415(door: EvolinkCaller) -> None:
    answer = door.ask("POST", f"{FILES}/upload/stream", {"file": "x"})
    assert unsuccessful(answer) == (415, 415, "Content-Type must be multipart/form-data")
    headers = {"content-type": "text/plain"}
    answer = door.ask("POST", f"{FILES}/upload/base64", {"base64_data": PNG}, headers=headers)
    assert unsuccessful(answer)[:2] == (415, 415)


@pytest.mark.parametrize(
    "kind, reason, status, code",
    [
        (Kind.TOO_LARGE, "too_large", 413, 40001),
        (Kind.TOO_LARGE, "image_too_large", 413, 40001),
        (Kind.UNSUPPORTED_MEDIA, "unsupported_media", 400, 40002),
        (Kind.UNSUPPORTED_MEDIA, "animated", 400, 40002),
        (Kind.BAD_REQUEST, "not_an_image", 400, 40002),
        (Kind.RATE_LIMITED, "quota", 400, 40003),
        (Kind.BAD_REQUEST, "url_not_allowed", 400, 40004),
        (Kind.BAD_REQUEST, "fetch_failed", 400, 40004),
        (Kind.BAD_REQUEST, "timeout", 400, 40004),
        (Kind.RATE_LIMITED, "busy", 429, 429),
        (Kind.OVERLOADED, "", 503, 503),
    ],
)
def test_a_picture_that_is_not_taken_has_the_vendors_code(
    door: EvolinkCaller, desk: MemoryDesk, kind: Kind, reason: str, status: int, code: int
) -> None:
    refusal = Problem(kind, "file_url is not taken.", param="file_url", reason=reason)
    desk.refused_sources = {"file_url": refusal}
    answer = upload(door, "url", file_url=URL)
    assert unsuccessful(answer) == (status, code, "file_url is not taken.")
    assert ("Retry-After" in answer.headers) is (status in (429, 503))


# ---- what is kept ----------------------------------------------------------------------------


def test_the_list_pages_through_the_files_newest_first(door: EvolinkCaller) -> None:
    ids = [parsed(upload(door, base64_data=PNG))["data"]["file_id"] for _ in range(3)]
    body = parsed(door.read(f"{FILES}/list", page="1", pageSize="2"))
    assert list(body) == ["success", "code", "msg", "data"]
    assert body["data"]["total"] == 3
    assert [one["file_id"] for one in body["data"]["files"]] == [ids[2], ids[1]]
    assert list(body["data"]["files"][0]) == ["file_id", "file_name", "file_size", "upload_time"]
    rest = parsed(door.read(f"{FILES}/list", page="2", pageSize="2"))["data"]["files"]
    assert [one["file_id"] for one in rest] == [ids[0]]
    assert len(parsed(door.read(f"{FILES}/list"))["data"]["files"]) == 3


@pytest.mark.parametrize("field, most", [("page", 10_000), ("pageSize", 100)])
def test_a_page_has_its_bounds(door: EvolinkCaller, field: str, most: int) -> None:
    for good in ("1", str(most)):
        assert door.read(f"{FILES}/list", **{field: good}).status == 200
    for wrong in ("0", str(most + 1), "x", ""):
        status, code, message = unsuccessful(door.read(f"{FILES}/list", **{field: wrong}))
        assert (status, code) == (400, 400)
        assert field in message


def test_the_quota_counts_the_files(door: EvolinkCaller) -> None:
    upload(door, base64_data=PNG)
    data = parsed(door.read(f"{FILES}/quota"))["data"]
    assert data == {"user_group": "default", "used_files": 1, "max_files": 100, "remain_files": 99}
    assert data["max_files"] == MOST_UPLOADS


def test_a_file_is_downloaded_as_the_bytes_it_is(door: EvolinkCaller) -> None:
    kept = parsed(upload(door, base64_data=PNG, file_name='a "b" \u00e4.png'))["data"]
    answer = door.read(f"{FILES}/download/{kept['file_id']}")
    assert (answer.status, answer.content()) == (200, picture())
    assert answer.headers["Content-Type"] == "image/png"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Content-Disposition"] == "attachment; filename*=UTF-8''a%20%22b%22%20%C3%A4.png"


def test_a_file_is_deleted_once(door: EvolinkCaller, desk: MemoryDesk) -> None:
    file_id = parsed(upload(door, base64_data=PNG))["data"]["file_id"]
    answer = door.ask("DELETE", f"{FILES}/{file_id}")
    assert parsed(answer) == {"success": True, "code": 200, "msg": "File deleted successfully"}
    assert not desk.kept_uploads
    assert unsuccessful(door.ask("DELETE", f"{FILES}/{file_id}"))[:2] == (404, 404)


@pytest.mark.parametrize("file_id", [UNKNOWN, "file_abc123", "x", UNKNOWN.upper(), UNKNOWN + "0"])
@pytest.mark.parametrize("method, path", [("DELETE", f"{FILES}/{{}}"), ("GET", f"{FILES}/download/{{}}")])
def test_an_unknown_file_is_a_404_whatever_its_id_looks_like(
    door: EvolinkCaller, method: str, path: str, file_id: str
) -> None:
    answer = door.ask(method, path.format(file_id))
    assert unsuccessful(answer) == (404, 404, "There is no such file.")


# ---- the envelope ----------------------------------------------------------------------------


@pytest.mark.parametrize("kind", list(Kind))
def test_every_kind_of_error_is_in_the_envelope_of_these_paths_only(kind: Kind) -> None:
    problem = Problem(kind, "Something.", retry_after=3, allowed=["GET"])
    answers = [
        DIALECTS["evolink"].word(problem, Incoming("POST", path, "", {}, {}, b""))
        for path in (f"{FILES}/upload/url", "/v1" + FILES, FILES, "/v1/images/generations", FILES + "s")
    ]
    statuses = {answer.status for answer in answers}
    for answer in answers[:3]:
        status, code, _ = unsuccessful(answer)
        assert code == (40001 if kind is Kind.TOO_LARGE else status)
        assert (answer.headers.get("Retry-After") == "3") is (kind is not Kind.TOO_LARGE)
    assert all("error" in parsed(answer) for answer in answers[3:])
    assert len(statuses) == 1
