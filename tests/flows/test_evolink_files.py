"""EvoLink's files API over HTTP: kept pictures, and orders that name them."""

from __future__ import annotations

import base64
from typing import Any

import httpx2
import pytest

from tests.cast import Cast
from tests.flows.evolink_client import FILES, Client, picture, pixels
from tests.flows.wire import CLIENT, Books

UNKNOWN = "file_00000000000070008000000000000001"


@pytest.fixture
def client(url: str, cast: Cast) -> Client:
    return Client(f"{url}/evolink", cast.key())


def unsuccessful(answer: httpx2.Response) -> tuple[int, int]:
    body = answer.json()
    assert (list(body), body["success"]) == (["success", "code", "msg"], False), body
    return answer.status_code, body["code"]


def test_a_picture_is_kept_three_ways_and_read_without_a_key(client: Client) -> None:
    data = picture()
    text = base64.b64encode(data).decode()
    first = client.kept(data, "cat.png")
    again = [
        client.call("POST", f"{FILES}/upload/base64", json={"base64_data": text, "upload_path": "a/b"}),
        client.call("POST", f"{FILES}/upload/url", json={"file_url": first["file_url"]}),
    ]
    kept = [first, *(answer.json()["data"] for answer in again)]
    assert [one["mime_type"] for one in kept] == ["image/png"] * 3
    assert kept[1]["upload_path"] == "a/b"
    assert {pixels(CLIENT.get(one["download_url"]).content) for one in kept} == {(320, 180)}
    assert len({one["file_id"] for one in kept}) == 3
    assert first["upload_time"].endswith("+08:00")


def test_files_are_listed_counted_downloaded_and_deleted(client: Client) -> None:
    ids = [client.kept(picture(), f"{number}.png")["file_id"] for number in range(3)]
    listed = client.call("GET", f"{FILES}/list?page=1&pageSize=2").json()["data"]
    assert (listed["total"], [one["file_id"] for one in listed["files"]]) == (3, [ids[2], ids[1]])
    quota = client.call("GET", f"{FILES}/quota").json()["data"]
    assert (quota["used_files"], quota["remain_files"]) == (3, 97)
    read = client.call("GET", f"{FILES}/download/{ids[0]}")
    assert (read.status_code, read.headers["content-type"]) == (200, "image/png")
    assert pixels(read.content) == (320, 180)
    assert client.call("DELETE", f"{FILES}/{ids[0]}").json()["success"] is True
    assert unsuccessful(client.call("GET", f"{FILES}/download/{ids[0]}")) == (404, 404)
    assert client.call("GET", f"{FILES}/quota").json()["data"]["used_files"] == 2


def test_an_order_follows_the_kept_picture_it_names(cast: Cast, client: Client, books: Books) -> None:
    cast.credit(1)
    kept = client.kept(picture(size=(180, 320)))
    task = client.finished(client.submit(image_urls=[kept["file_url"]], size="auto"))
    assert task["status"] == "completed", task
    assert pixels(CLIENT.get(task["results"][0]).content) == (768, 1344)
    (given,) = books.only()["order"]["inputs"]
    assert given["role"] == "image"


def test_a_result_is_the_next_orders_picture_after_its_upload_is_gone(cast: Cast, client: Client) -> None:
    cast.credit(2)
    kept = client.kept(picture())
    task = client.finished(client.submit(image_urls=[kept["file_url"]]))
    client.call("DELETE", f"{FILES}/{kept['file_id']}")
    again = client.finished(client.submit(image_urls=task["results"]))
    assert again["status"] == "completed", again
    gone = client.submit(image_urls=[kept["file_url"]])
    assert (gone.status_code, gone.json()["error"]["param"]) == (400, "image_urls[0]")


def test_a_mask_of_the_pictures_size_goes_along_and_is_said(cast: Cast, client: Client, books: Books) -> None:
    cast.credit(1)
    image = client.kept(picture())["file_url"]
    mask = client.kept(picture(mode="RGBA"))["file_url"]
    made = client.submit(image_urls=[image], mask_url=mask)
    assert "mask_url -> as an extra picture" in made.headers["x-easel-adjusted"]
    assert client.finished(made)["status"] == "completed"
    assert [one["role"] for one in books.only()["order"]["inputs"]] == ["image", "mask"]


@pytest.mark.parametrize(
    ("size", "mode", "rule"), [((64, 64), "RGBA", "size of the first"), ((320, 180), "RGB", "alpha channel")]
)
def test_a_mask_that_is_none_is_refused_by_its_name(
    cast: Cast, client: Client, books: Books, size: tuple[int, int], mode: str, rule: str
) -> None:
    cast.credit(1)
    image = client.kept(picture())["file_url"]
    mask = client.kept(picture(size=size, mode=mode))["file_url"]
    error = client.submit(image_urls=[image], mask_url=mask).json()["error"]
    assert (error["code"], error["param"]) == ("invalid_request", "mask_url")
    assert rule in error["message"]
    assert not books.generations()


# ---- refused ---------------------------------------------------------------------------------


def test_a_stranger_is_told_what_is_told_of_a_file_that_does_not_exist(
    url: str, cast: Cast, client: Client
) -> None:
    kept = client.kept(picture())
    stranger = Client(f"{url}/evolink", cast.strangers_key())
    for method, path in (("GET", f"{FILES}/download/{{}}"), ("DELETE", f"{FILES}/{{}}")):
        mine = stranger.call(method, path.format(kept["file_id"]))
        none = stranger.call(method, path.format(UNKNOWN))
        assert (mine.status_code, mine.text) == (none.status_code, none.text)
        assert unsuccessful(mine) == (404, 404)
    assert stranger.call("GET", f"{FILES}/list").json()["data"] == {"total": 0, "files": []}
    refused = stranger.submit(image_urls=[kept["file_url"]])
    assert (refused.status_code, refused.json()["error"]["param"]) == (400, "image_urls[0]")


@pytest.mark.parametrize(
    "target",
    ["http://127.0.0.1:1/cat.png", "https://10.0.0.1/a.png", "http://169.254.169.254/", "https://[::1]/"],
)
def test_no_url_leads_to_a_private_address(cast: Cast, client: Client, target: str) -> None:
    assert unsuccessful(client.call("POST", f"{FILES}/upload/url", json={"file_url": target})) == (400, 40004)
    answer = client.submit(image_urls=[target])
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, "image_urls[0]")


@pytest.mark.parametrize(
    ("data", "status", "code"),
    [
        (b"this is no picture", 400, 40002),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", 400, 40002),
        (picture()[: len(picture()) // 2], 400, 40002),
        (b"x" * (20 * 2**20 + 1), 413, 40001),
    ],
    ids=["text", "svg", "half", "too large"],
)
def test_what_is_no_picture_is_not_kept(client: Client, data: bytes, status: int, code: int) -> None:
    assert unsuccessful(client.upload(data)) == (status, code)
    assert client.call("GET", f"{FILES}/list").json()["data"]["total"] == 0


def test_a_gif_is_kept_as_a_still_picture(client: Client) -> None:
    assert client.kept(picture("GIF"), "cat.gif")["mime_type"] == "image/png"


def test_a_key_needs_the_scope_for_uploads(url: str, cast: Cast) -> None:
    client = Client(f"{url}/evolink", cast.key(scopes=("images:create", "images:read")))
    assert unsuccessful(client.upload(picture())) == (403, 403)
    assert client.call("GET", f"{FILES}/quota").status_code == 200


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", f"{FILES}/nothing/here", 404),
        ("GET", f"{FILES}/upload/url", 405),
        ("PUT", f"{FILES}/list", 405),
    ],
)
def test_a_wrong_path_is_told_in_this_envelope_too(
    client: Client, method: str, path: str, status: int
) -> None:
    assert unsuccessful(client.call(method, path)) == (status, status)


def test_no_key_and_a_wrong_one_are_told_in_this_envelope_too(url: str) -> None:
    wrong = Client(f"{url}/evolink", "easel_live_wrong")
    answers: list[Any] = [CLIENT.get(f"{url}/evolink{FILES}/list"), wrong.call("GET", f"{FILES}/list")]
    assert [unsuccessful(answer) for answer in answers] == [(401, 401)] * 2


@pytest.mark.parametrize("base", ["/evolink/v1", "/evolink/", ""])
def test_the_files_stand_wherever_a_client_puts_its_base(url: str, cast: Cast, base: str) -> None:
    client = Client(url + base, cast.key(home_door="evolink"))
    assert client.kept(picture())["file_name"] == "cat.png"
