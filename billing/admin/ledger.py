"""Wallets, entries, budgets, prices and seals."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from django.contrib import admin
from django.db.models import Case, OuterRef, Q, Subquery, Sum, Value, When
from django.db.models.functions import Now
from django.urls import reverse

from accounts.access import Permission
from accounts.admin import search
from accounts.admin.base import ReadOnlyAdmin
from accounts.admin.columns import (
    ago,
    code,
    column,
    count,
    link,
    mode,
    mono,
    organization,
    plain,
    short,
    tag,
)
from accounts.admin.exporting import Field
from accounts.admin.filters import RecentFilter, choice, recent
from accounts.admin.names import named_key
from accounts.models import Mode
from billing.admin.columns import amount, money, tokens, unit_price
from billing.admin.deeds import DeclineRequest, GrantRequest, SetPrice
from billing.admin.refunds import RefundEntry
from billing.models import Budget, CreditRequest, Entry, Price, Seal, Wallet
from billing.money import dollars as dollars_of
from runtime.tenancy import operator

KINDS = {
    "grant": "good",
    "hold": "wait",
    "settle": "good",
    "release": "calm",
    "refund": "warn",
    "adjust": "warn",
}
SEALED = (("billing_entry", "Ledger"), ("accounts_auditevent", "Audit log"))
ANSWERS = {"open": "wait", "granted": "good", "declined": "bad", "withdrawn": "calm"}
_PRICES = {"now": ("in effect", "good"), "later": ("to come", "wait"), "before": ("over", "calm")}
_OF_GENERATION = Q(kind__in=["hold", "settle", "release"])  # as the index by generation says it
_UUID = re.compile(r"^[0-9a-f]{8}-?(?:[0-9a-f]{4}-?){3}[0-9a-f]{12}$", re.IGNORECASE)

generation = link(
    "Generation", "generations_generation", "generation_id", lambda row: short(row.generation_id)
)


class Line(NamedTuple):
    """An entry as the page of its generation shows it. `amount` in nano-dollars."""

    kind: str
    tone: str
    debit: str
    credit: str
    tokens: int | None
    amount: int
    at: datetime
    link: str

    @property
    def shown_tokens(self) -> str:
        return "" if self.tokens is None else f"{self.tokens:,}"


def lines_of(organization_id: UUID, mode: str, generation_id: UUID) -> list[Line]:
    """What the ledger says of a generation, oldest first. Two queries: a refund has no index by its
    generation, but it stands in the organization's entries after the charge that it takes back."""
    rows = list(Entry.objects.across().filter(_OF_GENERATION, generation_id=generation_id).order_by("id"))
    if any(entry.kind == Entry.Kind.SETTLE for entry in rows):
        later = Entry.objects.across().filter(organization_id=organization_id, mode=mode, id__gt=rows[0].pk)
        rows += later.filter(kind=Entry.Kind.REFUND, generation_id=generation_id).order_by("id")
    return [_line(entry) for entry in rows]


def entry_of(term: str) -> int | None:
    """The entry with this number, if there is one."""
    if not (term.isascii() and term.isdigit() and len(term) < 19):
        return None
    return Entry.objects.across().filter(pk=int(term)).values_list("pk", flat=True).first()


def balances(organizations: Iterable[UUID]) -> dict[UUID, tuple[int, int]]:
    """Available and held nano-dollars of live wallets, by organization."""
    wallets = Wallet.objects.across().filter(organization_id__in=list(organizations), mode="live")
    return {wallet.organization_id: (wallet.available, wallet.held) for wallet in wallets}


def given_back(since: datetime, until: datetime, mode: str) -> int:
    """Nano-dollars refunded in a span of time, over all organizations: by the index of what people book.
    Opens the operator's scope."""
    with operator():
        rows = Entry.objects.across().filter(
            kind=Entry.Kind.REFUND, mode=mode, created_at__gte=since, created_at__lt=until
        )
        return int(rows.aggregate(sum=Sum("amount", default=0))["sum"])


def waiting_requests() -> int:
    """Requests for credit that nobody answered yet. Opens the operator's scope."""
    with operator():
        return CreditRequest.objects.across().filter(state=CreditRequest.State.OPEN).count()


def _line(entry: Entry) -> Line:
    return Line(
        entry.get_kind_display(), KINDS[entry.kind], entry.get_debit_display(), entry.get_credit_display(),
        entry.tokens, entry.amount, entry.created_at,
        reverse("admin:billing_entry_change", args=[entry.pk]),
    )  # fmt: skip


def _by_generation(term: str) -> Q | None:
    return _OF_GENERATION & Q(generation_id=UUID(term)) if _UUID.match(term) else None


@admin.register(Wallet)
class WalletAdmin(ReadOnlyAdmin):
    heading, icon, permission = "Wallets", "account_balance_wallet", Permission.USAGE_READ
    joins = ("organization",)
    list_filter = (choice("mode", Mode.choices),)
    search_help_text = "Organization"
    finders = (search.by_organization,)
    available = money("Available", lambda row: row.available)
    held = money("Held by running work", lambda row: row.held)
    posted = money("Posted", lambda row: row.posted)
    list_display = (
        plain("organization.name", "Organization"), mode(), available, held, posted,
    )  # fmt: skip
    groups = (("Wallet", (organization(), mode(), available, held, posted, mono("id", "Id"))),)


@admin.register(Entry)
class EntryAdmin(ReadOnlyAdmin):
    heading, icon, permission = "Ledger", "receipt_long", Permission.USAGE_READ
    joins = ("organization",)
    list_filter = (
        choice("kind", Entry.Kind.choices, loose=False), choice("mode", Mode.choices), RecentFilter,
    )  # fmt: skip
    search_help_text = "Organization or generation id"
    finders = (_by_generation, search.by_organization)
    deeds = (RefundEntry(),)
    kind = column("Kind", lambda row: tag(row.get_kind_display(), KINDS[row.kind]))
    way = column("From → to", lambda row: f"{row.get_debit_display()} → {row.get_credit_display()}", "way")
    charged = tokens("Tokens", lambda row: row.tokens)
    dollars = money("Amount", lambda row: row.amount)
    list_display = (
        mono("id", "Entry"), kind, organization(), mode(), way, charged, dollars, generation,
        ago("created_at", "When"),
    )  # fmt: skip
    export = (
        Field("entry", lambda row: row.pk), Field("at", lambda row: row.created_at),
        Field("organization", lambda row: row.organization.slug), Field("mode", lambda row: row.mode),
        Field("kind", lambda row: row.kind), Field("debit", lambda row: row.debit),
        Field("credit", lambda row: row.credit), Field("tokens", lambda row: row.tokens),
        Field("usd", lambda row: dollars_of(row.amount)), Field("generation", lambda row: row.generation_id),
        Field("reference", lambda row: row.reference), Field("reason", lambda row: row.reason),
        Field("by", lambda row: row.actor),
    )  # fmt: skip
    groups = (
        ("Entry", (kind, organization(), mode(), way, charged, dollars)),
        ("Why", (
            generation, mono("reference"), plain("reason"), plain("actor", "By"), ago("created_at", "When"),
            unit_price("Unit price", lambda row: row.unit_price), mono("id", "Entry"),
        )),
    )  # fmt: skip


@admin.register(Budget)
class BudgetAdmin(ReadOnlyAdmin):
    heading, icon, permission = "Budgets", "savings", Permission.USAGE_READ
    joins = ("organization",)
    list_filter = (choice("period", Budget.Period.choices), choice("mode", Mode.choices))
    search_help_text = "Organization"
    finders = (search.by_organization,)
    key = link("Key", "accounts_apikey", "key_id", lambda row: row.key_name or "a key")
    used = money("Used", lambda row: row.used)
    limit = money("Limit", lambda row: row.limit)
    list_display = (
        plain("organization.name", "Organization"), mode(), key, plain("period"), used, limit,
        ago("window", "Since"),
    )  # fmt: skip
    groups = (
        ("Budget", (organization(), mode(), key, plain("period"), used, limit)),
        ("Times", (ago("window", "Counts since"), ago("created_at"), mono("id", "Id"))),
    )

    def extras(self) -> dict[str, Any]:
        return {"key_name": named_key()}


@admin.register(CreditRequest)
class CreditRequestAdmin(ReadOnlyAdmin):
    heading, icon, permission = "Credit requests", "request_quote", Permission.USAGE_READ
    joins = ("organization",)
    list_filter = (choice("state", CreditRequest.State.choices),)
    search_help_text = "Organization"
    finders = (search.by_organization,)
    deeds = (GrantRequest(), DeclineRequest())
    asked = money("Asked for", lambda row: row.amount)
    given = money("Given", lambda row: row.granted)
    state = column("State", lambda row: tag(row.get_state_display(), ANSWERS[row.state]))
    list_display = (
        plain("organization.name", "Organization"), asked, state, given, plain("requested_by", "By"),
        ago("created_at", "Asked"), ago("answered_at"),
    )  # fmt: skip
    groups = (
        (
            "Request",
            (organization(), mode(), asked, plain("note"), plain("requested_by", "By"), ago("created_at")),
        ),
        ("Answer", (state, given, plain("answer"), plain("answered_by", "By"), ago("answered_at"))),
    )  # fmt: skip


_PRESENT = Price.objects.filter(model=OuterRef("model"), effective_from__lte=Now())
# Which price of its model it is: the one in effect, one to come, one that is over.
_STANDING = Case(
    When(effective_from__gt=Now(), then=Value("later")),
    When(pk=Subquery(_PRESENT.order_by("-effective_from").values("pk")[:1]), then=Value("now")),
    default=Value("before"),
)


def prices_of(model: str) -> list[Any]:
    """Every price of a model, the newest first, each with what it is called now."""
    rows = Price.objects.filter(model=model).annotate(standing=_STANDING).order_by("-effective_from")
    return [(row, tag(*_PRICES[row.standing]), amount(row.unit_price * 1_000_000)) for row in rows]


@admin.register(Price)
class PriceAdmin(ReadOnlyAdmin):
    heading, icon, permission = "Prices", "sell", Permission.PLATFORM_READ
    of_organization = ""
    deeds = (SetPrice(),)
    ordering = ("model", "-effective_from")
    price = unit_price("Price", lambda row: row.unit_price)
    state = column("State", lambda row: tag(*_PRICES[row.standing]))
    list_display = (mono("model"), price, state, ago("effective_from", "From"), ago("created_at"))
    groups = (("Price", (mono("model"), price, state, ago("effective_from", "From"), ago("created_at"))),)

    def extras(self) -> dict[str, Any]:
        return {"standing": _STANDING}


@admin.register(Seal)
class SealAdmin(ReadOnlyAdmin):
    heading, icon, permission = "Seals", "verified", Permission.USAGE_READ
    of_organization = ""
    secrets = ("previous", "signature")
    list_filter = (choice("table", SEALED), recent("sealed_at"))
    rows = column("Rows", lambda row: f"{row.first_id:,} to {row.last_id:,}")
    list_display = (mono("table"), rows, count("count"), ago("sealed_at"))
    digest = column("SHA-256 of the rows", lambda row: code(bytes(row.digest).hex()), "rows_hash")
    groups = (("Seal", (mono("table"), rows, count("count"), digest, ago("sealed_at"))),)
