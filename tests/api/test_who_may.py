"""Who gets in, and how far: keys that manage, keys that generate, members, the suspended."""

from __future__ import annotations

import pytest

from accounts.actions import keys, organizations
from accounts.actions.keys import create
from accounts.errors import InvalidValue
from accounts.models import ApiKey
from runtime.tenancy import tenant
from tests.api.conftest import MANAGE
from tests.api.office import Office
from tests.cast import BY, Cast
from tests.flows.five import WAYS, Way, Wish
from tests.flows.wire import CLIENT, Books

READS = (
    "organization", "members", "keys", "generations", "usage", "balance", "entries", "budgets", "models",
    "requests",
)  # fmt: skip


@pytest.mark.parametrize("path", READS)
def test_a_management_key_reads(office: Office, path: str) -> None:
    office.get(path)


@pytest.mark.parametrize("path", READS)
def test_a_key_that_generates_does_not_manage(cast: Cast, url: str, path: str) -> None:
    problem = Office(url, cast.key()).refused(403, "forbidden", "GET", path)
    assert "management key" in problem["detail"]


@pytest.mark.parametrize("path", READS)
def test_nobody_gets_in_without_a_key(nobody: Office, path: str) -> None:
    nobody.refused(401, "auth_missing", "GET", path)
    answer = nobody.send("GET", path)
    assert answer.headers["www-authenticate"].startswith("Bearer")


@pytest.mark.parametrize("door", WAYS, ids=lambda door: door.name)
def test_a_management_key_generates_at_no_door(cast: Cast, url: str, books: Books, door: Way) -> None:
    cast.credit(3)
    answer = door.post(url, cast.key(scopes=MANAGE), Wish())
    assert answer.status_code == 403, answer.text
    assert books.generations() == []


def test_it_opens_not_even_what_is_open(cast: Cast, url: str) -> None:
    bearer = {"Authorization": f"Bearer {cast.key(scopes=MANAGE)}"}
    assert CLIENT.get(f"{url}/openai/v1/models", headers=bearer).status_code == 403


def test_it_makes_no_batch(office: Office) -> None:
    answer = office.send("POST", "batches", content=b"{}", headers={"Content-Type": "application/jsonl"})
    assert (answer.status_code, answer.json()["kind"]) == (403, "forbidden")


def test_a_key_is_of_one_kind(cast: Cast) -> None:
    with pytest.raises(InvalidValue, match="either generates or manages"):
        cast.key(scopes=("manage:read", "images:create"))


def test_reading_is_not_writing(cast: Cast, url: str) -> None:
    reader = Office(url, cast.key(scopes=("manage:read",)))
    reader.get("keys")
    reader.refused(403, "forbidden", "POST", "keys", json={"name": "x"})


def personal(cast: Cast, url: str, person: str) -> Office:
    member = getattr(cast, person)
    _, plain = create(
        organization=cast.organization, mode="live", name=person, by=BY, member=member, scopes=MANAGE
    )
    return Office(url, plain)


def test_a_personal_key_reaches_as_far_as_its_member(cast: Cast, url: str) -> None:
    developer, viewer = personal(cast, url, "developer"), personal(cast, url, "viewer")
    viewer.get("generations")
    viewer.refused(403, "forbidden", "GET", "keys")
    viewer.refused(403, "forbidden", "POST", "keys", json={"name": "mine"})
    mine = developer.do("POST", "keys", {"name": "mine"}, 201)
    assert mine["member_id"] == str(cast.developer.pk)
    theirs, _ = create(organization=cast.organization, mode="live", name="theirs", by=BY)
    developer.refused(403, "forbidden", "POST", f"keys/{theirs.pk}/revoke", json={})
    developer.refused(403, "forbidden", "PATCH", f"members/{cast.viewer.pk}", json={"role": "owner"})


def test_a_suspended_organization_looks_and_does_nothing(cast: Cast, office: Office) -> None:
    office.get("keys")
    organizations.suspend(organization=cast.organization, reason="Unpaid.", by=BY)
    assert office.get("organization")["state"] == "suspended"
    office.refused(403, "organization_suspended", "POST", "keys", json={"name": "x"})
    organizations.restore(organization=cast.organization, by=BY)
    office.do("POST", "keys", {"name": "x"}, 201)


def test_a_revoked_key_is_refused_at_once(cast: Cast, office: Office) -> None:
    office.get("keys")
    with tenant(cast.organization):
        key = ApiKey.objects.of(cast.organization).get(scopes__contains=["manage:write"])
    keys.revoke(key=key, reason="over", by=BY)
    office.refused(401, "key_disabled", "GET", "keys")


def test_a_key_has_its_share_of_the_minute(cast: Cast, url: str) -> None:
    office = Office(url, cast.key(scopes=MANAGE, requests_per_minute=2))
    answers = [office.send("GET", "organization") for _ in range(3)]
    if answers[2].status_code == 200:  # the minute began anew between them
        answers = [office.send("GET", "organization") for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert int(answers[2].headers["retry-after"]) >= 1
    assert answers[0].headers["ratelimit-limit"] == "2"


def test_every_call_is_in_the_history(cast: Cast, office: Office, nobody: Office, books: Books) -> None:
    answers = [
        (office.send("GET", "balance"), 200, cast.organization.pk),
        (office.send("GET", "keys/nothing"), 404, None),
        (nobody.send("GET", "balance"), 401, None),
        (office.send("DELETE", "balance"), 405, None),
    ]
    for answer, status, organization in answers:
        (row,) = books.requests(answer.headers["x-request-id"])
        assert (row["status"], row["door"]) == (status, "management")
        if organization:
            assert row["organization_id"] == organization
            assert row["key_id"] is not None


def test_unknown_paths_and_methods_are_problems(office: Office) -> None:
    office.refused(404, "not_found", "GET", "nothing/here")
    office.refused(404, "not_found", "GET", "")
    office.refused(405, "method_not_allowed", "POST", "balance", json={})
    assert office.send("POST", "balance", json={}).headers["allow"] == "GET, HEAD"
