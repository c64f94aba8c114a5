"""A probe asks an upstream about our key and a model, and orders nothing."""

from __future__ import annotations

import asyncio

import pytest

from generations.errors import ProviderError
from generations.provider import Account, Provider
from generations.providers.gemini import Gemini
from generations.providers.openai import OpenAI
from generations.providers.sandbox import Sandbox
from generations.spec import Kind
from tests.upstreams import gemini, openai
from tests.upstreams.gemini import vertex

FLASH = "gemini-2.5-flash-image"


async def asked(engine: Provider, model: str, deadline: float = 5.0) -> ProviderError | None:
    try:
        await engine.probe(model, deadline)
    except ProviderError as error:
        return error
    finally:
        await engine.close()
    return None


def at_google(key: str, model: str) -> tuple[ProviderError | None, int]:
    async def main() -> tuple[ProviderError | None, int]:
        async with gemini.Upstream() as google:
            error = await asked(Gemini(Account("test", google.url, key)), model)
            return error, google.calls.total

    return asyncio.run(main())


def at_openai(key: str, model: str) -> tuple[ProviderError | None, int]:
    async def main() -> tuple[ProviderError | None, int]:
        async with openai.Upstream() as server:
            error = await asked(OpenAI(Account("test", server.url, key)), model)
            return error, len(server.calls)

    return asyncio.run(main())


def test_a_good_key_and_a_known_model_are_well_and_nothing_is_ordered() -> None:
    assert at_google(gemini.KEY, FLASH) == (None, 0)
    assert at_openai(openai.KEY, openai.GPT) == (None, 0)
    assert asyncio.run(asked(Sandbox(Account("sandbox")), FLASH)) is None


def test_vertex_is_asked_under_the_projects_address() -> None:
    async def main() -> ProviderError | None:
        async with gemini.Upstream() as google:
            options = (("location", "global"), ("project", vertex.PROJECT))
            account = Account("test", google.url, vertex.credential(google.url), options)
            return await asked(Gemini(account), FLASH)

    assert asyncio.run(main()) is None


@pytest.mark.parametrize("place", [at_google, at_openai])
def test_a_bad_key_or_an_unknown_model_is_for_the_operator_to_mend(place: object) -> None:
    assert callable(place)
    for key, model in (("a-key-that-was-revoked", FLASH), (gemini.KEY, "no-such"), (openai.KEY, "no-such")):
        error, orders = place(key, model)
        assert (error.kind, orders) == (Kind.MISCONFIGURED, 0)
        assert key not in error.detail


def test_an_upstream_that_is_away_or_silent_is_told_as_such() -> None:
    nowhere = Account("test", "http://127.0.0.1:9", "key")
    for engine in (Gemini(nowhere), OpenAI(nowhere)):
        error = asyncio.run(asked(engine, FLASH))
        assert error is not None
        assert error.kind is Kind.UPSTREAM_ERROR
    unusable = asyncio.run(asked(OpenAI(Account("test", "ftp://x", "key")), FLASH))
    assert unusable is not None
    assert unusable.kind is Kind.MISCONFIGURED
