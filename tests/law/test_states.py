"""The table of transitions, tries, and what the database itself refuses, whoever asks."""

from __future__ import annotations

from collections.abc import Callable

import psycopg
import pytest
from psycopg import errors

from billing import ledger
from billing.errors import InsufficientCredit, LedgerConflict
from billing.ledger import Closing
from generations.actions import finish
from generations.actions.claim import Claimed
from generations.actions.finish import Tried
from generations.spec import Kind
from runtime.clock import utc_now
from runtime.tenancy import tenant
from tests.cast import IMAGE
from tests.law.team import MODEL, Team, pictures

# ---- tries ----


def lost(team: Team, lease: Claimed) -> bool:
    team.lease_runs_out(lease.id)
    return finish.take_back(team.id, lease.id, lease.attempt)


def test_after_three_lost_attempts_it_is_over_and_free(team: Team) -> None:
    generation = team.queued()
    assert [lost(team, team.claimed()) for _ in range(3)] == [True, True, True]
    assert team.row(generation) == ("failed", "worker_lost", 0, 3, 0, 3)
    assert team.moves(generation) == ["queued", *["running", "queued"] * 2, "running", "failed"]
    assert team.attempts(generation) == ["lost", "lost", "lost"]
    assert team.wallet() == (10 * IMAGE, 0)


def test_the_third_attempt_cannot_be_retried(team: Team) -> None:
    generation = team.queued()
    for _ in range(2):
        assert finish.retry(team.claimed(), Kind.UPSTREAM_ERROR, 0, Tried())
    third = team.claimed()
    assert (third.attempt, third.tries_left) == (3, 0)
    assert not finish.retry(third, Kind.UPSTREAM_ERROR, 0, Tried())
    assert team.state(generation) == "running"
    assert finish.fail(third, Kind.UPSTREAM_ERROR, "over") is not None


def test_waits_and_hand_backs_spend_no_try(team: Team) -> None:
    team.queued()
    for number in range(1, 6):
        lease = team.claimed()
        assert (lease.attempt, lease.tries_left) == (number, 2)
        back = (
            finish.hand_back(lease)
            if number % 2
            else finish.retry(lease, Kind.RATE_LIMITED, 0, Tried(), waits=True)
        )
        assert back
    assert team.attempts(lease.id) == ["handed_back", "waited", "handed_back", "waited", "handed_back"]


@pytest.mark.parametrize("tries", [1, 2, 3])
def test_a_lease_that_still_runs_is_not_taken_back(team: Team, tries: int) -> None:
    team.queued()
    for _ in range(tries - 1):
        assert lost(team, team.claimed())
    lease = team.claimed()
    assert not finish.take_back(team.id, lease.id, lease.attempt)
    assert team.state(lease.id) == "running"
    assert team.attempts(lease.id)[-1] == "", "a janitor that came too late says nothing about it"
    assert finish.succeed(lease, pictures(lease), [], Tried()) is not None
    assert team.attempts(lease.id)[-1] == "succeeded"


def test_what_is_not_overdue_is_not_expired(team: Team) -> None:
    lease, waiting = team.running(), team.queued()
    assert not finish.expire(team.id, lease.id)
    assert not finish.expire(team.id, waiting)


def test_the_roll_up_adds_up(team: Team) -> None:
    for images in (1, 2, 1):
        team.finished(count=2, images=images)
    row = team.admin.execute(
        "SELECT sum(generations), sum(images), sum(tokens), sum(amount) FROM billing_usage"
        " WHERE organization_id = %s",
        (team.id,),
    ).fetchone()
    assert row == (3, 4, 4 * 1290, 4 * IMAGE)


ENDINGS: dict[str, Callable[[Team, Claimed], object]] = {
    "succeeded": lambda team, lease: finish.succeed(lease, pictures(lease), [], Tried()),
    "failed": lambda team, lease: finish.fail(lease, Kind.NO_IMAGE, "no image"),
    "cancelled": lambda team, lease: finish.cancel(team.id, lease.id),
}
AFTERWARDS: dict[str, Callable[[Team, Claimed], object]] = {
    "another success": lambda team, lease: finish.succeed(lease, other(lease), [], Tried()),
    "failure": ENDINGS["failed"],
    "cancel": ENDINGS["cancelled"],
    "retry": lambda team, lease: finish.retry(lease, Kind.UPSTREAM_ERROR, 0, Tried()),
    "wait": lambda team, lease: finish.retry(lease, Kind.RATE_LIMITED, 0, Tried(), waits=True),
    "hand back": lambda team, lease: finish.hand_back(lease),
    "reap": lambda team, lease: finish.take_back(team.id, lease.id, lease.attempt),
    "expiry": lambda team, lease: finish.expire(team.id, lease.id),
}


def other(lease: Claimed) -> list[finish.Stored]:
    """An image that is not the one delivered before."""
    return [finish.Stored(f"live/{lease.id}/other.png", "image/png", 1, 1, 1, "1" * 64)]


@pytest.mark.parametrize("then", AFTERWARDS)
@pytest.mark.parametrize("ending", ENDINGS)
def test_a_final_state_never_changes(team: Team, ending: str, then: str) -> None:
    lease = team.running()
    assert ENDINGS[ending](team, lease)
    before, entries = team.row(lease.id), team.entries()
    assert not AFTERWARDS[then](team, lease)
    assert team.row(lease.id) == before
    assert team.entries() == entries


# ---- what the database refuses, even from its superuser ----

ILLEGAL = {
    "final with an open hold": (
        "state = 'failed', finished_at = now(), lease_expires_at = NULL",
        "final_iff_closed",
    ),
    "live with a closed hold": ("hold = 'released'", "final_iff_closed"),
    "succeeded but released": (
        "state = 'succeeded', hold = 'released', delivered = 1, finished_at = now(), lease_expires_at = NULL",
        "succeeded_iff_settled",
    ),
    "failed but settled": (
        "state = 'failed', hold = 'settled', finished_at = now(), lease_expires_at = NULL",
        "succeeded_iff_settled",
    ),
    "succeeded without an image": (
        "state = 'succeeded', hold = 'settled', finished_at = now(), lease_expires_at = NULL",
        "charged_only_for_images",
    ),
    "more images than ordered": (
        "state = 'succeeded', hold = 'settled', delivered = 2, finished_at = now(), lease_expires_at = NULL",
        "charged_only_for_images",
    ),
    "cancelled with an image": (
        "state = 'cancelled', hold = 'released', delivered = 1, finished_at = now(), lease_expires_at = NULL",
        "charged_only_for_images",
    ),
    "running without a lease": ("lease_expires_at = NULL", "running_iff_leased"),
    "queued with a lease": ("state = 'queued'", "running_iff_leased"),
    "final without an end": (
        "state = 'failed', hold = 'released', lease_expires_at = NULL",
        "final_iff_finished",
    ),
    "live with an end": ("finished_at = now()", "final_iff_finished"),
    "eleven images": ("count = 11", "count_in_range"),
    "no images": ("count = 0", "count_in_range"),
    "a debt of tries": ("tries_left = -1", "tries_left"),
}


@pytest.mark.parametrize("what", ILLEGAL)
def test_the_database_refuses_a_generation_that_is(team: Team, what: str) -> None:
    lease = team.running()
    change, constraint = ILLEGAL[what]
    with pytest.raises(errors.CheckViolation, match=constraint):
        team.change(lease.id, change)


@pytest.mark.parametrize("change", ["held = -1", "held = posted + 1", "posted = -1"])
def test_the_database_refuses_a_wallet_below_zero_or_its_holds(team: Team, change: str) -> None:
    with pytest.raises(errors.CheckViolation, match="billing_wallet"):
        team.admin.execute(f"UPDATE billing_wallet SET {change} WHERE organization_id = %s", (team.id,))


@pytest.mark.parametrize(
    "change, refusal",
    [
        ("kind = 'gift'", "accounts_of_kind"),
        ("credit = 'revenue'", "accounts_of_kind"),
        ("amount = 0", "billing_entry_positive"),
        ("amount = amount + 1", "tokens_times_price"),
        ("generation_id = NULL", "has_its_source"),
    ],
)
def test_the_database_refuses_an_entry_that_does_not_add_up(team: Team, change: str, refusal: str) -> None:
    team.queued()
    with team.admin.transaction(force_rollback=True):
        team.admin.execute("ALTER TABLE billing_entry DISABLE TRIGGER append_only")
        with pytest.raises(errors.CheckViolation, match=refusal), team.admin.transaction():
            team.admin.execute(
                f"UPDATE billing_entry SET {change} WHERE organization_id = %s AND kind = 'hold'", (team.id,)
            )


@pytest.mark.parametrize("kind", ["hold", "settle", "release"])
def test_the_database_refuses_a_second_entry_of_a_kind_for_a_generation(team: Team, kind: str) -> None:
    team.finished(count=2, images=1)
    with pytest.raises(errors.UniqueViolation, match="billing_entry_generation_once"):
        team.admin.execute(
            "INSERT INTO billing_entry (organization_id, mode, kind, debit, credit, amount, tokens,"
            " unit_price, generation_id, reference, reason, actor)"
            " SELECT organization_id, mode, kind, debit, credit, amount, tokens, unit_price, generation_id,"
            " 'again', '', '' FROM billing_entry WHERE organization_id = %s AND kind = %s",
            (team.id, kind),
        )


HISTORIES = ["billing_entry", "accounts_auditevent", "generations_transition"]


@pytest.mark.parametrize("statement", ["UPDATE {} SET id = id", "DELETE FROM {}", "TRUNCATE {} CASCADE"])
@pytest.mark.parametrize("table", HISTORIES)
def test_nobody_rewrites_history(team: Team, table: str, statement: str) -> None:
    team.finished()
    with pytest.raises(psycopg.Error, match="append-only"):
        team.admin.execute(statement.format(table))


# ---- the ledger's verbs, twice ----


def closing() -> Closing:
    return Closing(utc_now(), None, MODEL, "evolink", "succeeded", 1)


def book(team: Team, verb: Callable[..., bool], amount: int, reference: str) -> bool:
    """A grant or an adjustment."""
    with tenant(team.id):
        return verb(
            organization=team.id, mode="live", amount=amount, reference=reference, reason="test", actor="test"
        )


def test_every_ledger_verb_may_be_said_twice(team: Team) -> None:
    live, done, over = team.queued(), team.finished(count=2, images=1), team.queued()
    assert finish.cancel(team.id, over)
    assert team.refund(done, 1, "refund")
    assert book(team, ledger.grant, IMAGE, "payment")
    assert book(team, ledger.adjust, -IMAGE, "error")
    entries, wallet = team.entries(), team.wallet()
    with tenant(team.id):
        ledger.hold(team.held(live))
        assert not ledger.settle(team.held(done), 1290, closing())
        assert not ledger.release(team.held(over), closing())
    assert not team.refund(done, 1, "refund")
    assert not book(team, ledger.grant, IMAGE, "payment")
    assert not book(team, ledger.adjust, -IMAGE, "error")
    assert team.entries() == entries
    assert team.wallet() == wallet


@pytest.mark.parametrize("verb", [ledger.grant, ledger.adjust])
def test_a_reference_stands_for_one_amount(team: Team, verb: Callable[..., bool]) -> None:
    assert book(team, verb, IMAGE, "once")
    with pytest.raises(LedgerConflict):
        book(team, verb, 2 * IMAGE, "once")
    assert team.wallet() == (11 * IMAGE, 0)


def test_the_first_credit_makes_the_wallet_also_as_a_correction(team: Team) -> None:
    with tenant(team.id):
        assert ledger.adjust(
            organization=team.id, mode="test", amount=5, reference="r", reason="test", actor="test"
        )
    assert team.wallet("test") == (5, 0)


def test_an_adjustment_cannot_take_what_is_held(team: Team) -> None:
    team.queued(count=4)
    with pytest.raises(InsufficientCredit):
        book(team, ledger.adjust, -7 * IMAGE, "too much")
    assert team.wallet() == (10 * IMAGE, 4 * IMAGE)


def test_a_settle_is_at_most_its_hold(team: Team) -> None:
    live = team.queued()
    with pytest.raises(LedgerConflict), tenant(team.id):
        ledger.settle(team.held(live), 1291, closing())
    assert team.wallet() == (10 * IMAGE, IMAGE)


@pytest.mark.parametrize("refunded", [1, 2, 3])
def test_refunds_are_never_more_than_the_charge(team: Team, refunded: int) -> None:
    done = team.finished(count=2)
    for number in range(refunded):
        if number < 2:
            assert team.refund(done, 1, f"refund {number}")
        else:
            with pytest.raises(LedgerConflict):
                team.refund(done, 1, f"refund {number}")
    assert team.wallet() == ((8 + min(refunded, 2)) * IMAGE, 0)


def test_what_was_not_charged_is_not_refunded(team: Team) -> None:
    generation = team.queued()
    assert finish.cancel(team.id, generation)
    with pytest.raises(LedgerConflict):
        team.refund(generation, 1, "refund")


def test_a_test_wallet_fills_itself_up_and_touches_no_live_money(team: Team) -> None:
    team.submit(4, mode="test")
    assert team.wallet("test") == (ledger.TEST_CREDIT, 4 * IMAGE)
    assert team.wallet("live") == (10 * IMAGE, 0)
