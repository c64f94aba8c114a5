"""Who draws it: the channel that serves a model, and the engine that speaks to it.

    sync_environment()       the channels that the settings name, at start
    choose(model, mode)      a channel for one attempt
    mark_misconfigured(...)  a channel whose key or model the upstream does not know
    provider_of(choice)      its engine in this event loop; close_all() ends them, preload() imports them

Live work reaches the sandbox only where there is nothing else and nothing is sold: while no other
channel exists and `EASEL_ENV` is not production. It is never a failover.
"""

from __future__ import annotations

import asyncio
import random
import threading
import time
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit
from weakref import WeakKeyDictionary

from django.conf import settings
from django.utils.module_loading import import_string

from generations.errors import ProviderError
from generations.models import Channel, ChannelModel, Model
from generations.provider import Account, Provider
from generations.providers import PROVIDERS
from generations.spec import Kind
from runtime.clock import DatabaseNow
from runtime.signing import SecretUnreadable, decrypt, encrypt
from runtime.tenancy import operator

SANDBOX = "sandbox"
FRESH_SECONDS = 1.0
FAMILIES = {"gemini": "google"}  # whose models an engine's channel from the environment serves
LOOPBACK = ("localhost", "127.0.0.1", "::1")
PORTS = {"http": 80, "https": 443}


class NoChannel(ProviderError):
    """No channel may be called for this model now."""

    def __init__(self, model: str, reason: str) -> None:
        super().__init__(Kind.MISCONFIGURED, f"{model}: {reason}")


class OwnOrigin(ValueError):
    """A channel would call Easel itself."""


@dataclass(frozen=True, slots=True)
class Choice:
    """The channel chosen for one attempt: its name, its provider's word, the upstream's own model
    id, and the account to call it with."""

    name: str
    provider: str
    upstream_model: str
    account: Account


@dataclass(frozen=True, slots=True)
class _Served:
    """A channel as it was read, with the models it serves."""

    account: Account
    provider: str
    usable: bool
    priority: int
    weight: int
    upstream: Mapping[str, str]


def choose(model: str, mode: str, *, exclude: Collection[str] = ()) -> Choice:
    """A channel for one attempt at `model` (the catalogue's name), by priority, then by weight.

    `mode` is `live` or `test`: test work is always drawn by the sandbox. `exclude` holds the names
    of channels that failed already. Raises NoChannel. For the database threads.
    """
    if mode == "test":
        return _sandbox(model)
    real = [channel for channel in _current() if channel.provider != SANDBOX]
    if not real and settings.EASEL.env != "production":
        return _sandbox(model)
    serving = [channel for channel in real if channel.usable and model in channel.upstream]
    if not serving:
        raise NoChannel(model, "no enabled, healthy channel serves it")
    left = [channel for channel in serving if channel.account.channel not in exclude]
    if not left:
        raise NoChannel(model, "every channel that serves it has failed")
    picked = _pick(left)
    return Choice(picked.account.channel, picked.provider, picked.upstream[model], picked.account)


def mark_misconfigured(name: str, detail: str) -> None:
    """Take a channel out of service until an operator mends it. `detail` is what the upstream said.

    The built-in sandbox has nothing to mend. For the database threads.
    """
    _note(name, Channel.Health.MISCONFIGURED, detail)


def refresh() -> None:
    """Forget what was read, so that the next choice sees the rows as they are."""
    global _kept
    _kept = None


def _note(name: str, health: str, detail: str) -> None:
    with operator():
        Channel.objects.filter(name=name).update(
            health=health, last_error=detail[:2000], last_error_at=DatabaseNow()
        )
    refresh()


def _sandbox(model: str) -> Choice:
    return Choice(SANDBOX, SANDBOX, model, Account(SANDBOX))


def _pick(channels: Sequence[_Served]) -> _Served:
    """One of those with the highest priority, by weight."""
    highest = max(channel.priority for channel in channels)
    first = [channel for channel in channels if channel.priority == highest]
    # Spreading load, not hiding anything: an ordinary random number is right.
    return random.choices(first, weights=[channel.weight for channel in first])[0]  # noqa: S311 - no secret


# ---- the rows, kept for a moment -------------------------------------------------------------

_kept: tuple[float, tuple[_Served, ...]] | None = None
_reading = threading.Lock()


def _current() -> tuple[_Served, ...]:
    """All channels, at most a second old."""
    global _kept
    with _reading:
        if _kept is None or time.monotonic() - _kept[0] >= FRESH_SECONDS:
            _kept = time.monotonic(), _read()
        return _kept[1]


def _read() -> tuple[_Served, ...]:
    upstream: defaultdict[int, dict[str, str]] = defaultdict(dict)
    for row in ChannelModel.objects.all():
        upstream[row.channel_id][row.model_id] = row.upstream_model
    gone = {"from_environment": True, "credential": ""}  # its variable was taken away: no channel any more
    return tuple(_served(row, upstream[row.pk]) for row in Channel.objects.exclude(**gone))


def _served(row: Channel, upstream: Mapping[str, str]) -> _Served:
    """A row that cannot be called (its secret cannot be read, it points at ourselves) is not usable."""
    usable = row.enabled and row.health == Channel.Health.HEALTHY and row.weight > 0
    key = ""
    try:
        refuse_own_origin(row.base_url)
        key = decrypt(row.credential) if row.credential and usable else ""
    except (OwnOrigin, SecretUnreadable):
        usable = False
    account = Account(row.name, row.base_url, key)
    return _Served(
        account, row.provider, usable and row.provider in PROVIDERS, row.priority, row.weight, upstream
    )


# ---- the channels of the environment ---------------------------------------------------------


def sync_environment() -> None:
    """Make one channel for each provider that the settings name, and disable it when they no longer
    do. It serves all models of its family; upstream names that an operator edited stay.

    Raises OwnOrigin for a base URL that leads back here. May be called by every process at start.
    """
    configured = _configured()
    for key, base_url in configured.values():
        if key:
            refuse_own_origin(base_url)
    with operator():
        for provider, (key, base_url) in configured.items():
            if key:
                _connect(provider, key, base_url)
            else:
                _disconnect(provider)
    refresh()


def _configured() -> Mapping[str, tuple[str, str]]:
    """Key and base URL per provider, as the environment has them."""
    return {"gemini": (settings.EASEL.gemini_api_key, settings.EASEL.gemini_base_url)}


def _connect(provider: str, key: str, base_url: str) -> None:
    """A channel that was disconnected serves again; one that an operator disabled stays so."""
    name = f"{provider}-environment"
    Channel.objects.bulk_create(
        [Channel(name=name, provider=provider, from_environment=True)], ignore_conflicts=True
    )
    row = Channel.objects.select_for_update().get(name=name)
    row.enabled = row.enabled or not row.credential
    row.credential = row.credential if _holds(row.credential, key) else encrypt(key)
    row.base_url, row.health = base_url, Channel.Health.HEALTHY
    row.save()
    serves = [
        ChannelModel(channel=row, model=model, upstream_model=model.slug)
        for model in Model.objects.filter(family=FAMILIES[provider])
    ]
    ChannelModel.objects.bulk_create(serves, ignore_conflicts=True)


def _disconnect(provider: str) -> None:
    Channel.objects.filter(provider=provider, from_environment=True).update(enabled=False, credential="")


def _holds(credential: str, key: str) -> bool:
    try:
        return bool(credential) and decrypt(credential) == key
    except SecretUnreadable:
        return False


def refuse_own_origin(base_url: str) -> None:
    """Raises OwnOrigin if the URL leads to `EASEL_URL` or to a door's host name: a generation would
    order itself again."""
    ours = [settings.EASEL.url, *(f"https://{host}" for host in settings.EASEL.door_hosts)]
    if base_url and _origin(base_url) in map(_origin, ours):
        raise OwnOrigin(f"The base URL {base_url} is Easel's own address. Give the provider's address.")


def _origin(url: str) -> tuple[str, int | None]:
    """Host and port; all names of this machine's loopback are one."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    if host in LOOPBACK or host.endswith(".localhost"):
        host = "localhost"
    return host, parts.port or PORTS.get(parts.scheme)


# ---- engines ---------------------------------------------------------------------------------

_Engines = dict[tuple[str, Account], Provider]
_engines: WeakKeyDictionary[asyncio.AbstractEventLoop, _Engines] = WeakKeyDictionary()


def provider_of(choice: Choice) -> Provider:
    """The engine of a choice, one per event loop and account: an edited channel gets a new one."""
    engines = _engines.setdefault(asyncio.get_running_loop(), {})
    wanted = choice.provider, choice.account
    if wanted not in engines:
        engines[wanted] = import_string(PROVIDERS[choice.provider])(choice.account)
    return engines[wanted]


def preload() -> None:
    """Import the engines that the settings name, and the sandbox's."""
    for provider in (SANDBOX, *(name for name, (key, _) in _configured().items() if key)):
        import_string(PROVIDERS[provider])


async def close_all() -> None:
    """Close the engines of this event loop."""
    for engine in _engines.pop(asyncio.get_running_loop(), {}).values():
        await engine.close()
