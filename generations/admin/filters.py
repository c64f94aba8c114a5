"""Filters that the pages of the work share."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.contrib.admin import SimpleListFilter
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.http import HttpRequest

from accounts.access import Permission
from accounts.admin.filters import TypedFilter, choice, dates, moment_of
from accounts.admin.glass import broken
from accounts.admin.who import may
from generations.models import Attempt, Channel, Model
from generations.models.generation import KINDS
from runtime.ids import first_id

kinds = choice("kind", KINDS, title="kind of failure")
kinds_by_index = choice("kind", KINDS, title="kind of failure", loose=False)
SKEW = timedelta(hours=1)


class EndedFilter(dates("finished_at", title="end (UTC)", names=("ended_from", "ended_to"))):  # type: ignore[misc]  # made there
    """When it ended. What ended by a moment was asked before it: that lets the list begin there."""

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        rows: QuerySet[Any] = super().queryset(request, queryset)
        if end := self.used_parameters.get("ended_to"):
            rows = rows.filter(id__lt=first_id((moment_of(end)[1] + SKEW).timestamp()))
        return rows


def _word(chosen: SimpleListFilter) -> str:
    """What the address says, as the database can compare it."""
    return (chosen.value() or "").replace("\x00", "")


class ModelFilter(SimpleListFilter):
    """One of the catalogue's models, under our own name for it."""

    title = "model"
    parameter_name = "model"
    loose = True

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return list(Model.objects.order_by("position", "slug").values_list("slug", "title"))

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.filter(model=_word(self)) if self.value() else queryset


class CatalogueModelFilter(ModelFilter):
    """The same of the catalogue's own few rows."""

    loose = False


class ChannelFilter(SimpleListFilter):
    """The channel that an attempt called; the sandbox is one without a row."""

    title = "channel"
    parameter_name = "channel"
    loose = True

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        names = Channel.objects.order_by("-priority", "name").values_list("name", flat=True)
        return [(name, name) for name in dict.fromkeys([*names, "sandbox"])]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.filter(self.condition(_word(self))) if self.value() else queryset

    def condition(self, name: str) -> Any:
        """Of attempts: their own column."""
        return Q(channel=name)


class TriedChannelFilter(ChannelFilter):
    """Generations that this channel was tried for."""

    def condition(self, name: str) -> Any:
        tries = Attempt.objects.across().filter(
            organization_id=OuterRef("organization_id"), generation_id=OuterRef("pk"), channel=name
        )
        return Exists(tries)


class PromptFilter(TypedFilter):
    """Words of a prompt: of all organizations for those who see all, else of those whose seal is broken. A
    search that finds is a way of reading."""

    title = "prompt"
    loose = True
    names = {"prompt": ("Words in the prompt", "search")}

    def __init__(self, request: HttpRequest, params: dict[str, Any], model: Any, model_admin: Any) -> None:
        super().__init__(request, params, model, model_admin)
        self._all = may(request, Permission.IMAGE_READ)
        self._open = list(broken(request))

    def has_output(self) -> bool:
        return self._all or bool(self._open) or bool(self.used_parameters)

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        if not self.used_parameters:
            return queryset
        if not self._all:
            queryset = queryset.filter(organization_id__in=self._open)
        return queryset.filter(order__prompt__icontains=self.used_parameters["prompt"])
