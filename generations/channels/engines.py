"""The engines of this process: made once for each account in each event loop."""

from __future__ import annotations

import asyncio
from weakref import WeakKeyDictionary

from django.utils.module_loading import import_string

from generations.channels.choosing import SANDBOX, Choice
from generations.channels.environment import configured
from generations.provider import Account, Provider
from generations.providers import PROVIDERS

_Engines = dict[tuple[str, Account], Provider]
_engines: WeakKeyDictionary[asyncio.AbstractEventLoop, _Engines] = WeakKeyDictionary()


def engine(provider: str, account: Account) -> Provider:
    """An engine of its own, for whoever closes it."""
    made: Provider = import_string(PROVIDERS[provider])(account)
    return made


def provider_of(choice: Choice) -> Provider:
    """The engine of a choice, one per event loop and account: an edited channel gets a new one."""
    engines = _engines.setdefault(asyncio.get_running_loop(), {})
    wanted = choice.provider, choice.account
    if wanted not in engines:
        engines[wanted] = engine(choice.provider, choice.account)
    return engines[wanted]


def preload() -> None:
    """Import the engines that the settings name, and the sandbox's."""
    for provider in {SANDBOX, *(setting.provider for setting in configured() if setting.key)}:
        import_string(PROVIDERS[provider])


async def close_all() -> None:
    """Close the engines of this event loop."""
    for engine in _engines.pop(asyncio.get_running_loop(), {}).values():
        await engine.close()
