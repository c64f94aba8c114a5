"""Who is told that money runs low: once a crossing, by mail and by webhook (B9, B16)."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import psycopg
import pytest
from django.db import connection

from accounts.actions import webhooks
from accounts.models import Event, OutboxMessage
from billing import actions, alerts
from billing.models import BalanceAlert
from generations.actions import finish
from runtime.tenancy import tenant
from tests.cast import BY, IMAGE, Cast
from tests.law.team import Team, order, pictures

pytestmark = pytest.mark.usefixtures("database")


@pytest.fixture
def team(cast: Cast, superuser: psycopg.Connection[Any]) -> Team:
    """With credit for ten images and a line at five."""
    cast.credit(10)
    actions.set_alert(organization=cast.organization, threshold=5 * IMAGE, by=BY)
    return Team(cast.organization.pk, superuser)


def spend(team: Team, images: int) -> None:
    """Charged, whoever else has work waiting."""
    lease = order(team.id, images, mode="live", key="", waits=True).claimed
    assert lease is not None
    assert finish.succeed(lease, pictures(lease, images), [], finish.Tried())


def letters_to(cast: Cast, mailoutbox: list[Any]) -> list[Any]:
    return [letter for letter in mailoutbox if cast.owner.email in letter.to]


def test_a_balance_above_its_line_tells_nobody(cast: Cast, team: Team, mailoutbox: list[Any]) -> None:
    spend(team, 5)
    alerts.tell()
    assert letters_to(cast, mailoutbox) == []


def test_a_crossing_is_told_once(cast: Cast, team: Team, mailoutbox: list[Any]) -> None:
    spend(team, 6)
    for _ in range(3):
        alerts.tell()
    spend(team, 1)
    alerts.tell()
    (letter,) = letters_to(cast, mailoutbox)
    assert "below $0.1935" in letter.subject
    assert "$0.1548 are left" in letter.body
    assert f"/o/{cast.organization.slug}/billing/" in letter.body
    assert cast.viewer.email not in letter.to
    assert cast.developer.email not in letter.to


def test_credit_above_the_line_makes_the_next_crossing_news(
    cast: Cast, team: Team, mailoutbox: list[Any]
) -> None:
    spend(team, 6)
    alerts.tell()
    cast.credit(4)
    alerts.tell()
    spend(team, 4)
    alerts.tell()
    assert len(letters_to(cast, mailoutbox)) == 2


def test_credit_that_does_not_reach_the_line_is_no_news(
    cast: Cast, team: Team, mailoutbox: list[Any]
) -> None:
    spend(team, 8)
    alerts.tell()
    cast.credit(1)
    alerts.tell()
    spend(team, 1)
    alerts.tell()
    assert len(letters_to(cast, mailoutbox)) == 1


def test_work_that_gives_its_hold_back_does_not_cross_anew(
    cast: Cast, team: Team, mailoutbox: list[Any]
) -> None:
    for _ in range(3):
        held = order(team.id, 6, mode="live", key="", waits=False).generation.pk
        alerts.tell()
        finish.cancel(team.id, held)
        alerts.tell()
    assert len(letters_to(cast, mailoutbox)) == 1


def test_a_line_that_is_moved_is_told_of_anew(cast: Cast, team: Team, mailoutbox: list[Any]) -> None:
    spend(team, 6)
    alerts.tell()
    actions.set_alert(organization=cast.organization, threshold=6 * IMAGE, by=BY)
    alerts.tell()
    assert len(letters_to(cast, mailoutbox)) == 2


def test_whoever_turns_it_off_is_left_alone(cast: Cast, team: Team, mailoutbox: list[Any]) -> None:
    actions.delete_alert(organization=cast.organization, by=BY)
    spend(team, 9)
    alerts.tell()
    assert letters_to(cast, mailoutbox) == []


def test_endpoints_that_listen_are_told_in_the_same_transaction(cast: Cast, team: Team) -> None:
    url = "https://hooks.example.test/"
    for events in ([Event.BALANCE_LOW], [Event.KEY_REVOKED]):
        webhooks.create(organization=cast.organization, mode="live", url=url, events=events, by=BY)
    spend(team, 6)
    alerts.tell()
    alerts.tell()
    with tenant(cast.organization):
        (message,) = OutboxMessage.objects.of(cast.organization).filter(event=Event.BALANCE_LOW)
    told = json.loads(bytes(message.body))
    assert told["type"] == "balance.low"
    assert told["data"]["balance"] == {
        "mode": "live", "available_usd": "0.1548", "held_usd": "0", "threshold_usd": "0.1935",
    }  # fmt: skip


def test_two_janitors_tell_it_once(cast: Cast, team: Team) -> None:
    url = "https://hooks.example.test/"
    webhooks.create(organization=cast.organization, mode="live", url=url, events=[Event.BALANCE_LOW], by=BY)
    spend(team, 6)

    def tell(_: int) -> None:
        try:
            alerts.tell()
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as janitors:
        list(janitors.map(tell, range(4)))
    with tenant(cast.organization):
        assert OutboxMessage.objects.of(cast.organization).filter(event=Event.BALANCE_LOW).count() == 1


def test_each_mode_has_its_own_line(cast: Cast, team: Team) -> None:
    actions.set_alert(organization=cast.organization, threshold=IMAGE, by=BY, mode="test")
    spend(team, 6)
    alerts.tell()
    with tenant(cast.organization):
        lowest = dict(BalanceAlert.objects.of(cast.organization).values_list("mode", "lowest"))
    assert lowest == {"live": 4 * IMAGE, "test": 0}  # a test wallet that was never opened is empty


def test_a_mail_that_cannot_leave_stops_nothing(
    cast: Cast, team: Team, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: Any, **__: Any) -> None:
        raise OSError("no route to the mail server")

    monkeypatch.setattr(alerts, "send_mail", broken)
    spend(team, 6)
    alerts.tell()
    with tenant(cast.organization):
        assert BalanceAlert.objects.of(cast.organization).get().told_at is not None


# ---- budgets ---------------------------------------------------------------------------------


def test_a_budget_tells_once_a_period_from_its_percent_on(
    cast: Cast, team: Team, mailoutbox: list[Any]
) -> None:
    actions.delete_alert(organization=cast.organization, by=BY)
    budget = {"organization": cast.organization, "period": "month", "by": BY}
    actions.set_budget(**budget, limit=5 * IMAGE, alert_percent=80)
    spend(team, 3)
    alerts.tell()
    assert letters_to(cast, mailoutbox) == []
    spend(team, 1)
    alerts.tell()
    spend(team, 1)
    alerts.tell()
    (letter,) = letters_to(cast, mailoutbox)
    assert "80 % of a budget" in letter.subject
    assert "refused with 402" in letter.body
    actions.set_budget(**budget, limit=6 * IMAGE)  # its percent stays, the new limit is told of anew
    alerts.tell()
    assert len(letters_to(cast, mailoutbox)) == 2


def test_a_budget_without_a_percent_tells_nobody(cast: Cast, team: Team, mailoutbox: list[Any]) -> None:
    actions.delete_alert(organization=cast.organization, by=BY)
    budget = {"organization": cast.organization, "period": "total", "by": BY, "limit": 5 * IMAGE}
    actions.set_budget(**budget, alert_percent=50)
    actions.set_budget(**budget, alert_percent=0)
    spend(team, 5)
    alerts.tell()
    assert letters_to(cast, mailoutbox) == []
