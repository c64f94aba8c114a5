"""The model that the state machine is compared with: what one organization's generations and wallets
must look like, kept in plain Python. Time passes only when a test says so.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from uuid import UUID

import psycopg

from generations.actions.claim import Claimed
from tests.cast import IMAGE

TRIES = 3


@dataclass
class Job:
    """A generation as the model knows it. `leases` are all claims anybody ever got on it."""

    id: UUID
    mode: str
    count: int
    state: str = "queued"
    attempt: int = 0
    tries_left: int = TRIES
    due: bool = True
    lease_over: bool = False
    deadline_over: bool = False
    delivered: int = 0
    kept: frozenset[str] = frozenset()
    refunded: int = 0
    leases: list[Claimed] = field(default_factory=list)

    @property
    def live(self) -> bool:
        return self.state in ("queued", "running")

    @property
    def claimable(self) -> bool:
        return self.state == "queued" and self.due and not self.deadline_over

    def runs_under(self, lease: Claimed) -> bool:
        return self.state == "running" and self.attempt == lease.attempt

    def start(self, lease: Claimed) -> None:
        self.state, self.attempt, self.tries_left = "running", self.attempt + 1, self.tries_left - 1
        self.lease_over = False
        self.leases.append(lease)

    def back(self, *, given_back: bool = False, due: bool = True) -> None:
        self.state, self.due = "queued", due
        self.tries_left += given_back


@dataclass
class World:
    """The model of one organization: its jobs, its two wallets, and every reference ever booked."""

    organization: UUID
    jobs: list[Job] = field(default_factory=list)
    posted: dict[str, int] = field(default_factory=lambda: {"live": 0, "test": 0})
    remembered: dict[tuple[str, str], tuple[Job, int]] = field(default_factory=dict)
    booked: dict[str, tuple[str, int]] = field(default_factory=dict)

    def held(self, mode: str) -> int:
        return sum(job.count * IMAGE for job in self.jobs if job.live and job.mode == mode)

    def available(self, mode: str) -> int:
        return self.posted[mode] - self.held(mode)

    def of(self, identifier: UUID) -> Job:
        return next(job for job in self.jobs if job.id == identifier)

    def end(self, job: Job, state: str, delivered: int = 0) -> None:
        self.posted[job.mode] -= delivered * IMAGE
        job.state, job.delivered = state, delivered


# ---- time, which only passes when a test says so -----------------------------------------------


def lease_runs_out(admin: psycopg.Connection, job: Job) -> None:
    _set(admin, job, "lease_expires_at = clock_timestamp() - interval '1 second'")
    job.lease_over = True


def deadline_passes(admin: psycopg.Connection, job: Job) -> None:
    _set(admin, job, "deadline_at = clock_timestamp() - interval '1 second'")
    job.deadline_over = True


def becomes_due(admin: psycopg.Connection, job: Job) -> None:
    _set(admin, job, "run_after = clock_timestamp() - interval '1 second'")
    job.due = True


def _set(admin: psycopg.Connection, job: Job, change: str) -> None:
    admin.execute(f"UPDATE generations_generation SET {change} WHERE id = %s", (job.id,))
