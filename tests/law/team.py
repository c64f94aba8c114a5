"""An organization on which the verbs are tried by hand: short words for what tests do and see."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self
from uuid import UUID

import psycopg

from billing import ledger
from generations.actions import claim, finish
from generations.actions.claim import Claimed
from generations.actions.finish import Stored
from generations.actions.submit import Asked, Quote, Submitted, held_by, submit
from generations.models import Generation
from generations.spec import Order
from runtime.tenancy import tenant
from tests.cast import give_credit, make_organization, make_user

MODEL = "gemini-2.5-flash-image"
QUOTE = Quote(image_tokens=1290)


@dataclass(frozen=True)
class Team:
    """One organization and the superuser who looks at it from outside."""

    id: UUID
    admin: psycopg.Connection

    @classmethod
    def with_credit(cls, admin: psycopg.Connection, images: int) -> Self:
        organization = make_organization(make_user("owner"))
        give_credit(organization, images)
        return cls(organization.pk, admin)

    def clear_queue(self) -> None:
        """Leave nothing to claim: the queue is everybody's."""
        live = self.admin.execute(
            "SELECT id FROM generations_generation WHERE organization_id = %s AND hold = 'open'", (self.id,)
        )
        for (identifier,) in live.fetchall():
            finish.cancel(self.id, identifier)

    # ---- doing ----

    def submit(self, count: int = 1, *, mode: str = "live", key: str = "", waits: bool = False) -> Submitted:
        """Raises Problem."""
        return order(self.id, count, mode=mode, key=key, waits=waits)

    def queued(self, count: int = 1) -> UUID:
        return self.submit(count).generation.pk

    def running(self, count: int = 1) -> Claimed:
        self.queued(count)
        return self.claimed()

    def claimed(self) -> Claimed:
        (lease,) = claim.claim("drain", 1)
        assert lease.organization == self.id
        return lease

    def finished(self, count: int = 1, images: int | None = None) -> UUID:
        lease = self.running(count)
        assert finish.succeed(lease, pictures(lease, count if images is None else images), [], finish.Tried())
        return lease.id

    def held(self, generation: UUID) -> ledger.Held:
        """Inside `tenant()`."""
        return held_by(Generation.objects.of(self.id).get(pk=generation))

    def refund(self, generation: UUID, images: int, reference: str) -> bool:
        return refund(self.id, generation, images, reference)

    # ---- time ----

    def lease_runs_out(self, generation: UUID) -> None:
        self.change(generation, "lease_expires_at = clock_timestamp() - interval '1 second'")

    def deadline_passes(self, generation: UUID) -> None:
        self.change(generation, "deadline_at = clock_timestamp() - interval '1 second'")

    def change(self, generation: UUID, change: str) -> None:
        """Set columns of the row, as no code of ours would."""
        self.admin.execute(f"UPDATE generations_generation SET {change} WHERE id = %s", (generation,))

    # ---- seeing ----

    def row(self, generation: UUID) -> Any:
        """(state, kind, delivered, attempt, tries_left, ended_by)"""
        found = self.admin.execute(
            "SELECT state, kind, delivered, attempt, tries_left, ended_by FROM generations_generation"
            " WHERE id = %s",
            (generation,),
        )
        return found.fetchone()

    def state(self, generation: UUID) -> str:
        return str(self.row(generation)[0])

    def wallet(self, mode: str = "live") -> tuple[int, int]:
        """(posted, held)"""
        row = self.admin.execute(
            "SELECT posted, held FROM billing_wallet WHERE organization_id = %s AND mode = %s",
            (self.id, mode),
        ).fetchone()
        return (row[0], row[1]) if row else (0, 0)

    def entries(self) -> list[tuple[str, int]]:
        """(kind, amount) of every entry, oldest first."""
        rows = self.admin.execute(
            "SELECT kind, amount FROM billing_entry WHERE organization_id = %s ORDER BY id", (self.id,)
        )
        return [(kind, amount) for kind, amount in rows.fetchall()]

    def moves(self, generation: UUID) -> list[str]:
        """The history of a generation's states."""
        rows = self.admin.execute(
            "SELECT new_state FROM generations_transition WHERE generation_id = %s ORDER BY id", (generation,)
        )
        return [state for (state,) in rows.fetchall()]

    def attempts(self, generation: UUID) -> list[str]:
        """The outcomes of its attempts, by number."""
        rows = self.admin.execute(
            "SELECT outcome FROM generations_attempt WHERE generation_id = %s ORDER BY number", (generation,)
        )
        return [outcome for (outcome,) in rows.fetchall()]


def order(organization: UUID, count: int, *, mode: str, key: str, waits: bool) -> Submitted:
    """Submit for so many images; with `waits` as a synchronous door does that has a slot free."""
    asked = Asked(
        organization=organization,
        mode=mode,
        key=None,
        member=None,
        dialect="openai" if waits else "evolink",
        idempotency_key=key,
        wait=waits,
        owner="web" if waits else "",
    )
    return submit(asked, Order(model=MODEL, asked=MODEL, prompt="a red fox", count=count), QUOTE)


def refund(organization: UUID, generation: UUID, images: int, reference: str) -> bool:
    """Give the price of so many images back."""
    with tenant(organization):
        held = held_by(Generation.objects.of(organization).get(pk=generation))
        tokens = images * QUOTE.image_tokens
        return ledger.refund(held=held, tokens=tokens, reference=reference, reason="test", actor="test")


def pictures(lease: Claimed, count: int = 1) -> list[Stored]:
    """So many stored images of an attempt."""
    stem = f"{lease.mode}/{lease.id}/{lease.attempt}"
    return [Stored(f"{stem}-{n}.png", "image/png", 1024, 1024, 1000, "0" * 64) for n in range(count)]
