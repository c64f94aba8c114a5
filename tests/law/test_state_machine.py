"""J1: whatever is done to generations and money, in whatever order, by two at once: the states move
only as they may, a plain model agrees, and every invariant holds after every step.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from typing import ClassVar

import psycopg
import pytest
from hypothesis import HealthCheck, settings, stateful
from hypothesis import strategies as st

from billing import actions as billing
from generations.actions import finish
from tests.cast import BY, IMAGE, make_organization, make_user
from tests.law import model, steps
from tests.law.interleaving import Hands, Held
from tests.law.invariants import broken
from tests.law.model import Job, World
from tests.law.steps import Step

EXAMPLES = 60 * int(os.environ.get("EASEL_TRIALS") or 1)
STEPS = 40
CROWD = 5


def new_world() -> World:
    """An organization with a budget that never binds, so that its counting is checked as well."""
    organization = make_organization(make_user("owner"))
    billing.set_budget(organization=organization, period="total", limit=10**6 * IMAGE, by=BY)
    return World(organization.pk)


def check(admin: psycopg.Connection, world: World) -> None:
    """The database is what the model says, and no invariant is broken."""
    rows = admin.execute(
        "SELECT id, state, attempt, tries_left, delivered FROM generations_generation"
        " WHERE organization_id = %s",
        (world.organization,),
    ).fetchall()
    assert {tuple(row) for row in rows} == {
        (job.id, job.state, job.attempt, job.tries_left, job.delivered) for job in world.jobs
    }
    wallets = admin.execute(
        "SELECT mode, posted, held FROM billing_wallet WHERE organization_id = %s", (world.organization,)
    ).fetchall()
    for mode, posted, held in wallets:
        assert (posted, held) == (world.posted[mode], world.held(mode)), mode
    assert broken(admin, world.organization) == []


# ---- any order, two at once ----------------------------------------------------------------------

_which = st.integers(0, CROWD - 1)
_of_job = {"which": _which}
_of_lease = {"which": _which, "lease": st.sampled_from([-1, -1, 0, 1])}
_mode = st.sampled_from(["live", "live", "live", "test"])
_submits = st.builds(
    steps.Submit,
    mode=_mode,
    count=st.integers(1, 4),
    key=st.sampled_from(["", "", "", "first", "second"]),
    waits=st.booleans(),
)
_claims = st.builds(steps.Claim, free=st.integers(1, 4))
_refunds = st.builds(steps.Refund, **_of_job, images=st.integers(1, 3), reference=st.integers(0, 2))
_corrections = st.builds(
    steps.Credit,
    mode=_mode,
    images=st.sampled_from([4, 9, -2]),
    reference=st.integers(0, 3),
    correction=st.just(True),
)
_credits = st.builds(steps.Credit, mode=_mode, images=st.integers(1, 9), reference=st.integers(0, 9))
_on_jobs: st.SearchStrategy[Step] = st.one_of(
    st.builds(steps.Succeed, **_of_lease, images=st.integers(1, 4)),
    st.builds(steps.Succeed, **_of_lease, images=st.integers(1, 4)),
    st.builds(steps.Fail, **_of_lease),
    st.builds(steps.Retry, **_of_lease, waits=st.booleans(), delay=st.sampled_from([0.0, 60.0])),
    st.builds(steps.HandBack, **_of_lease),
    st.builds(steps.TakeBack, **_of_lease),
    st.builds(steps.Renew, **_of_lease),
    st.builds(steps.Cancel, **_of_job),
    st.builds(steps.Expire, **_of_job),
    _refunds,
)
_steps: st.SearchStrategy[Step] = st.one_of(_submits, _claims, _corrections, _credits, _refunds, _on_jobs)
_held: st.SearchStrategy[Held] = st.sampled_from(["wallet", "commit"])
_passing = st.sampled_from(
    [model.lease_runs_out, model.lease_runs_out, model.deadline_passes, model.becomes_due]
)


class Machine(stateful.RuleBasedStateMachine):
    """One organization's life. The second hand's step is told after the first's, or before it where
    it overtook."""

    admin: ClassVar[psycopg.Connection]
    hands: ClassVar[Hands]

    def __init__(self) -> None:
        super().__init__()
        self.world = new_world()

    @stateful.initialize(images=st.integers(4, 40), asked=st.lists(_submits, min_size=1, max_size=3))
    def begin(self, images: int, asked: list[Step]) -> None:
        for step in (steps.Credit(images=images, reference=100), *asked, steps.Claim(free=1)):
            self._alone(step)

    # No preconditions: which of two due generations a claim takes is not ours to say, and what is drawn
    # must not depend on it.
    @stateful.rule(step=_submits)
    def submit(self, step: Step) -> None:
        if len(self.world.jobs) < CROWD:
            self._alone(step)

    @stateful.rule(step=_claims)
    def claim(self, step: Step) -> None:
        if any(job.claimable for job in self.world.jobs):
            self._alone(step)

    @stateful.rule(step=_steps)
    def one(self, step: Step) -> None:
        self._alone(step)

    @stateful.rule(first=_steps, second=_steps, held=_held)
    def two_at_once(self, first: Step, second: Step, held: Held) -> None:
        self._together(first, second, held)

    @stateful.rule(first=_on_jobs, second=_on_jobs, held=_held)
    def two_at_once_on_one_job(self, first: Step, second: Step, held: Held) -> None:
        self._together(first, replace(second, which=first.which), held)

    @stateful.rule(which=_which, passes=_passing)
    def time(self, which: int, passes: Callable[[psycopg.Connection, Job], None]) -> None:
        job = self.world.jobs[which % len(self.world.jobs)] if self.world.jobs else None
        if job and (job.state == "running" or passes is not model.lease_runs_out):
            passes(self.admin, job)

    @stateful.rule(which=_which)
    def a_worker_is_lost(self, which: int) -> None:
        """Its lease runs out and the generation is claimed anew: from now on one lease is stale."""
        self.time(which, model.lease_runs_out)
        self._alone(steps.TakeBack(which=which))
        self._alone(steps.Claim(free=CROWD))

    @stateful.rule(which=_which, images=st.integers(1, 4))
    def a_worker_delivers(self, which: int, images: int) -> None:
        self._alone(steps.Claim(free=CROWD))
        self._alone(steps.Succeed(which=which, images=images))

    @stateful.invariant()
    def everything_holds(self) -> None:
        check(self.admin, self.world)

    def teardown(self) -> None:
        """Leave nothing to claim: the queue is everybody's."""
        live = self.admin.execute(
            "SELECT id FROM generations_generation WHERE organization_id = %s AND hold = 'open'",
            (self.world.organization,),
        )
        for (identifier,) in live.fetchall():
            finish.cancel(self.world.organization, identifier)
        assert broken(self.admin, self.world.organization) == []

    def _alone(self, step: Step) -> None:
        aimed = step.aim(self.world)
        if aimed is not None:
            aimed.learn(self.world, self.hands.one.do(lambda: aimed.do(self.world)).result())

    def _together(self, first: Step, second: Step, held: Held) -> None:
        world, one, two = self.world, first.aim(self.world), second.aim(self.world)
        if one is None or two is None:
            return
        done = self.hands.interleave(
            world.organization, lambda: one.do(world), lambda: two.do(world), held=held
        )
        told = [(one, done.first), (two, done.second)]
        # What the first did not do, it did not do before the second came.
        idle = not done.first or isinstance(done.first, str)
        for step, result in reversed(told) if done.overtook and not idle else told:
            step.learn(world, result, contested=True)


@pytest.mark.timeout(900)  # a failure is shrunk for minutes
def test_no_order_of_events_breaks_a_generation_or_a_wallet(admin: psycopg.Connection, hands: Hands) -> None:
    Machine.admin, Machine.hands = admin, hands
    stateful.run_state_machine_as_test(
        Machine,
        settings=settings(
            max_examples=EXAMPLES,
            stateful_step_count=STEPS,
            deadline=None,
            print_blob=True,
            suppress_health_check=list(HealthCheck),
        ),
    )
