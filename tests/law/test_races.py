"""The races that matter, one by one and both ways round: who was first decides, and exactly once."""

from __future__ import annotations

from collections.abc import Callable
from typing import get_args

import pytest

from billing.errors import LedgerConflict
from generations.actions import claim, finish
from generations.actions.finish import Tried
from generations.errors import Problem
from generations.spec import Kind
from tests.cast import IMAGE
from tests.law.interleaving import Hands, Held
from tests.law.team import Team, pictures

HELD = get_args(Held)


def word(block: Callable[[], object]) -> object:
    """What a call gives, or the kind of its refusal."""
    try:
        return block()
    except Problem as problem:
        return problem.kind
    except LedgerConflict:
        return "conflict"


@pytest.mark.parametrize("held", HELD)
def test_a_cancel_that_comes_first_wins_over_a_success(team: Team, hands: Hands, held: Held) -> None:
    lease = team.running()
    done = hands.interleave(
        team.id,
        lambda: finish.cancel(team.id, lease.id),
        lambda: finish.succeed(lease, pictures(lease), [], Tried()),
        held=held,
    )
    assert (done.first, done.second) == (True, None)
    assert team.state(lease.id) == "cancelled"
    assert team.wallet() == (10 * IMAGE, 0)
    assert team.attempts(lease.id) == ["superseded"]


@pytest.mark.parametrize("held", HELD)
def test_a_success_that_comes_first_wins_over_a_cancel(team: Team, hands: Hands, held: Held) -> None:
    lease = team.running()
    done = hands.interleave(
        team.id,
        lambda: finish.succeed(lease, pictures(lease), [], Tried()) is not None,
        lambda: finish.cancel(team.id, lease.id),
        held=held,
    )
    assert (done.first, done.second) == (True, False)
    assert team.moves(lease.id) == ["queued", "running", "succeeded"]
    assert team.wallet() == (9 * IMAGE, 0)


def test_a_stale_attempt_cannot_fail_or_return_what_another_one_runs(team: Team) -> None:
    stale = team.running()
    team.lease_runs_out(stale.id)
    assert finish.take_back(team.id, stale.id, stale.attempt)
    fresh = team.claimed()
    assert finish.fail(stale, Kind.UPSTREAM_ERROR, "too late") is None
    assert not finish.retry(stale, Kind.UPSTREAM_ERROR, 0, Tried())
    assert not finish.hand_back(stale)
    assert not finish.take_back(team.id, stale.id, stale.attempt)
    assert claim.renew([stale, fresh]) == {fresh.id}
    assert team.state(fresh.id) == "running"
    assert finish.succeed(fresh, pictures(fresh), [], Tried()) is not None


@pytest.mark.parametrize("claimed_again", [False, True])
def test_a_late_success_wins_once_whoever_holds_the_lease(team: Team, claimed_again: bool) -> None:
    late = team.running()
    team.lease_runs_out(late.id)
    assert finish.take_back(team.id, late.id, late.attempt)
    fresh = team.claimed() if claimed_again else None
    assert finish.succeed(late, pictures(late), [], Tried()) is not None
    if fresh:
        assert finish.succeed(fresh, pictures(fresh), [], Tried()) is None
        assert finish.fail(fresh, Kind.UPSTREAM_ERROR, "as well") is None
        assert team.attempts(late.id) == ["succeeded", "superseded"]
    assert team.state(late.id) == "succeeded"
    assert team.wallet() == (9 * IMAGE, 0)


def test_a_success_after_an_unheard_commit_is_told_again_and_charged_once(team: Team) -> None:
    lease = team.running(count=2)
    first = finish.succeed(lease, pictures(lease, 2), [], Tried())
    entries = team.entries()
    again = finish.succeed(lease, pictures(lease, 2), [], Tried())
    assert again == first is not None
    assert team.entries() == entries
    assert team.wallet() == (8 * IMAGE, 0)


def test_fewer_images_than_asked_are_charged_as_fewer(team: Team) -> None:
    generation = team.finished(count=4, images=3)
    assert team.entries()[-2:] == [("settle", 3 * IMAGE), ("release", IMAGE)]
    assert team.row(generation)[2] == 3


@pytest.mark.parametrize("held", HELD)
def test_two_janitors_take_a_lost_attempt_back_once(team: Team, hands: Hands, held: Held) -> None:
    lease = team.running()
    team.lease_runs_out(lease.id)

    def reap() -> bool:
        return finish.take_back(team.id, lease.id, lease.attempt)

    done = hands.interleave(team.id, reap, reap, held=held)
    assert (done.first, done.second) == (True, False)
    assert team.moves(lease.id) == ["queued", "running", "queued"]


@pytest.mark.parametrize("held", HELD)
def test_two_janitors_end_the_last_attempt_once(team: Team, hands: Hands, held: Held) -> None:
    generation = team.queued()
    for _ in range(2):
        lease = team.claimed()
        assert finish.retry(lease, Kind.UPSTREAM_ERROR, 0, Tried())
    lease = team.claimed()
    team.lease_runs_out(generation)
    done = hands.interleave(
        team.id,
        lambda: finish.take_back(team.id, generation, lease.attempt),
        lambda: finish.take_back(team.id, generation, lease.attempt),
        held=held,
    )
    assert (done.first, done.second) == (True, False)
    assert team.row(generation) == ("failed", "worker_lost", 0, 3, 0, 3)
    assert team.wallet() == (10 * IMAGE, 0)


def test_a_claim_passes_by_what_is_being_expired(team: Team, hands: Hands) -> None:
    generation = team.queued()
    team.deadline_passes(generation)
    done = hands.interleave(
        team.id, lambda: finish.expire(team.id, generation), lambda: claim.claim("drain", 1)
    )
    assert (done.first, done.second) == (True, [])
    assert team.row(generation)[:2] == ("failed", "deadline")


def test_what_is_past_its_deadline_is_never_claimed(team: Team) -> None:
    generation = team.queued()
    team.deadline_passes(generation)
    assert claim.claim("drain", 1) == []
    assert finish.expire(team.id, generation)
    assert not finish.expire(team.id, generation)


def test_an_expiry_waits_for_a_claim_and_sees_its_new_deadline(team: Team, hands: Hands) -> None:
    generation = team.queued()
    done = hands.interleave(
        team.id, lambda: claim.claim("drain", 1), lambda: finish.expire(team.id, generation)
    )
    assert (len(done.first), done.second) == (1, False)
    assert team.state(generation) == "running"


def test_two_drains_never_claim_the_same(team: Team, hands: Hands) -> None:
    wanted = {team.queued() for _ in range(4)}
    done = hands.interleave(team.id, lambda: claim.claim("one", 2), lambda: claim.claim("two", 4))
    taken = [lease.id for lease in (*done.first, *done.second)]
    assert len(taken) == len(set(taken))
    assert set(taken) <= wanted
    assert {lease.id for lease in claim.claim("three", 4)} == wanted - set(taken)


@pytest.mark.parametrize("waits", [False, True])
@pytest.mark.parametrize("held", HELD)
def test_twins_under_one_idempotency_key_make_one_generation(
    team: Team, hands: Hands, held: Held, waits: bool
) -> None:
    done = hands.interleave(
        team.id,
        lambda: team.submit(2, key="same", waits=waits),
        lambda: team.submit(2, key="same", waits=waits),
        held=held,
    )
    assert (done.first.replayed, done.second.replayed, done.overtook) == (False, True, False)
    assert done.first.generation.pk == done.second.generation.pk
    assert team.wallet() == (10 * IMAGE, 2 * IMAGE)


@pytest.mark.parametrize("held", HELD)
def test_the_last_credit_goes_to_one_of_two(team: Team, hands: Hands, held: Held) -> None:
    done = hands.interleave(team.id, lambda: team.submit(6), lambda: word(lambda: team.submit(6)), held=held)
    assert done.second is Kind.NO_CREDIT
    assert team.wallet() == (10 * IMAGE, 6 * IMAGE)


@pytest.mark.parametrize("held", HELD)
def test_two_refunds_together_are_never_more_than_the_charge(team: Team, hands: Hands, held: Held) -> None:
    generation = team.finished(count=3)
    done = hands.interleave(
        team.id,
        lambda: team.refund(generation, 2, "one"),
        lambda: word(lambda: team.refund(generation, 2, "two")),
        held=held,
    )
    assert (done.first, done.second) == (True, "conflict")
    assert team.wallet() == (9 * IMAGE, 0)


@pytest.mark.parametrize("held", HELD)
def test_the_same_refund_twice_at_once_is_one(team: Team, hands: Hands, held: Held) -> None:
    generation = team.finished(count=3)
    done = hands.interleave(
        team.id,
        lambda: team.refund(generation, 1, "same"),
        lambda: team.refund(generation, 1, "same"),
        held=held,
    )
    assert (done.first, done.second) == (True, False)
    assert team.wallet() == (8 * IMAGE, 0)
