"""T8: every address that names an object, at every door and in the management API, tried with somebody
else's id. The walk is made from the tables of addresses themselves: one without an entry here fails.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from django.urls import URLPattern, URLResolver, get_resolver

from generations.dialects import DIALECTS
from runtime import ids
from tests.api.conftest import MANAGE
from tests.api.office import Office
from tests.cast import Cast, make_cast, make_key, make_organization, make_user
from tests.flows.wire import CLIENT, MODEL
from tests.house import Servers
from tests.law.estate import Estate, told, unknown_forms

# ---- the tables ------------------------------------------------------------------------------

PARAMETER = re.compile(r"\{(\w+)\*?\}")
OBJECTS = {"task_id": "generation", "id": "generation", "request_id": "generation", "file_id": "file"}
"""Parameters of the doors' addresses that name something of an organization's, and what."""
PUBLIC = {
    "model": "a model is everybody's",
    "model_id": "a model is everybody's",
    "version": "Google's collections that are not offered: 501 whatever they name",
    "rest": "the same",
}
MENTIONS: dict[tuple[str, str], Any] = {("evolink", "POST /v1/tasks/batch"): "task_ids"}
"""Bodies that name objects: what is not ours is silently absent."""
LISTS = {
    ("openai", "GET /v1/generations"), ("toapis", "GET /v1/images/generations"),
    ("gemini", "GET /v1/generations"), ("gemini", "GET /v1beta/generations"),
    ("gemini", "GET /v1alpha/generations"),
    ("evolink", "GET /v1/tasks"), ("evolink", "GET /api/v1/files/list"), ("evolink", "GET /v1/credits"),
    ("evolink", "GET /api/v1/files/quota"), ("openai", "GET /v1/key"), ("openai", "GET /v1/credits"),
    ("toapis", "GET /v1/balance"), ("toapis", "GET /balance"), ("toapis", "GET /v1/user/balance"),
    ("toapis", "GET /user/balance"), ("gmi", "GET /api/v1/ie/requestqueue/apikey/requests"),
}  # fmt: skip
"""Addresses that name nothing and answer with what is the caller's."""

BODIES: dict[str, dict[str, Any]] = {
    "PATCH members/<uuid:user>": {"role": "viewer"},
    "PATCH keys/<uuid:key>": {"name": "Mine now"},
    "PATCH webhooks/<uuid:webhook>": {"description": "Mine now"},
}
"""What a writing operation is sent, where nothing will not do."""
IN_BODIES = [
    ("PUT", "budgets", "key_id", "key", {"period": "day", "limit_usd": "1"}),
    ("POST", "keys", "member_id", "user", {"name": "Mine now"}),
    ("POST", "deliveries/redeliver", "webhook_id", "webhook", {"from": "2026-01-01", "to": "2099-01-01"}),
]
"""Bodies of the management API that name objects: (method, path, field, object, the rest)."""


def door_routes() -> Iterator[tuple[str, str, str]]:
    for name, dialect in DIALECTS.items():
        for route in dialect.routes():
            yield name, route.method, route.path


def walk(patterns: Any, before: str = "") -> Iterator[tuple[str, Any]]:
    for pattern in patterns:
        if isinstance(pattern, URLResolver):
            yield from walk(pattern.url_patterns, before + str(pattern.pattern))
        elif isinstance(pattern, URLPattern):
            yield before + str(pattern.pattern), pattern.callback


def operations() -> Iterator[tuple[str, str]]:
    """(method, path) of every operation of the management API."""
    for path, view in walk(get_resolver("config.api").url_patterns):
        for method in ("get", "post", "put", "patch", "delete"):
            if hasattr(getattr(getattr(view, "cls", None), method, None), "operation"):
                yield method.upper(), path


WITH_OBJECT = [one for one in door_routes() if set(PARAMETER.findall(one[2])) & set(OBJECTS)]
MANAGED = [one for one in operations() if "<" in one[1]]
UNNAMED = [path for method, path in operations() if method == "GET" and "<" not in path]


# ---- two estates -----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def url(servers: Servers) -> str:
    return servers.shared().url


@pytest.fixture(scope="module")
def ours(database: str, url: str) -> Estate:
    return Estate.settle(make_cast(), url)


@pytest.fixture(scope="module")
def theirs(ours: Estate) -> Cast:
    return ours.cast


@pytest.fixture(scope="module")
def stranger(theirs: Cast) -> str:
    """A stranger's key that generates."""
    return make_key(theirs.strangers)


@pytest.fixture(scope="module")
def office(theirs: Cast, url: str) -> Office:
    """A stranger's key that manages."""
    return Office(url, make_key(theirs.strangers, scopes=MANAGE))


@pytest.fixture(scope="module")
def bystander(database: str, url: str) -> Office:
    """A stranger who asked for nothing, so that his own history names nothing of ours either."""
    return Office(url, make_key(make_organization(make_user("bystander")), scopes=MANAGE))


# ---- the doors -------------------------------------------------------------------------------


def test_every_parameter_of_a_door_is_an_object_or_everybodys() -> None:
    found = {name for _, _, path in door_routes() for name in PARAMETER.findall(path)}
    assert found == set(OBJECTS) | set(PUBLIC)


def test_every_reading_address_without_an_object_is_known() -> None:
    """A new list must be walked, or said to be everybody's."""
    open_to_all = {(name, f"{route.method} {route.path}") for name, door in DIALECTS.items()
                   for route in door.routes() if route.open}  # fmt: skip
    unnamed = {(name, f"{method} {path}") for name, method, path in door_routes()
               if method == "GET" and not PARAMETER.search(path)}  # fmt: skip
    assert unnamed - open_to_all == LISTS


def test_every_body_that_may_name_objects_is_known() -> None:
    paid_or_uploads = re.compile(
        r"images|uploads?\b|upload/|requests$|upload-url|:\w+Content|countTokens|\{version"
    )
    named = {(name, f"{method} {path}") for name, method, path in door_routes()
             if method == "POST" and not set(PARAMETER.findall(path)) & set(OBJECTS)}  # fmt: skip
    rest = {one for one in named if not paid_or_uploads.search(one[1]) and "{model*}" not in one[1]}
    assert rest == set(MENTIONS)


@pytest.mark.parametrize("door, method, path", WITH_OBJECT, ids=lambda value: str(value))
def test_a_foreign_object_is_none_at_the_door(
    ours: Estate, stranger: str, url: str, door: str, method: str, path: str
) -> None:
    (parameter,) = set(PARAMETER.findall(path)) & set(OBJECTS)
    if OBJECTS[parameter] == "file":
        pairs = [(ours.named["file_id"], another_like(ours.named["file_id"]))]
    else:  # every polling door takes the forms of all doors
        unknown = unknown_forms()
        pairs = [(form, unknown[name]) for name, form in ours.forms().items()]
    for foreign, none in pairs:
        answers = [ask(url, stranger, door, method, path, parameter, name) for name in (foreign, none)]
        assert told(answers[0], foreign) == told(answers[1], none)
        assert answers[0].status_code == 404, answers[0].text


def another_like(identifier: str) -> str:
    """An id of the same form that nobody has."""
    fresh = str(ids.uuid7())
    return fresh if len(identifier) == len(fresh) else fresh.replace("-", "")[: len(identifier)]


def ask(url: str, key: str, door: str, method: str, path: str, parameter: str, name: str) -> Any:
    filled = PARAMETER.sub(lambda found: name if found[1] == parameter else MODEL, path)
    headers = {"Authorization": f"Bearer {key}", "X-Request-ID": "walk"}
    return CLIENT.request(method, f"{url}{DIALECTS[door].prefixes[0]}{filled}", headers=headers)


def test_a_foreign_id_in_a_body_is_silently_absent(ours: Estate, stranger: str, url: str) -> None:
    for (door, address), member in MENTIONS.items():
        method, path = address.split(" ")
        for named in (list(ours.forms().values()), list(unknown_forms().values())):
            answer = CLIENT.request(
                method,
                f"{url}{DIALECTS[door].prefixes[0]}{path}",
                json={member: named},
                headers={"Authorization": f"Bearer {stranger}"},
            )
            assert answer.status_code == 200, answer.text
            assert not any(name in answer.text for name in named)


@pytest.mark.parametrize("door, address", sorted(LISTS))
def test_nothing_foreign_is_in_a_list(ours: Estate, stranger: str, url: str, door: str, address: str) -> None:
    method, path = address.split(" ")
    answer = CLIENT.request(
        method, f"{url}{DIALECTS[door].prefixes[0]}{path}", headers={"Authorization": f"Bearer {stranger}"}
    )
    assert answer.status_code == 200, answer.text
    for name in (*ours.forms().values(), ours.named["file_id"]):
        assert name not in answer.text


# ---- the management API ----------------------------------------------------------------------


def test_every_parameter_of_the_management_api_is_in_the_estate(ours: Estate) -> None:
    found = {name for _, path in MANAGED for name in re.findall(r"<\w+:(\w+)>", path)}
    assert found <= set(ours.named)
    assert len(MANAGED) > 25


@pytest.mark.parametrize("method, path", MANAGED, ids=lambda value: str(value))
def test_a_foreign_object_is_none_to_manage(ours: Estate, office: Office, method: str, path: str) -> None:
    (parameter,) = re.findall(r"<\w+:(\w+)>", path)
    foreign, none = ours.named[parameter], str(ids.uuid7())
    body = {"json": BODIES.get(f"{method} {path}", {})} if method in ("POST", "PUT", "PATCH") else {}
    headers = {"X-Request-ID": "walk"}
    answers = [
        office.send(method, re.sub(r"<[^>]+>", name, path), headers=headers, **body)
        for name in (foreign, none)
    ]
    assert told(answers[0], foreign) == told(answers[1], none)
    assert answers[0].status_code == 404, answers[0].text


@pytest.mark.parametrize("method, path, field, named, rest", IN_BODIES, ids=lambda value: str(value)[:20])
def test_a_foreign_object_in_a_body_is_unknown(
    ours: Estate, office: Office, method: str, path: str, field: str, named: str, rest: dict[str, Any]
) -> None:
    foreign, none = ours.named[named], str(ids.uuid7())
    answers = [
        office.send(method, path, json={**rest, field: name}, headers={"X-Request-ID": "walk"})
        for name in (foreign, none)
    ]
    assert told(answers[0], foreign) == told(answers[1], none)
    assert answers[0].status_code == 400


@pytest.mark.parametrize("path", UNNAMED)
def test_nothing_foreign_is_in_what_a_stranger_reads(ours: Estate, bystander: Office, path: str) -> None:
    answer = bystander.send("GET", path)
    assert answer.status_code == 200, answer.text
    for name in (*ours.named.values(), str(ours.cast.organization.pk), ours.cast.organization.slug):
        assert name not in answer.text


@pytest.mark.parametrize("mode", ["test"])
def test_a_key_of_the_other_mode_is_a_stranger(ours: Estate, url: str, mode: str) -> None:
    tester = Office(url, ours.cast.key(mode, scopes=MANAGE))
    for method, path in MANAGED:
        (parameter,) = re.findall(r"<\w+:(\w+)>", path)
        if method == "GET" and parameter != "user":
            answer = tester.send(method, re.sub(r"<[^>]+>", ours.named[parameter], path))
            assert answer.status_code == 404, f"{path}: {answer.text}"


def test_what_was_tried_changed_nothing(ours: Estate, url: str) -> None:
    """After the whole walk everything is as it was."""
    office = Office(url, ours.cast.key(scopes=MANAGE))
    assert office.get(f"keys/{ours.named['key']}")["name"] == "Ours"
    assert office.get(f"generations/{ours.named['generation']}")["images"]
    assert office.get(f"webhooks/{ours.named['webhook']}")["enabled"]
    assert {one["role"] for one in office.pages("members")} == {"owner", "developer", "viewer"}
    office.do("POST", f"generations/{ours.named['task']}/cancel")
