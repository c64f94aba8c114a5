"""What the address narrows a list to, as chips that can be taken away."""

from __future__ import annotations

from uuid import UUID

from django.core.exceptions import ValidationError
from django.http import HttpRequest

from accounts.models import ApiKey, Organization

SILENT = ("p", "q", "o", "e", "by", "_changelist_filters")
"""Parameters that narrow nothing, or show themselves."""


def of(request: HttpRequest, of_organization: str) -> list[dict[str, str]]:
    """A chip for each parameter, with the address without it."""
    made = []
    for lookup, value in request.GET.dict().items():
        if lookup in SILENT or not value:
            continue
        rest = request.GET.copy()
        del rest[lookup]
        rest.pop("p", None)
        name = _named(lookup, str(value), of_organization)
        made.append({"what": _plain(lookup), "value": name, "without": f"?{rest.urlencode()}"})
    return made


def _plain(lookup: str) -> str:
    """`organization__id__exact` as `organization`, `quarter__gte` as `quarter from`."""
    field, _, comparison = lookup.partition("__")
    word = {"gte": " from", "gt": " after", "lt": " before", "lte": " up to"}.get(comparison, "")
    plain = field.removesuffix("_id").replace("_", " ")
    return f"{plain}{word}" if plain != "id" or not word else word.strip()


def _named(lookup: str, value: str, of_organization: str) -> str:
    if lookup == of_organization:
        return _name(Organization, value)
    if lookup == "key_id":
        return _name(ApiKey, value)
    return value.replace("_", " ") if len(value) < 36 else value


def _name(model: type[Organization] | type[ApiKey], identifier: str) -> str:
    try:
        found = model.objects.across().filter(pk=UUID(identifier)).first()
    except (ValueError, ValidationError):
        return identifier
    return found.name if found else identifier
