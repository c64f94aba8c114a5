"""Paths, hosts, methods and request ids: how a call finds its door, and what it is told when it does not."""

from __future__ import annotations

from urllib.parse import urlsplit
from uuid import uuid4

import pytest

from tests.cast import IMAGE, Cast
from tests.flows.refusals import Caller, both, refusal
from tests.flows.wire import EVOLINK, MODEL, OPENAI, Door

RATE_HEADERS = (
    "ratelimit-limit", "ratelimit-remaining", "ratelimit-reset", "ratelimit", "ratelimit-policy",
    "x-ratelimit-limit", "x-ratelimit-remaining", "x-ratelimit-reset",
)  # fmt: skip


@both
@pytest.mark.parametrize("method", ["GET", "PUT", "PATCH", "DELETE", "OPTIONS"])
def test_a_wrong_method_is_told_the_right_one(caller: Caller, door: Door, method: str) -> None:
    answer = caller.send(door, method, door.prefix + door.submit)
    refusal(door, answer, 405, "method_not_allowed")
    assert answer.headers["allow"] == "POST"


@both
@pytest.mark.parametrize(
    "path", ["/v1/images/generate", "/v2/images/generations", "/v1", "/v1/%E2%82%AC", "/v1/..%2f"]
)
def test_an_unknown_path_is_not_found_and_names_the_base_url(caller: Caller, door: Door, path: str) -> None:
    error = caller.refused(door, 404, "not_found", "GET", door.prefix + path)
    assert f"{caller.url}{door.prefix}" in error["message"]


@pytest.mark.parametrize("path", ["/evolink", "/evolink/"])
def test_so_does_the_root_of_a_door_that_has_none(caller: Caller, path: str) -> None:
    assert f"{caller.url}/evolink" in caller.refused(EVOLINK, 404, "not_found", "GET", path)["message"]


@both
@pytest.mark.parametrize("path", ["/v1/images/generate", "/v1/images/generations"])
def test_every_answer_to_a_good_key_tells_what_is_left_of_its_minute(
    caller: Caller, door: Door, path: str
) -> None:
    for method in ("GET", "POST"):
        answer = caller.send(door, method, door.prefix + path)
        assert answer.status_code >= 400
        assert not [name for name in RATE_HEADERS if name not in answer.headers], (
            f"{method} {answer.status_code}"
        )


@both
def test_a_good_answer_tells_what_is_left_of_the_minute(caller: Caller, door: Door) -> None:
    first, second = (door.post(caller.url, caller.key) for _ in range(2))
    assert int(first.headers["ratelimit-remaining"]) > int(second.headers["ratelimit-remaining"]) - 1
    assert not [name for name in RATE_HEADERS if name not in second.headers]
    caller.books.settled()


@both
def test_too_many_calls_in_a_minute_are_told_when_to_come_back(
    caller: Caller, cast: Cast, door: Door
) -> None:
    caller.key = cast.key(requests_per_minute=1)
    path = f"{door.prefix}/v1/models"
    answers = [caller.send(door, "GET", path) for _ in range(3)]  # two of them share a minute
    late = next(answer for answer in answers if answer.status_code == 429)
    error = refusal(door, late, 429, "rate_limit_exceeded")
    assert error["type"] == "rate_limit_error"
    assert 1 <= int(late.headers["retry-after"]) <= 60
    assert f"retry after {late.headers['retry-after']} seconds" in error["message"]
    assert (late.headers["ratelimit-limit"], late.headers["ratelimit-remaining"]) == ("1", "0")


@both
@pytest.mark.parametrize(
    "path",
    [
        "{prefix}/v1/images/generations/",
        "{prefix}//v1///images/generations//",
        "//{prefix}/v1/images/generations",
        "{prefix}/images/generations",
        "{prefix}/v1/v1/images/generations",
    ],
)
def test_slashes_and_a_missing_or_doubled_version_are_tolerated(
    caller: Caller, door: Door, path: str
) -> None:
    answer = caller.send(door, "POST", path.format(prefix=door.prefix), json=door.order())
    assert answer.status_code == 200, answer.text
    assert len(caller.books.settled()) == 1
    assert caller.books.wallet() == (2 * IMAGE, 0)


@both
@pytest.mark.parametrize(
    "path", ["/v1/images/generations", "/images/generations/", "//v1/v1/images/generations"]
)
def test_a_host_name_opens_its_door_at_the_vendors_own_paths(caller: Caller, door: Door, path: str) -> None:
    host = f"{door.name.upper()}.localhost:{urlsplit(caller.url).port}"
    answer = caller.send(door, "POST", path, json=door.order(), headers={"Host": host})
    assert answer.status_code == 200, answer.text
    assert ("object" in answer.json()) == (door is EVOLINK)
    missing = caller.send(door, "GET", "/healthz", headers={"Host": host})
    refusal(door, missing, 404, "not_found")
    caller.books.settled()


@both
@pytest.mark.parametrize(
    "path", ["/v1/images/generations", "/v1/v1/images/generations/", "//v1//images/generations"]
)
def test_at_the_bare_root_the_keys_home_door_answers(
    caller: Caller, cast: Cast, door: Door, path: str
) -> None:
    caller.key = cast.key(home_door=door.name)
    answer = caller.send(door, "POST", path, json=door.order())
    assert answer.status_code == 200, answer.text
    assert ("object" in answer.json()) == (door is EVOLINK)
    assert caller.books.settled()[0]["dialect"] == door.name
    wrong = caller.send(door, "GET", path)
    refusal(door, wrong, 405, "method_not_allowed")


def test_at_the_bare_root_without_a_key_the_openai_door_answers(caller: Caller) -> None:
    path = "/v1/images/generations"
    headers = {"Authorization": ""}
    caller.refused(OPENAI, 401, "invalid_api_key", path=path, json=OPENAI.order(), headers=headers)


def test_the_bare_root_is_no_way_round_the_doors_a_key_may_use(caller: Caller, cast: Cast) -> None:
    caller.key = cast.key(home_door="openai", doors_allowed=("evolink",))
    caller.refused(OPENAI, 403, "permission_denied", path="/v1/images/generations", json=OPENAI.order())


@pytest.mark.parametrize("form", ["query", "x-goog-api-key"])
def test_the_bare_root_takes_no_form_of_key_that_the_door_does_not(caller: Caller, form: str) -> None:
    query = f"?key={caller.key}" if form == "query" else ""
    headers = {"Authorization": "", "x-goog-api-key": caller.key if form != "query" else ""}
    path = f"/v1/images/generations{query}"
    caller.refused(OPENAI, 401, "invalid_api_key", path=path, json=OPENAI.order(), headers=headers)


@pytest.mark.parametrize("given", ["mine-1", "a" * 64])
def test_a_harmless_request_id_of_the_client_is_kept(caller: Caller, given: str) -> None:
    given = f"{given[:-8]}{uuid4().hex[:8]}"
    answer = caller.send(OPENAI, "GET", "/openai/v1/models", headers={"X-Request-ID": given})
    assert answer.headers["x-request-id"] == given


@pytest.mark.parametrize("given", ["a" * 65, "a b", "<script>", "a\tb", "easel_live_" + "a" * 20])
def test_a_request_id_that_is_not_harmless_is_replaced(caller: Caller, given: str) -> None:
    answer = caller.send(OPENAI, "GET", "/openai/v1/models", headers={"X-Request-ID": given})
    assert answer.headers["x-request-id"] != given


def test_the_same_request_id_twice_is_no_idempotency_key(caller: Caller) -> None:
    headers = {"X-Request-ID": f"twice-{uuid4().hex}"}
    made = [EVOLINK.post(caller.url, caller.key, headers=headers).json()["id"] for _ in range(2)]
    assert len(set(made)) == 2
    caller.books.settled()


def test_a_client_that_leaves_in_the_middle_of_its_body_is_in_the_history_too(
    caller: Caller, cast: Cast
) -> None:
    asked = f"leaver-{uuid4().hex}"
    with caller.wire() as wire:
        wire.sendall(
            f"POST /evolink/v1/images/generations HTTP/1.1\r\nHost: localhost\r\nX-Request-ID: {asked}\r\n"
            f"Authorization: Bearer {caller.key}\r\nContent-Type: application/json\r\n"
            f'Content-Length: 1000\r\n\r\n{{"model": "{MODEL}", '.encode()
        )
    (row,) = caller.books.requests(asked)
    assert (row["status"], row["organization_id"]) == (499, cast.organization.pk)
    assert caller.books.generations() == []
