"""Images that their teams report as bad: looked at, and refunded or kept (X4)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.contrib import admin
from django.db.models import Case, Value, When
from django.http import HttpRequest

from accounts.access import Permission
from accounts.admin import glass
from accounts.admin.base import ReadOnlyAdmin
from accounts.admin.columns import ago, column, mode, mono, organization, plain, tag
from accounts.admin.deeds import Deed, Reason, Values
from accounts.admin.filters import choice
from accounts.admin.glass import sealed
from accounts.admin.search import by_organization
from accounts.admin.who import actor
from billing.admin.columns import money
from billing.admin.given import refunded
from billing.admin.refunds import Refund as RefundCharge
from billing.errors import BillingProblem
from billing.ledger import Held
from generations.actions import contests
from generations.actions.submit import held_by
from generations.admin import pictures, search
from generations.admin.columns import generation, thumbnail
from generations.admin.deeds import Unseal
from generations.models import Contest, Output
from runtime.tenancy import operator

ANSWERS = {"open": "wait", "refunded": "good", "declined": "bad"}
_OPEN_FIRST = Case(When(state="open", then=Value(1)), default=Value(0))


def waiting_contests() -> int:
    """Reports of bad images that nobody answered yet. Opens the operator's scope."""
    with operator():
        return Contest.objects.across().filter(state=Contest.State.OPEN).count()


def _answered(row: Contest) -> str:
    return "" if row.state == "open" else f"it was answered: {row.get_state_display().lower()}."


def _label(row: Contest) -> str:
    return f"…{str(row.generation_id)[-8:]} of {row.organization.name}"


class AnswerForm(Reason):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["reason"].help_text = "The team reads it on the page of its task, and in a mail."


class RefundContest(RefundCharge):
    says = "Gives back what was charged, answers the report and mails who asked, with your reason."

    def prepare(self, rows: Sequence[Any]) -> None:
        back = refunded((row.organization_id, row.generation_id) for row in rows)
        for row in rows:
            row.tokens, row.unit_price = row.generation.tokens, row.generation.unit_price
            row.refundable = row.tokens - back.get(row.generation_id, 0)

    def problem(self, row: Any) -> str:
        return _answered(row) or super().problem(row)

    def label(self, row: Any) -> str:
        return _label(row)

    def held(self, row: Any) -> Held:
        return held_by(row.generation)

    def do(self, request: HttpRequest, row: Any, values: Values, reference: str) -> None:
        contests.refund(
            contest=row,
            tokens=self._tokens(row, values),
            reason=values["reason"],
            by=actor(request),
            reference=reference,
        )


class Keep(Deed):
    name, title, icon, grave = "keep", "Keep", "do_not_disturb_on", True
    permission = Permission.REFUND_MAKE
    form = AnswerForm
    says = "The charge stays. Answers the report and mails who asked, with your words."
    refusals = (*Deed.refusals, BillingProblem)

    def problem(self, row: Any) -> str:
        return _answered(row)

    def label(self, row: Any) -> str:
        return _label(row)

    def effect(self, row: Any, values: Values) -> str:
        return "Nothing is given back."

    def do(self, request: HttpRequest, row: Any, values: Values, reference: str) -> None:
        contests.keep(contest=row, words=values["reason"], by=actor(request))

    def done(self, count: int) -> str:
        return "It is kept." if count == 1 else f"{count:,} are kept."


picture = sealed(column("Image", lambda row: thumbnail(getattr(row, "first_output", None))))


@admin.register(Contest)
class ContestAdmin(ReadOnlyAdmin):
    heading, icon, permission = "Contested images", "flag", Permission.USAGE_READ
    joins = ("organization", "generation")
    private = (picture,)
    list_filter = (choice("state", Contest.State.choices, loose=False),)
    finders = (search.of_generation_within, by_organization)
    search_help_text = "Generation or organization"
    deeds = (RefundContest(), Keep(), Unseal())
    state = column("State", lambda row: tag(row.get_state_display(), ANSWERS[row.state]))
    charged = money("Charged", lambda row: row.generation.tokens * row.generation.unit_price)
    list_display = (
        column("Generation", lambda row: f"…{str(row.generation_id)[-8:]}"), picture, state,
        plain("organization.name", "Organization"), plain("reason"), charged, plain("asked_by", "By"),
        ago("created_at", "Reported"), ago("decided_at"),
    )  # fmt: skip
    groups = (
        ("Report", (
            organization(), mode(), generation, mono("generation.model", "Model"), charged, plain("reason"),
            plain("asked_by", "By"), ago("created_at", "Reported"),
        )),
        ("Answer", (state, plain("answer"), plain("decided_by", "By"), ago("decided_at"))),
    )  # fmt: skip
    before_template = "admin/pictures.html"

    def extras(self) -> dict[str, Any]:
        return {"waiting": _OPEN_FIRST}

    def get_ordering(self, request: HttpRequest) -> tuple[str, ...]:
        """Those that wait first. People make them one by one: no index is needed."""
        return ("-waiting", "-pk")

    def get_changelist_instance(self, request: HttpRequest) -> Any:
        """With the first picture of each row, where there is one to be seen."""
        changes = super().get_changelist_instance(request)
        if glass.sees_any(request):
            open_rows = [row for row in changes.result_list if not row.sealed]
            first = pictures.first_of((row.organization_id, row.generation_id) for row in open_rows)
            for row in open_rows:
                row.first_output = first.get(row.generation_id)
        return changes

    def detail(self, request: HttpRequest, row: Any) -> dict[str, Any]:
        """All its pictures, or the way to them."""
        if row.sealed:
            return {"sealed": pictures.unsealing(self, request, row)}
        outputs = Output.objects.across().filter(
            organization_id=row.organization_id, generation_id=row.generation_id
        )
        return {"pictures": [(one, thumbnail(one, "large")) for one in outputs.order_by("number")]}
