"""What operators type to find something: a slug, a name, an address, a key. Each is resolved by an
index first, so that a search never scans the history."""

from __future__ import annotations

import re
from uuid import UUID

from django.db.models import Q

from accounts.models import ApiKey, Organization, User

MOST = 50
_KEY = re.compile(r"^easel_(?:live|test)_([0-9A-Za-z]{10})")
_BEGINNING = re.compile(r"^easel_(?:live|test)_([0-9A-Za-z]+)")
FEWEST = 3
_PUBLIC = re.compile(r"^[0-9A-Za-z]{10}$")


def organizations(term: str) -> list[Organization]:
    """Those with this slug or with this in their name."""
    if len(term) < 2:
        return []
    return list(Organization.objects.across().filter(Q(slug=term.lower()) | Q(name__icontains=term))[:MOST])


def keys(term: str) -> list[ApiKey]:
    """The key that this is, whole or its prefix or the public part of it."""
    found = _KEY.match(term)
    public = found[1] if found else term
    if not _PUBLIC.match(public):
        return []
    return list(
        ApiKey.objects.across().filter(public_id=public).only("id", "organization_id", "mode", "public_id")
    )


def is_key(term: str) -> bool:
    """Whether this looks like a key, whole or in part: it is not shown again."""
    return bool(_BEGINNING.match(term))


def keys_like(term: str) -> list[ApiKey]:
    """The key that this is, or those whose public part begins with what was typed of a key (three letters
    of it at least)."""
    found = _BEGINNING.match(term)
    public = found[1] if found else ""
    rows = ApiKey.objects.across().select_related("organization")
    if len(public) >= FEWEST:
        return list(rows.filter(public_id__startswith=public[:10])[:MOST])
    return list(rows.filter(public_id=term)) if _PUBLIC.match(term) else []


def message(term: str) -> UUID | None:
    """The message that this id, ours or the receivers' (`msg_...`), names."""
    try:
        return UUID(term.removeprefix("msg_"))
    except ValueError:
        return None


def people(term: str) -> list[User]:
    """Those with this in their address."""
    return list(User.objects.filter(email__icontains=term).only("id")[:MOST]) if "@" in term else []


def by_organization(term: str) -> Q | None:
    """Rows of the organizations that this may mean."""
    found = organizations(term)
    return Q(organization_id__in=[one.pk for one in found]) if found else None


def by_key(term: str) -> Q | None:
    """Rows of a key, by the index of its organization."""
    found = keys(term)
    if not found:
        return None
    (key,) = found
    return Q(organization_id=key.organization_id, mode=key.mode, key_id=key.pk)


def by_member(term: str) -> Q | None:
    """Rows of a person."""
    found = people(term)
    return Q(user_id__in=[one.pk for one in found]) if found else None
