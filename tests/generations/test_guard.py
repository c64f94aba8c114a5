"""X5: a key that is suddenly used many times over from a new network is frozen; its team and its other
keys go on, and one click restores it."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.core import mail
from django.core.mail.backends.locmem import EmailBackend

from accounts.actions import keys
from accounts.actions.keys import GUARD
from accounts.admission import authenticate
from accounts.errors import AuthError, Conflict
from accounts.models import ApiKey, AuditEvent
from generations import guard
from generations.doors import recorder
from generations.models import ApiRequest
from runtime import ids
from runtime.clock import utc_now
from runtime.tenancy import tenant
from tests.accounts.key_pages import as_stored, new_key
from tests.accounts.visits import Visitor
from tests.cast import BY, Cast

pytestmark = [
    pytest.mark.usefixtures("database"),
    pytest.mark.filterwarnings("ignore:No directory at"),
]
HOME, ELSEWHERE = "198.51.100.7", "203.0.113.9"
DAY, LATELY = timedelta(days=1), timedelta(minutes=1)


def calls(key: ApiKey, count: int, *, ip: str, ago: timedelta, mode: str = "live") -> None:
    """So many calls of a key within one minute."""
    recorder.insert(
        [
            ApiRequest(
                id=ids.uuid7(), at=utc_now() - ago, request_id=ids.word(8), mode=mode,
                organization_id=key.organization_id, key_id=key.pk, door="openai", method="POST", path="/v1",
                status=200, ip=ip,
            )
            for _ in range(count)
        ]
    )  # fmt: skip


@pytest.fixture
def key(cast: Cast) -> ApiKey:
    """A key that usually makes five calls in five minutes from home."""
    made = new_key(cast.organization)
    for days in (1, 2, 3):
        calls(made, 5, ip=HOME, ago=days * DAY)
    return made


def frozen(key: ApiKey) -> bool:
    guard.Guard().look()
    return as_stored(key).suspended_at is not None


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[mail.EmailMessage]:
    monkeypatch.setattr("django.core.mail.get_connection", lambda *_, **__: EmailBackend())
    monkeypatch.setattr(mail, "outbox", [], raising=False)
    return mail.outbox


def test_a_spike_from_a_new_network_freezes_the_key(key: ApiKey) -> None:
    calls(key, 100, ip=ELSEWHERE, ago=LATELY)
    assert frozen(key)
    assert as_stored(key).suspended_reason == (
        "100 calls in 5 minutes from 203.0.113.0/24, where it was not used before; usual are 5."
    )


@pytest.mark.parametrize(
    ("count", "ip"),
    [(99, ELSEWHERE), (1000, HOME), (1000, "198.51.100.200")],
    ids=["too few to matter", "from where it always was", "from a neighbour in the same network"],
)
def test_what_may_be_usual_freezes_nothing(key: ApiKey, count: int, ip: str) -> None:
    calls(key, count, ip=ip, ago=LATELY)
    assert not frozen(key)


def test_much_from_a_new_network_is_no_spike_for_a_busy_key(cast: Cast) -> None:
    busy = new_key(cast.organization)
    calls(busy, 50, ip=HOME, ago=DAY)
    calls(busy, 999, ip=ELSEWHERE, ago=LATELY)
    assert not frozen(busy)
    calls(busy, 1, ip=ELSEWHERE, ago=LATELY)
    assert frozen(busy)


def test_a_new_key_may_begin_with_much(cast: Cast) -> None:
    fresh = new_key(cast.organization)
    calls(fresh, 500, ip=ELSEWHERE, ago=LATELY)
    assert not frozen(fresh)


def test_test_calls_cost_nothing_and_freeze_nothing(cast: Cast) -> None:
    trial = new_key(cast.organization, "test")
    calls(trial, 5, ip=HOME, ago=DAY, mode="test")
    calls(trial, 500, ip=ELSEWHERE, ago=LATELY, mode="test")
    assert not frozen(trial)


def test_an_ipv6_subscriber_is_one_network(key: ApiKey) -> None:
    calls(key, 5, ip="2001:db8:1:2::7", ago=DAY)
    calls(key, 500, ip="2001:db8:1:ffff::9", ago=LATELY)
    assert not frozen(key)
    calls(key, 500, ip="2001:db8:2::9", ago=LATELY)
    assert frozen(key)


def test_the_frozen_key_is_refused_and_the_others_go_on(cast: Cast) -> None:
    key, secret = keys.create(organization=cast.organization, mode="live", name="Leaked", by=BY)
    other = cast.key()
    calls(key, 5, ip=HOME, ago=DAY)
    calls(key, 200, ip=ELSEWHERE, ago=LATELY)
    assert frozen(key)
    with pytest.raises(AuthError, match="suspended"):
        authenticate(secret, ip=HOME, agent="", door="openai")
    assert authenticate(other, ip=HOME, agent="", door="openai")


def test_the_heads_of_the_team_are_told_with_the_way_back(key: ApiKey, told: list[mail.EmailMessage]) -> None:
    calls(key, 200, ip=ELSEWHERE, ago=LATELY)
    assert frozen(key)
    (letter,) = told
    assert "203.0.113.0/24" in letter.body
    assert f"/keys/{key.pk}/" in letter.body


def test_one_click_restores_it_and_it_is_let_be(key: ApiKey, cast: Cast, owner: Visitor) -> None:
    calls(key, 200, ip=ELSEWHERE, ago=LATELY)
    assert frozen(key)
    assert "Restore it" in owner.look("key", key=key.pk)
    assert owner.status("post", "thaw_key", key=key.pk) == 302
    assert as_stored(key).suspended_at is None
    assert not frozen(key)
    with tenant(cast.organization):
        events = AuditEvent.objects.of(cast.organization).filter(object_id=str(key.pk)).order_by("id")
        assert [one.action for one in events][-2:] == ["key.freeze", "key.thaw"]
        assert [one.actor_label for one in events][-2] == GUARD.label


def test_the_team_does_not_restore_what_an_operator_suspended(key: ApiKey, owner: Visitor) -> None:
    keys.suspend(key=key, reason="Abuse", by=BY)
    with pytest.raises(Conflict):
        keys.thaw(key=key, by=BY)
    page = owner.look("key", key=key.pk)
    assert "An operator suspended it" in page
    assert "Restore it" not in page
    owner.status("post", "thaw_key", key=key.pk)
    assert as_stored(key).suspended_at is not None
