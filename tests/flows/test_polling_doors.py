"""ToAPIs and GMI Cloud by plain HTTP: submit, poll, open the link, read each other's ids."""

from __future__ import annotations

import io
import time
from collections.abc import Callable
from typing import Any

import httpx2
import pytest
from PIL import Image

from generations import handles
from tests.cast import IMAGE, Cast
from tests.flows.wire import CLIENT, Books
from tests.house import Program, Servers

QUEUE = "/gmi/api/v1/ie/requestqueue/apikey"
TOAPIS = {"model": "gemini-2.5-flash-image-official", "prompt": "A lamp", "size": "16:9"}
GMI = {"model": "gemini-2.5-flash-image", "payload": {"prompt": "A lamp", "aspect_ratio": "16:9"}}


@pytest.fixture
def web(servers: Servers) -> Program:
    return servers.shared()


def call(web: Program, method: str, path: str, key: str, **more: Any) -> httpx2.Response:
    headers = {"Authorization": f"Bearer {key}", **more.pop("headers", {})}
    return CLIENT.request(method, web.url + path, headers=headers, **more)


def poll(read: Callable[[], httpx2.Response], final: set[str]) -> dict[str, Any]:
    until = time.monotonic() + 30
    while (found := read().json())["status"] not in final:
        assert time.monotonic() < until, found
        time.sleep(0.1)
    return dict(found)


def is_picture(url: str) -> bool:
    return Image.open(io.BytesIO(CLIENT.get(url).content)).size == (1344, 768)


def test_toapis_from_queued_to_a_link_that_opens(cast: Cast, web: Program, superuser: Any) -> None:
    cast.credit(1)
    key = cast.key()
    made = call(web, "POST", "/toapis/v1/images/generations", key, json=TOAPIS)
    assert made.status_code == 200, made.text
    task = made.json()
    assert (task["object"], task["status"]) == ("generation.task", "queued")

    def read() -> httpx2.Response:
        return call(web, "GET", f"/toapis/v1/images/generations/{task['id']}", key)

    done = poll(read, {"completed", "failed"})
    assert done["url"] == done["result"]["data"][0]["url"]
    assert done["billing"] == {"status": "settled", "credits": "7.74", "cost_usd": "0.0387"}
    assert is_picture(done["url"])
    assert Books(superuser, cast.organization.pk).wallet() == (0, 0)


def test_gmi_from_queued_to_a_link_that_opens(cast: Cast, web: Program, superuser: Any) -> None:
    cast.credit(1)
    key = cast.key()
    made = call(web, "POST", f"{QUEUE}/requests", key, json=GMI)
    assert made.status_code == 200, made.text
    assert made.json()["status"] == "queued"
    path = f"{QUEUE}/requests/{made.json()['request_id']}"
    done = poll(lambda: call(web, "GET", path, key), {"success", "failed", "cancelled"})
    assert done["outcome"]["request_usage"]["cost_usd"] == "0.0387"
    assert is_picture(done["outcome"]["media_urls"][0]["url"])
    assert Books(superuser, cast.organization.pk).wallet() == (0, 0)


def test_a_generation_of_one_door_is_read_through_the_others(cast: Cast, web: Program) -> None:
    cast.credit(1)
    key = cast.key()
    made = call(web, "POST", f"{QUEUE}/requests", key, json=GMI).json()
    path = f"{QUEUE}/requests/{made['request_id']}"
    done = poll(lambda: call(web, "GET", path, key), {"success", "failed"})
    link = done["outcome"]["media_urls"][0]["url"]
    found = handles.parse(made["request_id"])
    assert found is not None
    assert found.id is not None
    task = handles.toapis(found.id)
    assert call(web, "GET", f"/toapis/v1/images/generations/{task}", key).json()["url"] == link
    assert call(web, "GET", f"/evolink/v1/tasks/{task}", key).json()["results"] == [link]
    seen = call(web, "GET", f"/openai/v1/generations/{found.id}", key)
    assert seen.headers["x-easel-generation"] == str(found.id)


@pytest.mark.parametrize("place", [QUEUE, QUEUE.removeprefix("/gmi"), "/gmi/v1" + QUEUE.removeprefix("/gmi")])
def test_the_queue_stands_under_its_prefix_and_at_the_bare_root(cast: Cast, web: Program, place: str) -> None:
    cast.credit(1)
    made = call(web, "POST", f"{place}/requests", cast.key(home_door="gmi"), json=GMI)
    assert made.status_code == 200, made.text
    assert made.json()["status"] == "queued"


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", f"{QUEUE}/requests/{{gmi}}"), ("DELETE", f"{QUEUE}/requests/{{gmi}}"),
     ("GET", "/toapis/v1/images/generations/{toapis}")],
)  # fmt: skip
def test_a_stranger_is_told_what_is_told_of_an_id_that_does_not_exist(
    cast: Cast, web: Program, method: str, path: str
) -> None:
    cast.credit(1)
    made = call(web, "POST", f"{QUEUE}/requests", cast.key(), json=GMI).json()
    found = handles.parse(made["request_id"])
    assert found is not None
    assert found.id is not None
    stranger = cast.strangers_key()

    def refused(identifier: Any) -> tuple[int, str]:
        place = path.format(gmi=handles.gmi(identifier), toapis=handles.toapis(identifier))
        answer = call(web, method, place, stranger)
        return answer.status_code, answer.text

    from runtime import ids

    assert refused(found.id)[0] == 404
    assert refused(found.id) == refused(ids.uuid7())


def test_another_organizations_header_is_not_found_before_anything_is_held(
    cast: Cast, web: Program, superuser: Any
) -> None:
    cast.credit(1)
    headers = {"X-Organization-ID": str(cast.strangers.pk)}
    answer = call(web, "POST", f"{QUEUE}/requests", cast.key(), json=GMI, headers=headers)
    assert answer.status_code == 404
    assert Books(superuser, cast.organization.pk).wallet() == (IMAGE, 0)


def test_cancelling_a_queued_request_releases_its_hold(cast: Cast, web: Program, superuser: Any) -> None:
    cast.credit(1)
    key = cast.key()
    slow = {"model": GMI["model"], "payload": {"prompt": "A lamp test:slow=20"}}
    made = call(web, "POST", f"{QUEUE}/requests", key, json=slow).json()
    path = f"{QUEUE}/requests/{made['request_id']}"
    assert call(web, "DELETE", path, key).status_code == 200
    assert call(web, "GET", path, key).json()["status"] == "cancelled"
    assert Books(superuser, cast.organization.pk).wallet() == (IMAGE, 0)
