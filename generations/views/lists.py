"""What every list of these pages has: filters as chips that live in the address, and the way to newer
and older rows."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Protocol

from django.http import HttpRequest, QueryDict
from django.urls import reverse

from accounts.access import Permission
from accounts.models import ApiKey, Door
from accounts.shell import TeamRequest
from generations import browsing, catalogue
from generations.forms.filters import CallFilterForm, FilterForm
from generations.models import Generation
from runtime.slices import Position

POSITIONS = ("before", "after", "mode", "part")
ASKED = ("q", "model", "dialect", "door", "key", "since", "until")
"""The filters that have a field; the others come by links."""


@dataclass(frozen=True, slots=True)
class Chip:
    """A filter that is set, or one that can be; `url` leaves it out, or sets it."""

    words: str
    url: str
    on: bool = False


class Paged(Protocol):
    """A page of a list."""

    @property
    def newer(self) -> Position | None: ...
    @property
    def older(self) -> Position | None: ...


def lasting(request: HttpRequest) -> QueryDict:
    """The address's filters, without where its page begins."""
    query = request.GET.copy()
    for name in POSITIONS:
        query.pop(name, None)
    return query


def without(request: HttpRequest, *names: str, **values: Any) -> str:
    """The address of the same list without some filters, and with others."""
    query = lasting(request)
    for name in (*names, *values):
        query.pop(name, None)
    for name, value in values.items():
        query.setlist(name, value) if isinstance(value, list) else query.__setitem__(name, value)
    return f"?{query.urlencode()}" if query else request.path


def paging(request: HttpRequest, page: Paged) -> dict[str, str]:
    """`newer` and `older` of a list: addresses, empty where there is nothing."""
    query = lasting(request)

    def address(name: str, position: Position | None) -> str:
        if position is None:
            return ""
        here = query.copy()
        here[name] = str(position)
        return f"?{here.urlencode()}"

    return {"newer": address("after", page.newer), "older": address("before", page.older)}


def narrowing(request: HttpRequest, form: FilterForm | CallFilterForm) -> dict[str, Any]:
    """The fields to fill in, what else the address says, a chip for each filter that is set, and what
    made no sense."""
    asked = {form[name].html_name for name in ASKED if name in form.fields}
    return {
        "fields": [form[name] for name in ASKED if name in form.fields],
        "kept": [
            (name, value)
            for name, values in lasting(request).lists()
            if name not in asked
            for value in values
        ],
        "chips": [Chip(words, without(request, name), on=True) for name, words in form.used],
        "mistakes": [f"{form.fields[name].label}: {errors[0]}" for name, errors in form.errors.items()],
        "clear": request.path,
    }


def choices(request: TeamRequest) -> Iterable[tuple[str, str]]:
    """The keys of a filter, for a role that may see keys."""
    team = request.team
    if not team.may(Permission.KEY_READ):
        return ()
    return browsing.keys_to_choose(team.organization, team.mode)


def models() -> list[tuple[str, str]]:
    """Every model that some door offers."""
    found = {offer.model: offer.title for door in Door.values for offer in catalogue.offers(door)}
    return list(found.items())


def filter_form(request: TeamRequest) -> FilterForm:
    return FilterForm(request.GET, keys=choices(request), models=models())


# ---- names -----------------------------------------------------------------------------------


def address(request: TeamRequest, name: str, **parts: Any) -> str:
    """The address of a page of the team."""
    return reverse(name, kwargs={"team": request.team.organization.slug, **parts})


def names_of_keys(request: TeamRequest, keys: Iterable[Any]) -> dict[Any, ApiKey]:
    """The keys by their ids; none for a role that may not see keys."""
    team = request.team
    return browsing.keys_of(team.organization, keys) if team.may(Permission.KEY_READ) else {}


def source_of(row: Generation, keys: dict[Any, ApiKey]) -> str:
    """Who ordered it: the key's name, or the playground."""
    if row.key_id is None:
        return "Playground"
    return keys[row.key_id].name if row.key_id in keys else ""
