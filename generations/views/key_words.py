"""How the pages say what a key is: its state, its limits, where it is used, programs that use it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from django.conf import settings
from django.template.loader import render_to_string

from accounts.access import KeyScope, manages
from accounts.forms.keys import SCOPE_WORDS
from accounts.models import ApiKey, Door
from accounts.views.home import SDK_PATHS
from generations import catalogue
from runtime.clock import utc_now

SOON: Final = timedelta(days=7)
LANGUAGES: Final = (("curl", "curl"), ("python", "Python"), ("javascript", "JavaScript"))
MANAGEMENT: Final = "management"
PLACEHOLDER: Final = "$EASEL_KEY"


def bases() -> dict[str, str]:
    """The base URL that a client is given, of each door."""
    return {door.value: f"{settings.EASEL.url}{path}" for door, path in SDK_PATHS.items()}


def base_of(key: ApiKey) -> str:
    """Where this key is used: its home door's base URL, or the management API's."""
    return management_base() if manages(key.scopes) else bases()[key.home_door]


def management_base() -> str:
    return f"{settings.EASEL.url}/api/v1"


def state_of(key: ApiKey) -> str:
    """`active`, `suspended`, `expired` or `revoked`."""
    if key.revoked_at is not None:
        return "revoked"
    if key.suspended_at is not None:
        return "suspended"
    return "expired" if key.expires_at is not None and key.expires_at <= utc_now() else "active"


def expires_soon(key: ApiKey) -> bool:
    left = key.expires_at - utc_now() if key.expires_at else None
    return left is not None and timedelta(0) < left <= SOON


def in_grace(key: ApiKey) -> bool:
    """Whether the secret from before the last rotation still works."""
    return key.previous_expires_at is not None and key.previous_expires_at > utc_now()


def models() -> list[tuple[str, str]]:
    """The models that a key may be limited to, with their titles."""
    found = {offer.model: offer.title for door in Door.values for offer in catalogue.offers(door)}
    return list(found.items())


def limits_of(key: ApiKey) -> list[str]:
    """What it may and may not, in short words; empty for a key without restrictions."""
    return [words for words in _limits(key) if words]


def scopes_of(key: ApiKey) -> str:
    """What it may, one scope a line; empty for a key that may do everything."""
    return "\n".join(SCOPE_WORDS.get(scope, scope) for scope in key.scopes)


def _limits(key: ApiKey) -> Iterator[str]:
    yield ", ".join(SCOPE_WORDS.get(scope, scope) for scope in key.scopes)
    yield _only(key.models_allowed, "model")
    yield _only([Door(door).label for door in key.doors_allowed], "door")
    yield _only(key.networks, "network")
    if key.requests_per_minute is not None:
        yield f"{key.requests_per_minute:,} requests a minute"
    if key.concurrency is not None:
        yield f"{key.concurrency:,} at once"


def _only(names: Iterable[str], noun: str) -> str:
    """Named as long as they fit, else counted."""
    known = list(names)
    if not known:
        return ""
    return f"Only {known[0]}" if len(known) == 1 else f"Only {len(known)} {noun}s"


# ---- programs that run as pasted -------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Program:
    """One snippet: a door's, in one language."""

    language: str
    title: str
    code: str


@dataclass(frozen=True, slots=True)
class Shelf:
    """The programs of one door."""

    name: str
    title: str
    base_url: str
    programs: tuple[Program, ...]


def shelves(key: ApiKey, secret: str = PLACEHOLDER) -> list[Shelf]:
    """Programs for every door the key may use, its home door first; with the secret in them they run
    as they are, without it they read `$EASEL_KEY`. None for a key that may not make images."""
    if manages(key.scopes):
        return [_shelf(MANAGEMENT, "Management API", management_base(), "", secret)]
    if key.scopes and KeyScope.IMAGES_CREATE not in key.scopes:
        return []
    doors = [door for door in Door if not key.doors_allowed or door in key.doors_allowed]
    doors.sort(key=lambda door: door != key.home_door)
    found = ((door, _model_of(door, key)) for door in doors)
    return [_shelf(door, door.label, bases()[door], model, secret) for door, model in found if model]


def _shelf(name: str, title: str, base_url: str, model: str, secret: str) -> Shelf:
    facts = {"base_url": base_url, "key": secret, "model": model, "inline": secret != PLACEHOLDER}
    programs = (_program(name, language, words, facts) for language, words in LANGUAGES)
    return Shelf(name, title, base_url, tuple(programs))


def _program(door: str, language: str, title: str, facts: Mapping[str, object]) -> Program:
    code = render_to_string(f"accounts/keys/programs/{door}.{language}.txt", {**facts})
    return Program(language, title, code.strip())


def _model_of(door: str, key: ApiKey) -> str:
    """A name that the door knows of a model the key may use; empty if there is none."""
    offers = catalogue.offers(door, models_allowed=key.models_allowed)
    return next((offer.names[0] for offer in offers if offer.allowed), "")
