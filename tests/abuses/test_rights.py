"""Fields nobody may set, and verbs that a role does not have: A02, A03.

A01, other people's ids at every address, is tests/law/test_isolation.py.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from django.urls import get_resolver

from accounts.access import allowed, effective_scopes
from accounts.actions import keys, members
from accounts.api.fields import Strict
from accounts.api.operations import Operation
from accounts.models import Role
from runtime import ids
from tests.abuses.attacker import JSON, Attacker
from tests.api.conftest import MANAGE
from tests.api.office import Office
from tests.cast import BY, IMAGE, Cast, make_user
from tests.flows.five import EVOLINK, GEMINI, GMI, Way, Wish
from tests.flows.wire import eventually
from tests.law.test_isolation import walk

PARAMETER = re.compile(r"<\w+:\w+>")
Found = tuple[str, str, Operation]


def operations() -> Iterator[Found]:
    """Method, address and rules of every operation of the management API."""
    for path, view in walk(get_resolver("config.api").url_patterns):
        for method in ("get", "post", "put", "patch", "delete"):
            rules = getattr(getattr(getattr(view, "cls", None), method, None), "operation", None)
            if rules is not None:
                yield method.upper(), path, rules


def named(found: Found) -> str:
    return f"{found[0]} {found[1]}"


def filled(path: str) -> str:
    """The address with ids of things that never were."""
    return PARAMETER.sub(lambda _: str(ids.uuid7()), path)


# ---- A02: what a body may not say --------------------------------------------------------------

OURS = {
    *(
        "organization",
        "organization_id",
        "team",
        "team_id",
        "owner",
        "status",
        "kind",
        "id",
        "slug",
        "digest",
    ),
    *("is_staff", "is_superuser", "is_active", "price", "unit_price", "amount", "balance", "posted", "held"),
    *("credit", "tokens", "tokens_held", "tokens_reserved", "secret", "public_id", "pepper", "requests"),
    *("created_at", "created_by", "revoked_at", "suspended_reason", "delivered", "lease_owner", "attempt"),
}
"""What we decide."""
BODIES = [found for found in operations() if found[2].body is not None]


@pytest.mark.parametrize("found", BODIES, ids=named)
def test_no_body_names_what_is_ours(office: Office, found: Found) -> None:
    """A02: none of it is a parameter, and what is no parameter is refused by its name."""
    method, path, rules = found
    assert rules.body is not None
    assert issubclass(rules.body, Strict)
    assert not OURS & set(rules.body().fields)
    for name in sorted(OURS)[:: len(OURS) // 6]:
        answer = office.send(method, filled(path), json={name: "1"})
        if rules.open:
            assert answer.status_code in (400, 429)
            continue
        assert (answer.status_code, answer.json()["kind"]) == (400, "unknown_parameter"), answer.text
        assert [error["field"] for error in answer.json()["errors"]] == [name]


def test_no_query_names_what_is_ours(office: Office) -> None:
    """A02: the same of what stands after the question mark."""
    for method, path, _ in operations():
        if method == "GET":
            office.refused(400, "unknown_parameter", "GET", filled(path), params={"organization_id": "1"})


BOLD = {
    **dict.fromkeys(("organization", "organization_id", "team_id", "key_id", "user_id"), "someone"),
    **dict.fromkeys(("status", "state", "hold", "mode", "kind"), "succeeded"),
    **dict.fromkeys(("tokens", "tokens_reserved", "price", "unit_price", "amount", "cost", "credits"), 0),
    **dict.fromkeys(("is_staff", "free", "test", "paid"), True),
    "id": "01a1fc87-6faf-7ce7-acca-4994981032f2",
    "created_at": "2020-01-01T00:00:00Z",
}


@pytest.mark.parametrize("where", ["in the body", "within", "in the address", "in headers"])
def test_an_order_says_nothing_about_its_price_or_its_owner(attacker: Attacker, way: Way, where: str) -> None:
    """A02 at the doors, which ignore what their vendors ignore: the row and the money are as ever."""
    before, body = attacker.calm(), way.spell(Wish())
    more: dict[str, Any] = {}
    if where == "in the body":
        body |= BOLD
    elif where == "within":
        inner = {GEMINI: "generationConfig", GMI: "payload", EVOLINK: "model_params"}.get(way, "metadata")
        body[inner] = {**body.get(inner, {}), **BOLD}
    elif where == "in the address":
        more = {"params": {name: str(value) for name, value in BOLD.items()}}
    else:
        more = {"headers": {f"X-{name.replace('_', '-')}": str(value) for name, value in BOLD.items()}}
    answer = attacker.submit(way, body, **more)
    if answer.status_code in (400, 404):  # a door that knows better, such as GMI's of X-Organization-Id
        assert attacker.books.wallet() == (before, 0)
        return
    assert answer.status_code == 200, answer.text
    generation = answer.headers["x-easel-generation"]
    eventually(lambda: attacker.books.generation(generation)["state"] == "succeeded")
    row = attacker.books.generation(generation)
    assert (row["mode"], row["organization_id"], row["count"]) == ("live", attacker.cast.organization.pk, 1)
    assert row["unit_price"] * row["image_tokens"] == IMAGE
    assert str(row["id"]) != BOLD["id"]
    assert attacker.books.wallet() == (before - IMAGE, 0)


# ---- A03: verbs of others ----------------------------------------------------------------------


@pytest.fixture(scope="module")
def people(team: Cast, url: str) -> dict[str, Office]:
    """One member of each role, with a management key of his own."""
    found = {}
    for role in Role:
        user = make_user(str(role))
        members.add(organization=team.organization, user=user, role=role, by=BY)
        _, plain = keys.create(
            organization=team.organization, mode="live", name=str(role), by=BY, member=user, scopes=MANAGE
        )
        found[str(role)] = Office(url, plain)
    return found


def may(role: str, rules: Operation) -> bool:
    """What the table of roles says."""
    reach = effective_scopes(MANAGE, role) & set(rules.scopes)
    return bool(reach) and (rules.permission is None or allowed(role, rules.permission))


GUARDED = [found for found in operations() if not found[2].open and set(MANAGE) & set(found[2].scopes)]
ASKS_FURTHER = {"POST keys": "a developer makes keys of his own only, and says so by their member_id"}
"""Operations that may refuse a role after its table let it in."""


@pytest.mark.parametrize("found", GUARDED, ids=named)
def test_a_role_does_what_its_table_says_and_nothing_else(
    attacker: Attacker, people: dict[str, Office], found: Found
) -> None:
    """A03: each operation, asked by one of each role; a refusal is in the team's history by its name."""
    method, path, rules = found
    for role, person in people.items():
        answer = person.send(method, filled(path), content=json.dumps({"nothing": 1}), headers=JSON)
        if may(role, rules):
            assert answer.status_code != 403 or named(found) in ASKS_FURTHER, (role, answer.text)
        else:
            assert (answer.status_code, answer.json()["kind"]) == (403, "forbidden"), (role, answer.text)
            (row,) = attacker.books.requests(answer.headers["x-request-id"])
            assert (row["kind"], row["key_id"] is not None) == ("forbidden", True)


def test_some_role_is_refused_somewhere() -> None:
    """A03: so that the walk above is one."""
    refused = {
        (role, named(found)) for found in GUARDED for role in map(str, Role) if not may(role, found[2])
    }
    assert {role for role, _ in refused} >= {"developer", "billing", "viewer"}
    assert len(refused) > 30
