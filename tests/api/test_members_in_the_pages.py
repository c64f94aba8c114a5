"""Members who are logged in call the API from the pages: as far as their role reaches, and with a token
against forgery for everything that writes."""

from __future__ import annotations

from typing import Any

import psycopg
import pytest
from django.middleware.csrf import get_token
from django.test import Client, RequestFactory

from accounts.actions import members, organizations
from accounts.models import Role, User
from tests.cast import BY, Cast


def logged_in(user: User) -> Client:
    client = Client(enforce_csrf_checks=True, SERVER_NAME="localhost")
    client.force_login(user)
    return client


def forgery_token(client: Client, settings: Any) -> dict[str, str]:
    """What a page of ours would send along."""
    request = RequestFactory().get("/")
    token = get_token(request)
    client.cookies[settings.CSRF_COOKIE_NAME] = request.META["CSRF_COOKIE"]
    return {"X-CSRFToken": token}


def send(client: Client, method: str, path: str, body: Any = None, **headers: str) -> Any:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return client.generic(
        method, f"/api/v1/{path}", "" if body is None else body, "application/json", headers=named
    )


def test_a_member_reads_what_his_role_may(cast: Cast) -> None:
    viewer = logged_in(cast.viewer)
    assert send(viewer, "GET", "generations").status_code == 200
    assert send(viewer, "GET", "organization").json()["slug"] == cast.organization.slug
    refused = send(viewer, "GET", "keys")
    assert (refused.status_code, refused.json()["kind"]) == (403, "forbidden")
    assert "ratelimit-limit" in refused.headers


def test_writing_takes_a_token_against_forgery(cast: Cast, settings: Any) -> None:
    owner = logged_in(cast.owner)
    assert send(owner, "POST", "keys", '{"name": "x"}').status_code == 403
    token = forgery_token(owner, settings)
    made = send(owner, "POST", "keys", '{"name": "x"}', **token)
    assert made.status_code == 201, made.content
    assert made.json()["mode"] == "live"
    played = send(owner, "POST", "keys", '{"name": "x"}', **token, X_Easel_Mode="test")
    assert played.json()["mode"] == "test"


def test_a_developer_makes_his_own_keys(cast: Cast, settings: Any) -> None:
    developer = logged_in(cast.developer)
    token = forgery_token(developer, settings)
    made = send(developer, "POST", "keys", '{"name": "x"}', **token).json()
    assert made["member_id"] == str(cast.developer.pk)
    body = f'{{"name": "x", "member_id": "{cast.owner.pk}"}}'
    assert send(developer, "POST", "keys", body, **token).status_code == 403
    assert (
        send(developer, "PUT", "budgets", '{"period": "day", "limit_usd": "1"}', **token).status_code == 403
    )


def test_whoever_belongs_to_several_says_which(cast: Cast) -> None:
    members.add(organization=cast.strangers, user=cast.viewer, role=Role.OWNER, by=BY)
    both = logged_in(cast.viewer)
    assert send(both, "GET", "organization").status_code == 400
    for named in (cast.strangers.slug, str(cast.strangers.pk)):
        shown = send(both, "GET", "organization", X_Easel_Organization=named)
        assert shown.json()["slug"] == cast.strangers.slug
    assert send(both, "GET", "organization", X_Easel_Organization="somebody-elses").status_code == 404
    assert send(both, "GET", "organization", X_Easel_Mode="both").status_code == 400


def test_a_stranger_belongs_nowhere_here(cast: Cast) -> None:
    stranger = logged_in(cast.stranger)
    shown = send(stranger, "GET", "organization", X_Easel_Organization=cast.organization.slug)
    assert shown.status_code == 404


def test_a_suspended_team_looks_and_does_nothing(cast: Cast, settings: Any) -> None:
    owner = logged_in(cast.owner)
    organizations.suspend(organization=cast.organization, reason="Unpaid.", by=BY)
    assert send(owner, "GET", "organization").json()["state"] == "suspended"
    refused = send(owner, "POST", "keys", '{"name": "x"}', **forgery_token(owner, settings))
    assert (refused.status_code, refused.json()["kind"]) == (403, "organization_suspended")


def test_a_member_batches_with_a_key_he_names(
    cast: Cast, settings: Any, superuser: psycopg.Connection[Any]
) -> None:
    owner = logged_in(cast.owner)
    token = forgery_token(owner, settings)
    key = send(owner, "POST", "keys", '{"name": "x"}', **token).json()["id"]
    line = b'{"body": {"model": "gemini-2.5-flash-image", "prompt": "A fox"}}'

    def batch(query: str) -> Any:
        return owner.generic("POST", f"/api/v1/batches{query}", line, "application/jsonl", headers=token)

    assert batch("").status_code == 400
    assert batch(f"?key={cast.owner.pk}").status_code == 400
    made = batch(f"?key={key}")
    assert made.status_code == 201, made.content
    assert made.json()["key_id"] == key
    viewer = logged_in(cast.viewer)
    refused = viewer.generic(
        "POST",
        f"/api/v1/batches?key={key}",
        line,
        "application/jsonl",
        headers=forgery_token(viewer, settings),
    )
    assert refused.status_code == 403


@pytest.mark.parametrize("person", ["owner", "viewer"])
def test_every_call_of_a_member_is_in_the_history(
    cast: Cast, superuser: psycopg.Connection[Any], person: str
) -> None:
    user = getattr(cast, person)
    answer = send(logged_in(user), "GET", "balance")
    row = superuser.execute(
        "SELECT status, door, member_id, key_id FROM generations_apirequest WHERE request_id = %s",
        (answer.headers["x-request-id"],),
    ).fetchone()
    assert row == (200, "management", user.pk, None)
