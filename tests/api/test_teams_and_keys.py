"""The organization, its members, and its keys from the first secret to the last."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from accounts.actions.keys import create
from tests.api.conftest import MANAGE
from tests.api.office import Office
from tests.cast import BY, Cast
from tests.flows.wire import CLIENT, OPENAI, Books


def can_generate(url: str, key: str) -> bool:
    answer = CLIENT.get(f"{url}/openai/v1/key", headers={"Authorization": f"Bearer {key}"})
    return answer.status_code == 200


# ---- the organization and its members ----


def test_an_organization_is_renamed_and_keeps_its_short_name(cast: Cast, office: Office) -> None:
    renamed = office.do("PATCH", "organization", {"name": "Studio North"})
    assert (renamed["name"], renamed["slug"]) == ("Studio North", cast.organization.slug)
    assert office.get("organization")["name"] == "Studio North"


def test_members_are_listed_changed_and_removed(cast: Cast, office: Office) -> None:
    people = {one["email"]: one for one in office.pages("members", limit=1)}
    assert {one["role"] for one in people.values()} == {"owner", "developer", "viewer"}
    viewer = people[cast.viewer.email]["user_id"]
    assert office.do("PATCH", f"members/{viewer}", {"role": "billing"})["role"] == "billing"
    office.do("DELETE", f"members/{viewer}", status=204)
    office.refused(404, "not_found", "PATCH", f"members/{viewer}", json={"role": "viewer"})


def test_a_key_stands_as_an_admin_and_touches_no_owner(cast: Cast, office: Office) -> None:
    office.refused(403, "forbidden", "PATCH", f"members/{cast.owner.pk}", json={"role": "viewer"})
    office.refused(403, "forbidden", "PATCH", f"members/{cast.viewer.pk}", json={"role": "owner"})
    office.refused(403, "forbidden", "DELETE", f"members/{cast.owner.pk}")


def test_the_last_owner_stays(cast: Cast, url: str) -> None:
    _, plain = create(
        organization=cast.organization, mode="live", name="o", by=BY, member=cast.owner, scopes=MANAGE
    )
    problem = Office(url, plain).refused(409, "conflict", "DELETE", f"members/{cast.owner.pk}")
    assert "last owner" in problem["detail"]


def test_a_test_key_changes_no_team(cast: Cast, url: str) -> None:
    office = Office(url, cast.key("test", scopes=MANAGE))
    office.get("members")
    office.refused(403, "forbidden", "PATCH", "organization", json={"name": "x"})
    office.refused(403, "forbidden", "DELETE", f"members/{cast.viewer.pk}")


# ---- keys ----


def test_a_key_is_made_with_its_limits_and_its_secret_is_told_once(cast: Cast, office: Office) -> None:
    limits = {
        "name": "Website",
        "home_door": "evolink",
        "scopes": ["images:create", "images:read", "usage:read"],
        "models_allowed": ["gemini-2.5-flash-image"],
        "doors_allowed": ["evolink", "openai"],
        "networks": ["127.0.0.0/8", "2001:db8::/32"],
        "requests_per_minute": 60,
        "concurrency": 2,
        "expires_at": (datetime.now(UTC) + timedelta(days=30)).isoformat(),
    }
    made = office.do("POST", "keys", limits, 201)
    secret = made.pop("secret")
    assert secret.startswith(made["prefix"])
    assert can_generate(office.url, secret)
    shown = office.get(f"keys/{made['id']}")
    assert "secret" not in shown
    assert {name: shown[name] for name in limits if name != "expires_at"} == {
        name: value for name, value in limits.items() if name != "expires_at"
    }


def test_a_rotated_key_has_two_secrets_for_its_grace_and_one_id(office: Office) -> None:
    made = office.do("POST", "keys", {"name": "Turning"}, 201)
    turned = office.do("POST", f"keys/{made['id']}/rotate", {"grace_seconds": 3600})
    assert (turned["id"], turned["prefix"]) == (made["id"], made["prefix"])
    assert can_generate(office.url, made["secret"])
    assert can_generate(office.url, turned["secret"])
    again = office.do("POST", f"keys/{made['id']}/rotate", {})
    assert not can_generate(office.url, made["secret"])
    assert not can_generate(office.url, turned["secret"])
    assert can_generate(office.url, again["secret"])


def test_a_revoked_key_ends_with_the_next_request(office: Office) -> None:
    made = office.do("POST", "keys", {"name": "Short"}, 201)
    assert can_generate(office.url, made["secret"])
    ended = office.do("POST", f"keys/{made['id']}/revoke", {"reason": "Done."})
    assert ended["revoked_reason"] == "Done."
    assert not can_generate(office.url, made["secret"])
    office.refused(409, "conflict", "PATCH", f"keys/{made['id']}", json={"name": "y"})
    assert made["id"] not in {key["id"] for key in office.pages("keys")}
    assert made["id"] in {key["id"] for key in office.pages("keys", state="revoked")}


def test_an_edit_holds_from_the_next_request_on(cast: Cast, office: Office) -> None:
    cast.credit(1)
    made = office.do("POST", "keys", {"name": "Narrow"}, 201)
    office.do("PATCH", f"keys/{made['id']}", {"doors_allowed": ["gemini"]})
    assert OPENAI.post(office.url, made["secret"]).status_code == 403
    office.do("PATCH", f"keys/{made['id']}", {"doors_allowed": []})
    assert OPENAI.post(office.url, made["secret"]).status_code == 200


def test_the_keys_of_the_other_mode_are_not_there(cast: Cast, office: Office, url: str) -> None:
    tester = Office(url, cast.key("test", scopes=MANAGE))
    made = tester.do("POST", "keys", {"name": "Play"}, 201)
    assert made["mode"] == "test"
    office.refused(404, "not_found", "GET", f"keys/{made['id']}")
    assert made["id"] not in {key["id"] for key in office.pages("keys")}


def test_a_personal_key_names_a_member(cast: Cast, office: Office) -> None:
    made = office.do("POST", "keys", {"name": "Dev", "member_id": str(cast.developer.pk)}, 201)
    assert made["member_id"] == str(cast.developer.pk)
    body = {"name": "x", "member_id": str(cast.stranger.pk)}
    problem = office.refused(400, "bad_request", "POST", "keys", json=body)
    assert problem["errors"][0]["field"] == "member_id"


BAD = [
    ({}, "name", "required"),
    ({"name": ""}, "name", "blank"),
    ({"name": 5}, "name", "invalid"),
    ({"name": "x", "mode": "test"}, "mode", "unknown_parameter"),
    ({"name": "x", "secret": "easel_live_mine"}, "secret", "unknown_parameter"),
    ({"name": "x", "scopes": ["everything"]}, "scopes[0]", "invalid_choice"),
    ({"name": "x", "scopes": ["manage:read", "images:read"]}, "scopes", "invalid"),
    ({"name": "x", "networks": ["localhost"]}, "networks", "invalid"),
    ({"name": "x", "requests_per_minute": True}, "requests_per_minute", "invalid"),
    ({"name": "x", "requests_per_minute": 0}, "requests_per_minute", "min_value"),
    ({"name": "x", "concurrency": "2"}, "concurrency", "invalid"),
    ({"name": "x", "expires_at": "2020-01-01T00:00:00Z"}, "expires_at", "invalid"),
    ({"name": "x", "home_door": "smtp"}, "home_door", "invalid_choice"),
]


@pytest.mark.parametrize("body, field, code", BAD, ids=lambda value: str(value)[:40])
def test_what_is_wrong_with_a_key_is_said_and_nothing_is_made(
    office: Office, books: Books, body: dict[str, object], field: str, code: str
) -> None:
    before = books.count("accounts_apikey")
    kind = "unknown_parameter" if code == "unknown_parameter" else "bad_request"
    problem = office.refused(400, kind, "POST", "keys", json=body)
    assert (problem["errors"][0]["field"], problem["errors"][0]["code"]) == (field, code)
    assert books.count("accounts_apikey") == before


@pytest.mark.parametrize("grace", [-1, 7 * 86400 + 1, "1", 1.5, True])
def test_a_grace_is_zero_to_seven_days(office: Office, grace: object) -> None:
    made = office.do("POST", "keys", {"name": "Turning"}, 201)
    office.refused(400, "bad_request", "POST", f"keys/{made['id']}/rotate", json={"grace_seconds": grace})
    assert can_generate(office.url, made["secret"])


HOSTILE = [
    b"{", b"[]", b'"name"', b'{"name": NaN}', b'{"name": "a", "name": "b"}', b'{"name": "\\ud800"}',
    b'{"name": "\\u0000"}', b'{"name": 1e999}', b'{"name":' * 2000, b"\xff\xfe", b"[" * 100_000,
]  # fmt: skip


@pytest.mark.parametrize("body", HOSTILE, ids=lambda body: repr(body[:20]))
def test_a_body_that_is_no_honest_json_is_a_problem(office: Office, body: bytes) -> None:
    office.refused(
        400, "bad_request", "POST", "keys", content=body, headers={"Content-Type": "application/json"}
    )


def test_bodies_have_a_type_a_size_and_no_encoding(office: Office) -> None:
    json = {"Content-Type": "application/json"}
    office.refused(415, "unsupported_media", "POST", "keys", data={"name": "x"})
    office.refused(
        415, "unsupported_media", "POST", "keys", content=b"{}", headers={**json, "Content-Encoding": "gzip"}
    )
    office.refused(413, "too_large", "POST", "keys", content=b" " * (1024 * 1024 + 1), headers=json)


def test_unknown_query_parameters_are_refused(office: Office) -> None:
    problem = office.refused(400, "unknown_parameter", "GET", "keys?sort=name")
    assert problem["errors"][0]["field"] == "sort"
    office.refused(400, "unknown_parameter", "GET", "organization?id=1")
