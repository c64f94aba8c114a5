"""A team reports bad images that no rule of ours found, an operator answers: by a refund, or with words.

Whatever refunds the generation answers the report too: a trigger on the ledger sees to it.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from django.conf import settings

from accounts.access import Permission
from accounts.auditing import Actor, record
from accounts.errors import Conflict, InvalidValue
from accounts.models import Membership, Mode
from billing import entries, ledger
from billing.actions import letters, refunds
from billing.entries import Transfer
from billing.money import dollars, plain
from generations.actions.submit import held_by
from generations.models import Contest, Generation
from generations.spec import State
from runtime.clock import database_now
from runtime.tenancy import TenantQuerySet, tenant

WINDOW = timedelta(hours=24)
LONGEST = 500
"""Letters of a reason, and of an answer."""
MOST_LETTERS = 10
"""Reports of a team that wait at once and were told of by mail each: the others are in the list."""


def problem(generation: Generation, transfers: Iterable[Transfer], now: datetime) -> str:
    """Why its images cannot be reported (any more), in words; empty if they can."""
    if generation.state != State.SUCCEEDED or generation.finished_at is None:
        return "Only delivered images can be reported."
    if generation.mode != Mode.LIVE or not generation.tokens * generation.unit_price:
        return "These images cost nothing, so there is nothing to give back."
    if any(transfer.kind == "refund" for transfer in transfers):
        return "It was refunded already."
    if now - generation.finished_at > WINDOW:
        return "Bad images can be reported for 24 hours after they came. That time is over."
    return ""


def report(*, generation: Generation, reason: str, by: Actor) -> Contest:
    """Say that its images are bad, and mail the operators. Twice is once: the first report stands. Raises
    InvalidValue, Conflict (`problem` says when)."""
    reason = " ".join(reason.split())
    if len(reason) > LONGEST:
        raise InvalidValue("reason", f"Use at most {LONGEST} characters.")
    organization = generation.organization_id
    with tenant(organization):
        ledger.await_refunds(generation.pk)
        found = Contest.objects.of(organization).filter(generation=generation).first()
        if found is not None:
            return found
        transfers = entries.of_generation(organization, generation.mode, generation.pk)
        if why := problem(generation, transfers, database_now()):
            raise Conflict(why)
        row = _add(generation, reason, by)
        waiting = Contest.objects.of(organization).filter(state=Contest.State.OPEN).count()
    if waiting <= MOST_LETTERS:
        _tell_operators(row)
    return row


def refund(*, contest: Contest, tokens: int, reason: str, by: Actor, reference: str = "") -> Contest:
    """Give back what the images were charged, or part of it: that answers the report, with this reason.
    Raises InvalidValue, Conflict (answered already), LedgerConflict."""
    with tenant(contest.organization_id):
        row = _waiting(contest)
        held = held_by(row.generation)
        refunds.refund(held=held, tokens=tokens, reason=reason, by=by, reference=reference)
        row = _rows(contest).get()  # as the ledger's trigger answered it
        _note(row, "refund", by, row.answer)
    _tell_team(row, f"${plain(dollars(tokens * held.unit_price))} went back to the balance.")
    return row


def keep(*, contest: Contest, words: str, by: Actor) -> Contest:
    """Let the charge stand, and say why: the team reads it. Raises InvalidValue, Conflict (answered
    already)."""
    words = words.strip()
    if not words:
        raise InvalidValue("reason", "Say why: the team reads it.")
    with tenant(contest.organization_id):
        row = _waiting(contest)
        row.state, row.answer, row.decided_by = Contest.State.DECLINED, words[:LONGEST], by.label[:200]
        row.decided_at = database_now()
        row.save(update_fields=["state", "answer", "decided_by", "decided_at"])
        _note(row, "keep", by, words)
    _tell_team(row, "The charge stays.")
    return row


def _add(generation: Generation, reason: str, by: Actor) -> Contest:
    row = Contest.objects.create(
        organization=generation.organization,
        mode=generation.mode,
        generation=generation,
        reason=reason,
        asked_by=by.label[:200],
    )
    _note(row, "report", by, reason)
    return row


def _waiting(contest: Contest) -> Contest:
    """The row, locked after its generation's refunds: the order that a refund from elsewhere takes."""
    ledger.await_refunds(contest.generation_id)
    row: Contest = _rows(contest).select_for_update(of=("self",)).get()
    if row.state != Contest.State.OPEN:
        raise Conflict(f"The report was answered already: {row.get_state_display().lower()}.")
    return row


def _rows(contest: Contest) -> TenantQuerySet[Contest]:
    rows = Contest.objects.of(contest.organization_id).filter(pk=contest.pk)
    return rows.select_related("organization", "generation")


def _note(row: Contest, verb: str, by: Actor, reason: str) -> None:
    record(
        by=by,
        action=f"contest.{verb}",
        object_type="generation",
        object_id=row.generation_id,
        object_label=row.generation.model,
        reason=reason,
        after={"state": row.state, "mode": row.mode},
        organization_id=row.organization_id,
    )


# ---- who is told -----------------------------------------------------------------------------


def _tell_operators(row: Contest) -> None:
    team, made = row.organization, row.generation
    letters.send(
        f"{team.name} reports a bad image",
        f"{row.asked_by} reports the images of a generation of {team.name} ({team.slug}).\n\n"
        f"Generation: {made.pk}\nCharged: ${plain(dollars(made.tokens * made.unit_price))}\n"
        f"Why: {row.reason or '(not said)'}\n\nAnswer it in the admin: {settings.EASEL.url}/admin/\n",
        letters.operators(Permission.REFUND_MAKE),
    )


def _tell_team(row: Contest, outcome: str) -> None:
    """The one who asked, if he is a member still: a key is told by its own answer, and its name may look
    like anybody's address."""
    team = row.organization
    with tenant(team):
        members = Membership.objects.of(team).filter(user__email=row.asked_by)
        addresses = list(members.values_list("user__email", flat=True))
    letters.send(
        f"{team.name}: the bad image you reported was {row.get_state_display().lower()}",
        f"You reported the images of generation {row.generation_id}.\n\n{outcome}\n\n{row.answer}\n\n"
        f"{settings.EASEL.url}/o/{team.slug}/tasks/{row.generation_id}/\n",
        addresses,
    )
