"""Where a generation's time and tokens went (X10): one account of every second and every token.

The seconds between order and end are cut into `Phase`s that join without a gap, so that their sum is
the whole. `Line`s tell what happened at which moment: who asked, what was tried and what the provider
said of it, what moved in the ledger, who was told.

    parts.py     phases, lines, the account
    phases.py    the time
    lines.py     what happened
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from accounts.models import Delivery, Organization, OutboxMessage
from billing.entries import Transfer
from generations import listing
from generations.listing import Item, Whole
from generations.models import Generation
from generations.spec import State
from generations.timeline.lines import lines
from generations.timeline.parts import MOST_AHEAD, Account, Line, Phase, Told
from generations.timeline.phases import phases
from runtime.clock import utc_now
from runtime.tenancy import tenant

__all__ = ["Account", "Line", "Phase", "Told", "account", "read"]


def read(organization: Organization, item: Item) -> tuple[Whole, Account]:
    """Everything known of a generation, and the account of it. A query for each kind of row."""
    whole = listing.whole(organization, item)
    with tenant(organization):
        told = _told(organization, item.row)
        ahead = _ahead(organization, item.row) if _queued(whole) else None
    return whole, account(whole, told, ahead, utc_now())


def account(whole: Whole, told: Sequence[Told], ahead: int | None, now: datetime) -> Account:
    """The account of what was read; a generation that goes on is told up to `now`."""
    row, tokens = whole.item.row, _tokens(whole.entries)
    happened = sorted(lines(whole, told, ahead), key=lambda line: line.at)  # of one moment: as they come
    return Account(
        phases=tuple(phases(whole, row.finished_at or now)),
        lines=tuple(_dated(happened, row.created_at)),
        held=tokens.get("hold", 0),
        charged=tokens.get("settle", 0),
        returned=tokens.get("release", 0),
        refunded=tokens.get("refund", 0),
        ahead=ahead,
    )


def _tokens(entries: Sequence[Transfer]) -> dict[str, int]:
    found: dict[str, int] = {}
    for entry in entries:
        found[entry.kind] = found.get(entry.kind, 0) + (entry.tokens or 0)
    return found


def _dated(happened: Sequence[Line], began: datetime) -> Iterator[Line]:
    for line in happened:
        yield replace(line, since=max((line.at - began).total_seconds(), 0.0))


# ---- rows ------------------------------------------------------------------------------------


def _told(organization: Organization, row: Generation) -> list[Told]:
    # Each half has an index of its own.
    mine = OutboxMessage.objects.of(organization).filter(generation_id=row.pk).select_related("endpoint")
    messages = [*mine.filter(endpoint=None), *mine.filter(endpoint__isnull=False)]
    tries: dict[Any, list[Delivery]] = {message.pk: [] for message in messages}
    if messages:
        rows = Delivery.objects.of(organization).filter(message_id__in=list(tries))
        for one in rows.defer("headers", "response").order_by("number"):
            tries[one.message_id].append(one)
    return [Told(message, tuple(tries[message.pk])) for message in messages]


def _ahead(organization: Organization, row: Generation) -> int:
    """How many of the last orders before this one had not been begun when it came."""
    earlier = Generation.objects.of(organization).filter(mode=row.mode, id__lt=row.pk).order_by("-id")
    stood = earlier.values_list("created_at", "started_at", "finished_at")[:MOST_AHEAD]
    return sum((begun or ended or row.created_at) >= row.created_at for _, begun, ended in stood)


def _queued(whole: Whole) -> bool:
    if whole.transitions:
        return whole.transitions[0].new_state == State.QUEUED
    return not whole.item.row.synchronous
