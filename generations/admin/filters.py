"""Filters that the pages of the work share."""

from __future__ import annotations

from typing import Any

from django.contrib.admin import SimpleListFilter
from django.db.models import QuerySet
from django.http import HttpRequest

from accounts.admin.filters import choice
from generations.models import Model
from generations.models.generation import KINDS

kinds = choice("kind", KINDS, title="kind of failure")


class ModelFilter(SimpleListFilter):
    """One of the catalogue's models, under our own name for it."""

    title = "model"
    parameter_name = "model"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return list(Model.objects.order_by("position", "slug").values_list("slug", "title"))

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.filter(model=self.value()) if self.value() else queryset
