"""A team asks for credit, an operator answers, the ledger has it once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection

from accounts.access import OperatorRole
from accounts.actions import operators
from accounts.auditing import Actor
from accounts.errors import Conflict, InvalidValue, NotFound
from accounts.models import AuditEvent
from billing import entries, standing
from billing.actions import credit, letters
from billing.entries import Wanted
from billing.models import CreditRequest
from runtime import ids
from runtime.tenancy import tenant
from tests.cast import BY, IMAGE, Cast

pytestmark = pytest.mark.usefixtures("database")
DOLLARS = 1_000_000_000


def ask(cast: Cast, amount: int = 25 * DOLLARS, note: str = "A launch") -> CreditRequest:
    return credit.request(
        organization=cast.organization, amount=amount, note=note, by=Actor.member(cast.owner)
    )


def balance(cast: Cast) -> int:
    return entries.balance(cast.organization, "live").available


def test_the_operators_who_may_give_credit_are_told(cast: Cast, mailoutbox: list[Any]) -> None:
    name = ids.word(8, ids.BASE36)
    for role in (OperatorRole.FINANCE, OperatorRole.SUPPORT):
        operators.create(email=f"{role}-{name}@example.test", role=role, by=BY)
    ask(cast)
    (letter,) = [one for one in mailoutbox if f"finance-{name}@example.test" in one.to]
    assert f"support-{name}@example.test" not in letter.to
    assert "$25" in letter.subject
    assert cast.organization.slug in letter.body
    assert "A launch" in letter.body
    assert cast.owner.email in letter.body


def test_a_granted_request_is_in_the_ledger_with_its_reason(cast: Cast, mailoutbox: list[Any]) -> None:
    asked = ask(cast)
    operator = Actor.command("test operator")
    done = credit.grant(organization=cast.organization, request=asked.pk, reason="Invoice 7", by=operator)
    assert (done.state, done.granted) == ("granted", 25 * DOLLARS)
    assert balance(cast) == 25 * DOLLARS
    (line,) = entries.page(cast.organization, "live", Wanted(), size=9)
    assert (line.kind, line.reason, line.actor) == ("grant", "Invoice 7", operator.label)
    (letter,) = [one for one in mailoutbox if cast.owner.email in one.to]
    assert "$25 were added" in letter.body
    with tenant(cast.organization):
        noted = AuditEvent.objects.of(cast.organization).filter(action__startswith="credit.")
        assert set(noted.values_list("action", flat=True)) == {
            "credit.request", "credit.grant", "credit.grant_request",
        }  # fmt: skip


def test_another_amount_may_be_given(cast: Cast) -> None:
    asked = ask(cast)
    credit.grant(organization=cast.organization, request=asked.pk, reason="Half", by=BY, amount=10 * DOLLARS)
    (row,) = standing.credit_requests(cast.organization, "live", size=5)
    assert (row.amount, row.granted, row.answer) == (25 * DOLLARS, 10 * DOLLARS, "Half")
    assert balance(cast) == 10 * DOLLARS


def test_ten_operators_grant_it_once(cast: Cast) -> None:
    asked = ask(cast)

    def grant(_: int) -> str:
        try:
            credit.grant(organization=cast.organization, request=asked.pk, reason="yes", by=BY)
        except Conflict:
            return "refused"
        finally:
            connection.close()
        return "granted"

    with ThreadPoolExecutor(10) as crowd:
        answers = list(crowd.map(grant, range(10)))
    assert answers.count("granted") == 1
    assert balance(cast) == 25 * DOLLARS


def test_one_request_waits_at_a_time(cast: Cast) -> None:
    asked = ask(cast)
    with pytest.raises(Conflict, match="waits for its answer"):
        ask(cast)
    credit.withdraw(organization=cast.organization, request=asked.pk, by=BY)
    ask(cast, 5 * DOLLARS)
    states = [row.state for row in standing.credit_requests(cast.organization, "live", size=5)]
    assert states == ["open", "withdrawn"]
    assert balance(cast) == 0


def test_a_declined_request_says_why_and_gives_nothing(cast: Cast, mailoutbox: list[Any]) -> None:
    asked = ask(cast)
    with pytest.raises(InvalidValue, match="Say why"):
        credit.decline(organization=cast.organization, request=asked.pk, reason=" ", by=BY)
    credit.decline(organization=cast.organization, request=asked.pk, reason="Not without a contract", by=BY)
    (letter,) = [one for one in mailoutbox if cast.owner.email in one.to]
    assert "declined" in letter.subject
    assert "Not without a contract" in letter.body
    with pytest.raises(Conflict, match="declined"):
        credit.grant(organization=cast.organization, request=asked.pk, reason="after all", by=BY)
    assert balance(cast) == 0


@pytest.mark.parametrize(
    "wrong, field",
    [({"amount": 0}, "amount"), ({"amount": -IMAGE}, "amount"), ({"amount": credit.MOST + 1}, "amount"),
     ({"note": "x" * 501}, "note")],
)  # fmt: skip
def test_what_makes_no_sense_is_refused(cast: Cast, wrong: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidValue) as refused:
        ask(cast, **wrong)
    assert refused.value.field == field


def test_a_test_wallet_needs_no_credit(cast: Cast) -> None:
    with pytest.raises(InvalidValue, match="refill"):
        credit.request(organization=cast.organization, amount=IMAGE, note="", by=BY, mode="test")


def test_a_grant_that_is_refused_leaves_the_request_open(cast: Cast) -> None:
    asked = ask(cast)
    with pytest.raises(InvalidValue):
        credit.grant(organization=cast.organization, request=asked.pk, reason="", by=BY)
    (row,) = standing.credit_requests(cast.organization, "live", size=5)
    assert row.state == "open"


def test_a_strangers_request_is_none(cast: Cast) -> None:
    asked = ask(cast)
    for identifier in (asked.pk, uuid4()):
        with pytest.raises(NotFound):
            credit.withdraw(organization=cast.strangers, request=identifier, by=BY)


def test_a_mail_that_cannot_leave_loses_no_request(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: Any, **__: Any) -> None:
        raise OSError("no route to the mail server")

    operators.create(email=f"{ids.word(8, ids.BASE36)}@example.test", role=OperatorRole.FINANCE, by=BY)
    monkeypatch.setattr(letters, "send_mail", broken)
    assert ask(cast).state == "open"
