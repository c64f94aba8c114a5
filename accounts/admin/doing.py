"""The page of a deed: it asks for what is missing, shows what will happen to how many, and does it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from django.contrib import messages
from django.core.exceptions import BadRequest, PermissionDenied, SuspiciousOperation, ValidationError
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponseBase, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.utils.http import url_has_allowed_host_and_scheme

from accounts.admin import second
from accounts.admin.deeds import Deed, Line, Values, told
from accounts.admin.who import actor, may
from runtime import ids
from runtime.tenancy import operator

if TYPE_CHECKING:
    from accounts.admin.base import ReadOnlyAdmin

MOST = 500
"""Rows in one go: a longer list is done in parts."""
SHOWN = 50


class Doing:
    """One request to the page of a deed."""

    def __init__(self, page: ReadOnlyAdmin, request: HttpRequest, deed: Deed) -> None:
        self.page, self.request, self.deed = page, request, deed
        self.posted = request.POST if request.method == "POST" else None
        self.nonce = request.POST.get("nonce") or ids.word(16)

    @classmethod
    def answer(cls, request: HttpRequest, page: ReadOnlyAdmin, name: str) -> HttpResponseBase:
        """The page of the deed of this name: asked for, previewed, or done."""
        deed = next((one for one in page.deeds if one.name == name), None)
        if deed is None:
            raise Http404
        if not (may(request, deed.permission) and may(request, page.permission)):
            raise PermissionDenied
        doing = cls(page, request, deed)
        if request.GET.get("agreed"):
            return doing.agree(request.GET["agreed"])
        return doing.step()

    # ---- the steps -------------------------------------------------------------------------------

    def begin(self, found: QuerySet[Any]) -> HttpResponseBase:
        """From a list: its rows were chosen. Within the operator's scope."""
        rows = list(found[: MOST + 1])
        if len(rows) > MOST:
            messages.info(self.request, f"These are the newest {MOST} of the list: do it in parts.")
            rows = rows[:MOST]
        self.page.mark(self.request, rows)
        self.deed.prepare(rows)
        return self._page(rows, self.deed.made_form(rows), "ask", back=self.request.get_full_path())

    def step(self) -> HttpResponseBase:
        """Ask; or preview; or do."""
        with operator():
            rows = self._rows()
            form = self.deed.made_form(rows, self.posted if self._typed else None)
            if not self._typed:
                form.initial.update({name: self._asked(name) for name in form.fields if self._asked(name)})
            if not (self._typed and form.is_valid() and self._word_fits(form, rows)):
                return self._page(rows, form, "ask")
            if form.asks_more and self._asked("step") != "do":
                return self._page(rows, form, "sure")
            if self.deed.needs_second(rows, form.cleaned_data):
                return self._page(rows, form, "second")
        return self._do(rows, form.cleaned_data)

    def agree(self, token: str) -> HttpResponseBase:
        """A second operator looks at what the first one prepared, and agrees."""
        asked = second.read(token, self.page.model._meta.label, self.deed.name)
        if asked is None:
            raise BadRequest("This link is not valid any more.")
        if asked.by == str(self.request.user.pk):
            messages.warning(self.request, "Somebody else must agree: send the link to another operator.")
            return HttpResponseRedirect(self._back(asked.back))
        with operator():
            rows = self._found(asked.chosen)
            form = self.deed.made_form(rows, asked.data)
            if not form.is_valid():
                raise BadRequest("This link does not fit any more: prepare it anew.")
            if self.request.method != "POST":
                return self._page(rows, form, "agree", asked=asked)
        values = form.cleaned_data | {"reason": f"{form.cleaned_data['reason']} (asked by {asked.label})"}
        self.nonce = asked.nonce
        return self._do(rows, values, back=asked.back)

    def _do(self, rows: Sequence[Any], values: Values, back: str = "") -> HttpResponseBase:
        """To each row by itself, outside of every scope: a verb opens its own."""
        done, left = 0, list[str]()
        for row in rows or [None]:
            problem = self.deed.problem(row) if row is not None else ""
            try:
                if not problem:
                    reference = f"{self.deed.name}:{self.nonce}:{getattr(row, 'pk', '')}"
                    self.deed.do(self.request, row, values, reference)
                    done += 1
            except self.deed.refusals as error:
                problem = told(error)
            if problem:
                left.append(f"{self.deed.label(row)}: {problem}" if row is not None else problem)
        if done:
            messages.success(self.request, self.deed.done(done))
        if left:
            more = f" And {len(left) - 5:,} more." if len(left) > 5 else ""
            messages.warning(self.request, f"{len(left):,} left as before. {' '.join(left[:5])}{more}")
        return HttpResponseRedirect(self._back(back or self._asked("back")))

    # ---- what was asked --------------------------------------------------------------------------

    def _asked(self, name: str) -> str:
        return str((self.posted or self.request.GET).get(name, ""))

    @property
    def _typed(self) -> bool:
        """Whether the form itself came, and not only the choice of rows."""
        return self.posted is not None and self._asked("step") in ("preview", "do")

    def _rows(self) -> list[Any]:
        """The chosen rows, in the order of the list."""
        chosen = self._asked("chosen" if self.posted else "of").split()
        if not chosen and self.deed.bare:
            return []
        rows = self._found(chosen)
        if not rows:
            raise Http404
        return rows

    def _found(self, chosen: Sequence[str]) -> list[Any]:
        if len(chosen) > MOST:
            raise SuspiciousOperation(f"At most {MOST} rows in one go.")
        if not chosen:
            return []
        try:
            rows = list(self.page.get_queryset(self.request).filter(pk__in=chosen))
        except (ValueError, ValidationError) as error:
            raise Http404 from error
        self.page.mark(self.request, rows)
        self.deed.prepare(rows)
        return rows

    def _word_fits(self, form: Any, rows: Sequence[Any]) -> bool:
        """Whether what cannot be undone was typed; else the form says so."""
        word = self.deed.word(rows)
        if not word or self._asked("word").strip() == word:
            return True
        form.add_error(None, f"Type {word} to go on.")
        return False

    def _back(self, wanted: str) -> str:
        if wanted.startswith("/") and url_has_allowed_host_and_scheme(wanted, allowed_hosts=None):
            return wanted
        return self.page.address()

    # ---- how it looks ----------------------------------------------------------------------------

    def _page(
        self, rows: Sequence[Any], form: Any, step: str, *, asked: Any = None, back: str = ""
    ) -> TemplateResponse:
        values: Values = getattr(form, "cleaned_data", {}) if step != "ask" else {}
        possible = [row for row in rows if not self.deed.problem(row)]
        context = {
            **self.page.admin_site.each_context(self.request),
            "opts": None,
            "heading": self.deed.title,
            "title": self.deed.title,
            "parent": {"title": self.page.heading, "link": self.page.address()},
            "action": self.page.deed_address(self.deed),
            "reach": "all" if not rows else "one" if len(rows) == 1 else "many",
            "deed": self.deed,
            "form": form,
            "step": step,
            "lines": [self._line(row, values) for row in rows[:SHOWN]],
            "beyond": max(len(rows) - SHOWN, 0),
            "possible": len(possible),
            "left": len(rows) - len(possible),
            "bare": not rows,
            "summary": self.deed.summary(possible, values) if possible or not rows else [],
            "word": self.deed.word(rows) if step == "ask" else "",
            "chosen": " ".join(str(row.pk) for row in rows),
            "nonce": self.nonce,
            "back": self._back(asked.back if asked else back or self._asked("back")),
            "asked": asked,
            "second": self._second(rows, form) if step == "second" else None,
        }
        page = TemplateResponse(self.request, "admin/deed.html", context)
        return page.render()  # type: ignore[return-value]  # itself, rendered within the scope

    def _line(self, row: Any, values: Values) -> Line:
        problem = self.deed.problem(row)
        return Line(self.deed.label(row), "" if problem else self.deed.effect(row, values), problem)

    def _second(self, rows: Sequence[Any], form: Any) -> dict[str, str]:
        """Why somebody else must agree, and the link for him."""
        token = second.ask(
            label=self.page.model._meta.label,
            deed=self.deed.name,
            chosen=[str(row.pk) for row in rows],
            data={name: str(self._asked(name)) for name in form.fields},
            nonce=self.nonce,
            back=self._back(self._asked("back")),
            by=actor(self.request),
        )
        link = self.request.build_absolute_uri(f"{self.request.path}?agreed={token}")
        return {"why": self.deed.needs_second(rows, form.cleaned_data), "link": link}
