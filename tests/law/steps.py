"""The verbs T1-T13 as steps, each with what it does and what a plain model expects of it.

`do` runs the real verb, in any thread, and only reads the world; `learn` compares the result with the
model and moves the model on.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Literal, Self

from billing import ledger
from billing.errors import InsufficientCredit, LedgerConflict
from generations.actions import claim, finish
from generations.actions.claim import Claimed
from generations.actions.finish import Stored, Tried
from generations.errors import Problem
from generations.spec import Kind
from runtime.tenancy import tenant
from tests.cast import IMAGE
from tests.law.model import Job, World
from tests.law.team import order, pictures, refund


def words(block: Callable[[], Any]) -> Any:
    """What a verb gave, or the word for why it refused."""
    try:
        return block()
    except Problem as problem:
        return problem.kind.value
    except InsufficientCredit:
        return "no_credit"
    except LedgerConflict:
        return "conflict"


@dataclass(frozen=True)
class Step(ABC):
    """A verb. As it is drawn it names its job, and the lease it acts under, by number; `aim` finds
    them, so that both hands of an interleaving mean what there was before either of them."""

    which: int = -1
    lease: int = -1
    on: Job | None = None
    under: Claimed | None = None
    needs: ClassVar[Literal["", "job", "lease"]] = "job"

    def aim(self, world: World) -> Self | None:
        """The step with its job and lease, or None where there is none yet."""
        if not self.needs:
            return self
        job = world.jobs[self.which % len(world.jobs)] if world.jobs else None
        if job is None or (self.needs == "lease" and not job.leases):
            return None
        return replace(self, on=job, under=job.leases[self.lease % len(job.leases)] if job.leases else None)

    @property
    def job(self) -> Job:
        assert self.on is not None
        return self.on

    @property
    def claimed(self) -> Claimed:
        assert self.under is not None
        return self.under

    @abstractmethod
    def do(self, world: World) -> Any: ...

    @abstractmethod
    def learn(self, world: World, result: Any, *, contested: bool = False) -> None: ...


@dataclass(frozen=True)
class Submit(Step):
    """T1."""

    needs = ""

    mode: str = "live"
    count: int = 1
    key: str = ""
    waits: bool = False

    def do(self, world: World) -> Any:
        return words(
            lambda: order(world.organization, self.count, mode=self.mode, key=self.key, waits=self.waits)
        )

    def learn(self, world: World, result: Any, *, contested: bool = False) -> None:
        first = world.remembered.get((self.mode, self.key)) if self.key else None
        if first is not None:
            self._learn_replay(*first, result)
        elif self.mode == "live" and world.available("live") < self.count * IMAGE:
            assert result == "no_credit"
        else:
            self._learn_made(world, result)

    def _learn_replay(self, job: Job, count: int, result: Any) -> None:
        if count == self.count:
            assert result.replayed
            assert result.generation.pk == job.id
        else:
            assert result == "idempotency_conflict"

    def _learn_made(self, world: World, result: Any) -> None:
        assert not result.replayed
        if world.available(self.mode) < self.count * IMAGE:
            world.posted[self.mode] += ledger.TEST_CREDIT
        job = Job(result.generation.pk, self.mode, self.count)
        world.jobs.append(job)
        if self.key:
            world.remembered[self.mode, self.key] = job, self.count
        assert (result.claimed is not None) == self.waits
        if result.claimed:
            job.start(result.claimed)


@dataclass(frozen=True)
class Claim(Step):
    """T2. Which of the due ones come first is the lanes' business; here: as many as there are, each
    due, each once."""

    needs = ""

    free: int = 1

    def do(self, world: World) -> list[Claimed]:
        return claim.claim("drain", self.free)

    def learn(self, world: World, result: Any, *, contested: bool = False) -> None:
        due = {job.id for job in world.jobs if job.claimable}
        taken: Sequence[Claimed] = result
        assert {lease.id for lease in taken} <= due
        assert len({lease.id for lease in taken}) == len(taken) <= self.free
        assert contested or len(taken) == min(self.free, len(due))
        for lease in taken:
            job = world.of(lease.id)
            job.start(lease)
            assert (lease.attempt, lease.tries_left) == (job.attempt, job.tries_left)


@dataclass(frozen=True)
class Renew(Step):
    """T3."""

    needs = "lease"

    def do(self, world: World) -> bool:
        return self.claimed.id in claim.renew([self.claimed])

    def learn(self, world: World, result: Any, *, contested: bool = False) -> None:
        job = self.job
        assert result == job.runs_under(self.claimed)
        if result:
            job.lease_over = False


@dataclass(frozen=True)
class Retry(Step):
    """T4: `waits` when the upstream asked to wait."""

    waits: bool = False
    delay: float = 0.0
    needs = "lease"

    def do(self, world: World) -> bool:
        return finish.retry(self.claimed, Kind.UPSTREAM_ERROR, self.delay, Tried(), waits=self.waits)

    def learn(self, world: World, result: Any, *, contested: bool = False) -> None:
        job = self.job
        assert result == (job.runs_under(self.claimed) and (self.waits or job.tries_left > 0))
        if result:
            job.back(given_back=self.waits, due=not self.delay)


@dataclass(frozen=True)
class Succeed(Step):
    """T5: with as many images as asked, or fewer."""

    images: int = 4
    needs = "lease"

    def do(self, world: World) -> bool:
        return finish.succeed(self.claimed, self._images(), [], Tried()) is not None

    def learn(self, world: World, result: Any, *, contested: bool = False) -> None:
        job, images = self.job, self._images()
        kept = frozenset(image.key for image in images)
        assert result == (job.live or job.kept == kept)
        if job.live:
            job.kept = kept
            world.end(job, "succeeded", len(images))

    def _images(self) -> list[Stored]:
        return pictures(self.claimed, min(self.images, self.job.count))


@dataclass(frozen=True)
class Fail(Step):
    """T6."""

    needs = "lease"

    def do(self, world: World) -> bool:
        return finish.fail(self.claimed, Kind.NO_IMAGE, "no image") is not None

    def learn(self, world: World, result: Any, *, contested: bool = False) -> None:
        job = self.job
        assert result == job.runs_under(self.claimed)
        if result:
            world.end(job, "failed")


@dataclass(frozen=True)
class Cancel(Step):
    """T7."""

    def do(self, world: World) -> bool:
        return finish.cancel(world.organization, self.job.id)

    def learn(self, world: World, result: Any, *, contested: bool = False) -> None:
        job = self.job
        assert result == job.live
        if result:
            world.end(job, "cancelled")


@dataclass(frozen=True)
class TakeBack(Step):
    """T8 and T9."""

    needs = "lease"

    def do(self, world: World) -> bool:
        return finish.take_back(world.organization, self.claimed.id, self.claimed.attempt)

    def learn(self, world: World, result: Any, *, contested: bool = False) -> None:
        job = self.job
        assert result == (job.runs_under(self.claimed) and job.lease_over)
        if result and job.tries_left:
            job.back()
        elif result:
            world.end(job, "failed")


@dataclass(frozen=True)
class Expire(Step):
    """T10."""

    def do(self, world: World) -> bool:
        return finish.expire(world.organization, self.job.id)

    def learn(self, world: World, result: Any, *, contested: bool = False) -> None:
        job = self.job
        assert result == (job.live and job.deadline_over)
        if result:
            world.end(job, "failed")


@dataclass(frozen=True)
class HandBack(Step):
    """T11."""

    needs = "lease"

    def do(self, world: World) -> bool:
        return finish.hand_back(self.claimed)

    def learn(self, world: World, result: Any, *, contested: bool = False) -> None:
        job = self.job
        assert result == job.runs_under(self.claimed)
        if result:
            job.back(given_back=True)


@dataclass(frozen=True)
class Refund(Step):
    """T12: so many images' price, under one of a few references."""

    images: int = 1
    reference: int = 0

    def do(self, world: World) -> Any:
        return words(lambda: refund(world.organization, self.job.id, self.images, self._name()))

    def learn(self, world: World, result: Any, *, contested: bool = False) -> None:
        job = self.job
        expected = _booking(world, f"refund {self._name()}", job.mode, self.images)
        if expected is True and job.refunded + self.images > job.delivered:
            expected = "conflict"
        assert result == expected
        if result is True:
            world.booked[f"refund {self._name()}"] = job.mode, self.images
            world.posted[job.mode] += self.images * IMAGE
            job.refunded += self.images

    def _name(self) -> str:
        return f"{self.job.id}:{self.reference}"


@dataclass(frozen=True)
class Credit(Step):
    """T13 and its corrections: a grant of so many images' price, or a signed adjustment."""

    needs = ""

    mode: str = "live"
    images: int = 1
    reference: int = 0
    correction: bool = False

    def do(self, world: World) -> Any:
        return words(lambda: self._credit(world))

    def _credit(self, world: World) -> bool:
        verb = ledger.adjust if self.correction else ledger.grant
        with tenant(world.organization):
            return verb(
                organization=world.organization,
                mode=self.mode,
                amount=self.images * IMAGE,
                reference=f"payment:{self.reference}",
                reason="test",
                actor="test",
            )

    def learn(self, world: World, result: Any, *, contested: bool = False) -> None:
        name = f"{'adjust' if self.correction else 'grant'} {self.reference}"
        expected = _booking(world, name, self.mode, self.images)
        if expected is True and world.available(self.mode) + self.images * IMAGE < 0:
            expected = "no_credit"
        assert result == expected
        if result is True:
            world.booked[name] = self.mode, self.images
            world.posted[self.mode] += self.images * IMAGE


def _booking(world: World, name: str, mode: str, images: int) -> bool | str:
    """A new reference books; the same again does nothing; with another meaning it is refused."""
    before = world.booked.get(name)
    return True if before is None else False if before == (mode, images) else "conflict"
