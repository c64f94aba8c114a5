"""Names of what a row points at by its bare id, read in the same query."""

from __future__ import annotations

from collections.abc import Iterable
from uuid import UUID

from django.db.models import OuterRef, Subquery

from accounts.models import ApiKey, Organization
from runtime.tenancy import operator


def named_organization() -> Subquery:
    """The name of the organization under `organization_id`."""
    return Subquery(Organization.objects.across().filter(pk=OuterRef("organization_id")).values("name")[:1])


def names_of(organizations: Iterable[UUID]) -> dict[UUID, str]:
    """The names of these organizations. Opens the operator's scope."""
    with operator():
        rows = Organization.objects.across().filter(pk__in=list(organizations))
        return dict(rows.values_list("pk", "name"))


def named_key() -> Subquery:
    """The name of the API key under `key_id`."""
    return Subquery(ApiKey.objects.across().filter(pk=OuterRef("key_id")).values("name")[:1])
