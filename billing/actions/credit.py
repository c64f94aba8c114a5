"""A team asks for credit, an operator answers: until cards exist, this is how money comes in."""

from __future__ import annotations

from uuid import UUID

from django.conf import settings
from django.db import IntegrityError

from accounts.access import Permission
from accounts.auditing import Actor, record
from accounts.errors import Conflict, InvalidValue, NotFound
from accounts.models import Mode, Organization
from billing import actions
from billing.actions import letters
from billing.models import CreditRequest
from billing.money import dollars, plain
from runtime.clock import utc_now
from runtime.tenancy import tenant

MOST = 1_000_000 * 1_000_000_000
"""Nano-dollars that one request may ask for: a million dollars."""
LONGEST_NOTE = 500
State = CreditRequest.State


def request(
    *, organization: Organization, amount: int, note: str, by: Actor, mode: str = Mode.LIVE
) -> CreditRequest:
    """Ask for credit (nano-dollars) and mail the operators. One request waits at a time: Conflict for a
    second one. Raises InvalidValue."""
    note = note.strip()
    _require(mode == Mode.LIVE, "mode", "Test wallets refill by themselves.")
    _require(0 < amount <= MOST, "amount", "Ask for an amount above zero, up to $1,000,000.")
    _require(len(note) <= LONGEST_NOTE, "note", f"Use at most {LONGEST_NOTE} characters.")
    with tenant(organization):
        try:
            asked = CreditRequest.objects.create(
                organization=organization, mode=mode, amount=amount, note=note, requested_by=by.label[:200]
            )
        except IntegrityError as error:
            raise Conflict("A request waits for its answer already. Withdraw it to ask anew.") from error
        _note(asked, organization, "request", by, note)
    _tell_operators(asked, organization)
    return asked


def withdraw(*, organization: Organization, request: UUID, by: Actor) -> CreditRequest:
    """Ask no more. Raises NotFound, Conflict (answered already)."""
    with tenant(organization):
        row = _waiting(organization, request)
        _close(row, State.WITHDRAWN, by)
        _note(row, organization, "withdraw", by, "")
    return row


def grant(
    *, organization: Organization, request: UUID, reason: str, by: Actor, amount: int | None = None
) -> CreditRequest:
    """Give what was asked for, or another amount (nano-dollars), through the ledger, in the transaction
    that answers: it is given once. Raises InvalidValue, NotFound, Conflict (answered already)."""
    with tenant(organization):
        row = _waiting(organization, request)
        row.granted = row.amount if amount is None else amount
        actions.grant(
            organization=organization,
            amount=row.granted,
            reason=reason,
            by=by,
            mode=row.mode,
            reference=f"request:{row.pk}",
        )
        _close(row, State.GRANTED, by, reason)
        _note(row, organization, "grant_request", by, reason)
    _tell_team(row, organization)
    return row


def decline(*, organization: Organization, request: UUID, reason: str, by: Actor) -> CreditRequest:
    """Say no, and why: the team reads it. Raises InvalidValue, NotFound, Conflict (answered already)."""
    _require(bool(reason.strip()), "reason", "Say why: the team reads it.")
    with tenant(organization):
        row = _waiting(organization, request)
        _close(row, State.DECLINED, by, reason)
        _note(row, organization, "decline_request", by, reason)
    _tell_team(row, organization)
    return row


def _waiting(organization: Organization, request: UUID) -> CreditRequest:
    row = CreditRequest.objects.of(organization).select_for_update().filter(pk=request).first()
    if row is None:
        raise NotFound("There is no such request.")
    if row.state != State.OPEN:
        raise Conflict(f"The request was answered already: {row.get_state_display().lower()}.")
    return row


def _close(row: CreditRequest, state: str, by: Actor, answer: str = "") -> None:
    row.state, row.answer, row.answered_by = state, answer.strip()[:500], by.label[:200]
    row.answered_at = utc_now()
    row.save(update_fields=["state", "granted", "answer", "answered_by", "answered_at"])


def _require(holds: bool, field: str, sentence: str) -> None:
    if not holds:
        raise InvalidValue(field, sentence)


def _note(row: CreditRequest, organization: Organization, verb: str, by: Actor, reason: str) -> None:
    given = {"granted_usd": plain(dollars(row.granted))} if row.granted else {}
    record(
        by=by,
        action=f"credit.{verb}",
        object_type="credit_request",
        object_id=row.pk,
        object_label=organization.slug,
        reason=reason,
        after={"amount_usd": plain(dollars(row.amount)), "mode": row.mode, "state": row.state, **given},
        organization_id=organization.pk,
    )


# ---- who is told -----------------------------------------------------------------------------


def _tell_operators(row: CreditRequest, organization: Organization) -> None:
    letters.send(
        f"{organization.name} asks for ${plain(dollars(row.amount))} of credit",
        f"{row.requested_by} asks for credit of {organization.name} ({organization.slug}).\n\n"
        f"Amount: ${plain(dollars(row.amount))}\nFor: {row.note or '(not said)'}\n\n"
        f"Answer it in the admin: {settings.EASEL.url}/admin/\n",
        letters.operators(Permission.CREDIT_MANAGE),
    )


def _tell_team(row: CreditRequest, organization: Organization) -> None:
    """The one who asked."""
    given = f"${plain(dollars(row.granted))} were added to the balance.\n\n" if row.granted else ""
    letters.send(
        f"{organization.name}: your request for credit was {row.get_state_display().lower()}",
        f"You asked for ${plain(dollars(row.amount))} of credit for {organization.name}.\n\n"
        f"{given}{row.answer}\n\n{settings.EASEL.url}/o/{organization.slug}/billing/\n",
        [row.requested_by] if "@" in row.requested_by else [],
    )
