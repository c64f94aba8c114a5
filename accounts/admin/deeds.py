"""What operators do, each previewed, with a reason, by the same verb as everybody else (M2, M6).

A `Deed` says what it is and does it; `Doing` is its page: what will happen to how many, then it happens. One
row's failure leaves the others.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from django import forms
from django.http import HttpRequest

from accounts.access import Permission
from accounts.errors import AccountsProblem

SHORTEST_REASON, LONGEST_REASON = 3, 400
Values = dict[str, Any]
"""What the operator typed, cleaned; `reason` among it."""


class Reason(forms.Form):
    """What every deed asks for. A deed's own fields come before it."""

    reason = forms.CharField(
        label="Reason",
        min_length=SHORTEST_REASON,
        max_length=LONGEST_REASON,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text="Goes into the audit trail.",
    )

    field_order: Any = None

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.order_fields([name for name in self.fields if name != "reason"])

    @property
    def asks_more(self) -> bool:
        """Whether there is something to preview first."""
        return len(self.fields) > 1


class Deed(ABC):
    """One verb. `one` puts it on the page of a row, `many` into lists, `bare` (it needs no row) above the
    list. `grave` deeds are red, and `word` is what must be typed for those that cannot be undone.
    `refusals` are what the verb raises for one row without harm to the others."""

    name: ClassVar[str]
    title: ClassVar[str]
    permission: ClassVar[Permission]
    icon: ClassVar[str] = "play_arrow"
    one: ClassVar[bool] = True
    many: ClassVar[bool] = True
    bare: ClassVar[bool] = False
    grave: ClassVar[bool] = False
    says: ClassVar[str] = ""
    refusals: ClassVar[tuple[type[Exception], ...]] = (AccountsProblem,)
    form: ClassVar[type[forms.BaseForm]] = Reason

    def made_form(self, rows: Sequence[Any], data: Any = None) -> Any:
        """The form; bound to `data` if there is some."""
        return self.form(data)

    def prepare(self, rows: Sequence[Any]) -> None:  # noqa: B027 - most deeds need nothing more
        """Read what `problem` and `effect` need, for all rows at once. Inside the operator's scope."""

    def problem(self, row: Any) -> str:
        """Why it cannot be done to this row; empty if it can."""
        return ""

    def label(self, row: Any) -> str:
        """What the row is called."""
        return str(row)

    def effect(self, row: Any, values: Values) -> str:
        """What will happen to this row. `values` are empty before something was typed."""
        return ""

    def summary(self, rows: Sequence[Any], values: Values) -> list[str]:
        """What will happen to all of them, in sentences."""
        return []

    def word(self, rows: Sequence[Any]) -> str:
        """What must be typed for what cannot be undone; empty: nothing."""
        return ""

    def needs_second(self, rows: Sequence[Any], values: Values) -> str:
        """Why a second operator must agree; empty if none need."""
        return ""

    @abstractmethod
    def do(self, request: HttpRequest, row: Any, values: Values, reference: str) -> None:
        """Do it, to a row or to none. The same `reference` is the same deed. Raises one of `refusals`."""

    def done(self, count: int) -> str:
        """A sentence for afterwards."""
        return f"{self.title}: done."


@dataclass(frozen=True, slots=True)
class Line:
    """A row as the preview shows it."""

    label: str
    effect: str
    problem: str


def told(error: Exception) -> str:
    """A refusal in words."""
    return str(getattr(error, "message", "") or error) or type(error).__name__
