"""Where Google is asked, and under what name: the Gemini API with a key, Vertex AI with a token."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Protocol
from urllib.parse import quote

from yarl import URL

from generations.provider import Account
from generations.provider.failures import Unusable
from generations.provider.wire import Wire, origin

GEMINI_API, VERSION = "https://generativelanguage.googleapis.com", "v1beta"
VERTEX_VERSION = "v1"
EVERYWHERE = "global"


class Place(Protocol):
    """An address with somebody's name."""

    def address(self, model: str) -> URL:
        """Where `model` is asked to generate."""
        ...

    def page(self, model: str) -> URL:
        """Where `model` is described."""
        ...

    async def name(self, ends: float) -> Mapping[str, str]:
        """The header that says who asks; a new one is fetched until `ends` (the loop's time)."""
        ...


def find(account: Account, wire: Wire) -> Place:
    """The place that an account means. Raises Unusable when it means none."""
    if not account.api_key.strip():
        raise Unusable("the channel has no API key")
    if not account.option("project"):
        return GeminiApi(account)
    from generations.providers.gemini.vertex import Vertex  # Google's own library, for those who need it

    return Vertex(account, wire)


class GeminiApi:
    """The Gemini API, or a relay that speaks as it does."""

    def __init__(self, account: Account) -> None:
        self._models = f"{base(account, GEMINI_API).removesuffix(f'/{VERSION}')}/{VERSION}/models"
        self._name = {"x-goog-api-key": account.api_key.strip()}

    def address(self, model: str) -> URL:
        return address(self._models, model)

    def page(self, model: str) -> URL:
        return page(self._models, model)

    async def name(self, ends: float) -> Mapping[str, str]:
        return self._name


def base(account: Account, usual: str) -> str:
    """The account's base URL, or the usual one. Raises Unusable."""
    try:
        return origin(account.base_url, usual)
    except ValueError as error:
        raise Unusable(str(error)) from None


def page(models: str, model: str) -> URL:
    """The address of a model's description."""
    return URL(f"{models}/{quote(model, safe='-._~')}", encoded=True)


@lru_cache(maxsize=256)
def address(models: str, model: str) -> URL:
    """The address of a model's `generateContent`."""
    return URL(f"{models}/{quote(model, safe='-._~')}:generateContent", encoded=True)
