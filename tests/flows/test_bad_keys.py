"""What a key that may not is answered at both doors, and what anybody is answered about others' work."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import psycopg
import pytest

from accounts.actions import keys, organizations
from accounts.keys import mint
from accounts.models import ApiKey
from generations.handles import evolink as evolink_form
from runtime.ids import uuid7
from runtime.tenancy import tenant
from tests.cast import BY, Cast
from tests.flows.refusals import Caller, both, refusal
from tests.flows.wire import DOORS, EVOLINK, OPENAI, Door

# ---- who asks ------------------------------------------------------------------------------------


def row_of(cast: Cast) -> ApiKey:
    """The newest key of the organization."""
    with tenant(cast.organization):
        return ApiKey.objects.of(cast.organization).latest("created_at")


def no_key(cast: Cast, superuser: psycopg.Connection[Any]) -> str:
    return ""


def unknown_key(cast: Cast, superuser: psycopg.Connection[Any]) -> str:
    return mint("live").plain


def bad_checksum(cast: Cast, superuser: psycopg.Connection[Any]) -> str:
    plain = cast.key()
    return plain[:-1] + ("a" if plain[-1] != "a" else "b")


def other_letters(cast: Cast, superuser: psycopg.Connection[Any]) -> str:
    return "sk-" + "x" * 10_000


def revoked_key(cast: Cast, superuser: psycopg.Connection[Any]) -> str:
    plain = cast.key()
    keys.revoke(key=row_of(cast), reason="test", by=BY)
    return plain


def expired_key(cast: Cast, superuser: psycopg.Connection[Any]) -> str:
    plain = cast.key()
    query = "UPDATE accounts_apikey SET expires_at = now() - interval '1 second' WHERE id = %s"
    superuser.execute(query, [row_of(cast).pk])
    return plain


def rotated_key(cast: Cast, superuser: psycopg.Connection[Any]) -> str:
    plain = cast.key()
    keys.rotate(key=row_of(cast), grace=timedelta(0), by=BY)
    return plain


def key_after_its_grace(cast: Cast, superuser: psycopg.Connection[Any]) -> str:
    plain = cast.key()
    keys.rotate(key=row_of(cast), grace=timedelta(days=1), by=BY)
    query = "UPDATE accounts_apikey SET previous_expires_at = now() - interval '1 second' WHERE id = %s"
    superuser.execute(query, [row_of(cast).pk])
    return plain


def key_of_another_door(cast: Cast, superuser: psycopg.Connection[Any]) -> str:
    return cast.key(doors_allowed=("toapis",))


def key_of_another_network(cast: Cast, superuser: psycopg.Connection[Any]) -> str:
    return cast.key(networks=("203.0.113.0/24",))


def key_that_only_reads(cast: Cast, superuser: psycopg.Connection[Any]) -> str:
    return cast.key(scopes=("images:read",))


def key_of_a_suspended_organization(cast: Cast, superuser: psycopg.Connection[Any]) -> str:
    plain = cast.key()
    organizations.suspend(organization=cast.organization, reason="test", by=BY)
    return plain


def key_for_another_model(cast: Cast, superuser: psycopg.Connection[Any]) -> str:
    return cast.key(models_allowed=("gemini-3-pro-image-preview",))


KEYS: list[tuple[Callable[..., str], tuple[int, str], tuple[int, str]]] = [
    (no_key, (401, "unauthorized"), (401, "invalid_api_key")),
    (unknown_key, (401, "unauthorized"), (401, "invalid_api_key")),
    (bad_checksum, (401, "unauthorized"), (401, "invalid_api_key")),
    (other_letters, (401, "unauthorized"), (401, "invalid_api_key")),
    (revoked_key, (401, "key_disabled"), (401, "invalid_api_key")),
    (expired_key, (401, "key_expired"), (401, "invalid_api_key")),
    (rotated_key, (401, "unauthorized"), (401, "invalid_api_key")),
    (key_after_its_grace, (401, "key_expired"), (401, "invalid_api_key")),
    (key_of_another_door, (403, "permission_denied"), (403, "permission_denied")),
    (key_of_another_network, (403, "permission_denied"), (403, "permission_denied")),
    (key_that_only_reads, (403, "permission_denied"), (403, "permission_denied")),
    (key_of_a_suspended_organization, (403, "user_disabled"), (403, "permission_denied")),
    (key_for_another_model, (403, "model_access_denied"), (403, "permission_denied")),
]
STRANGERS = (no_key, unknown_key, bad_checksum, other_letters, rotated_key)


@both
@pytest.mark.parametrize("case", KEYS, ids=lambda case: case[0].__name__)
def test_a_key_that_may_not_is_refused(
    caller: Caller, cast: Cast, superuser: psycopg.Connection[Any], door: Door, case: Any
) -> None:
    make, *wanted = case
    caller.key = make(cast, superuser)
    status, code = wanted[DOORS.index(door)]
    headers = {} if caller.key else {"Authorization": ""}
    error = caller.refused(door, status, code, json=door.order(), headers=headers)
    assert not caller.key or caller.key not in json.dumps(error)


@both
@pytest.mark.parametrize(
    "make", [case[0] for case in KEYS if case[0] not in STRANGERS], ids=lambda m: m.__name__
)
def test_the_team_sees_in_its_history_that_one_of_its_keys_was_refused(
    caller: Caller, cast: Cast, superuser: psycopg.Connection[Any], door: Door, make: Any
) -> None:
    caller.key = make(cast, superuser)
    answer = caller.send(door, "POST", door.prefix + door.submit, json=door.order())
    (row,) = caller.books.requests(answer.headers["x-request-id"])
    assert (row["organization_id"], row["key_id"]) == (cast.organization.pk, row_of(cast).pk)
    assert row["kind"]


@both
@pytest.mark.parametrize("header", ["Basic dTpw", "Bearer", "easel_live_x", "bearer\teasel"])
def test_an_authorization_header_of_another_form_is_refused(caller: Caller, door: Door, header: str) -> None:
    code = {"evolink": "unauthorized", "openai": "invalid_api_key"}[door.name]
    caller.refused(door, 401, code, json=door.order(), headers={"Authorization": header})


def test_two_different_keys_are_a_bad_request_at_the_openai_door(caller: Caller, cast: Cast) -> None:
    caller.refused(OPENAI, 400, None, json=OPENAI.order(), headers={"x-api-key": cast.key()})


@both
def test_a_key_in_the_query_is_no_key(caller: Caller, door: Door) -> None:
    code = {"evolink": "unauthorized", "openai": "invalid_api_key"}[door.name]
    path = f"{door.prefix}{door.submit}?key={caller.key}"
    caller.refused(door, 401, code, path=path, json=door.order(), headers={"Authorization": ""})


def test_a_suspended_organization_may_still_read(caller: Caller, cast: Cast) -> None:
    made = OPENAI.post(caller.url, caller.key)
    organizations.suspend(organization=cast.organization, reason="test", by=BY)
    assert OPENAI.read(caller.url, caller.key, made.headers["x-easel-generation"]).status_code == 200


# ---- whose task ----------------------------------------------------------------------------------


@both
@pytest.mark.parametrize("theirs", ["another organization's", "another mode's"])
def test_a_foreign_task_is_answered_like_one_that_never_was(
    caller: Caller, cast: Cast, door: Door, theirs: str
) -> None:
    other = cast.strangers_key("test") if theirs == "another organization's" else cast.key("test")
    made = EVOLINK.post(caller.url, other, EVOLINK.order("test:slow=30"))
    foreign = [made.json()["id"], made.headers["x-easel-generation"]]
    unknown = [evolink_form(uuid7(), "abcdefgh"), str(uuid7())]
    try:
        code = {"evolink": "task_not_found", "openai": "not_found"}[door.name]
        bodies = set()
        for handle in (*foreign, *unknown):
            answer = door.read(caller.url, caller.key, handle)
            refusal(door, answer, 404, code)
            assert "x-easel-generation" not in answer.headers
            bodies.add(answer.content)
        assert len(bodies) == 1
        cancelled = [EVOLINK.cancel(caller.url, caller.key, handle) for handle in (*foreign, *unknown)]
        assert {answer.status_code for answer in cancelled} == {404}
        assert len({answer.content for answer in cancelled}) == 1
    finally:
        assert EVOLINK.cancel(caller.url, other, foreign[0]).json()["status"] == "failed"


@pytest.mark.parametrize(
    "handle", ["nonsense", "task-unified-1-", "task-unified-1-ABCDEFGH", "1", "%00", "..%2f"]
)
def test_an_id_of_no_known_form_is_an_invalid_task_id(caller: Caller, handle: str) -> None:
    error = caller.refused(EVOLINK, 400, "invalid_task_id", "GET", f"/evolink/v1/tasks/{handle}")
    assert error["param"] == "task_id"


def test_a_finished_task_cannot_be_cancelled(caller: Caller) -> None:
    task = EVOLINK.post(caller.url, caller.key, EVOLINK.order("test:block")).json()["id"]
    caller.books.settled()
    path = f"/evolink/v1/tasks/{task}/cancel"
    caller.refused(EVOLINK, 409, "task_not_cancellable", "POST", path)
