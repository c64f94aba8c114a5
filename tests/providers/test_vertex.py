"""The gemini engine at Vertex AI: another address, and a token instead of a key."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from yarl import URL

from generations.errors import ProviderError
from generations.provider import Account
from generations.provider.wire import Wire
from generations.providers.gemini import Gemini
from generations.providers.gemini.place import find
from generations.spec import Kind
from tests.providers.gemini_rig import FLASH, job, order
from tests.upstreams.gemini import Upstream
from tests.upstreams.gemini.vertex import PROJECT, credential


def account(google: Upstream, **changes: str) -> Account:
    told = {"project": PROJECT, "location": "europe-west4"} | changes
    key = told.pop("key", "") or credential(google.url)
    return Account("vertex", google.url, key, tuple(told.items()))


async def failed(google: Upstream, **changes: str) -> ProviderError:
    engine = Gemini(account(google, **changes))
    try:
        with pytest.raises(ProviderError) as caught:
            await engine.generate(job(order()))
    finally:
        await engine.close()
    return caught.value


def test_pictures_come_from_the_projects_own_address_and_one_token_serves_many_calls() -> None:
    async def main() -> tuple[int, int, int]:
        async with Upstream() as google:
            engine = Gemini(account(google))
            outcomes = [await engine.generate(job(order(count=2))) for _ in range(2)]
            await engine.close()
            return sum(len(o.images) for o in outcomes), len(google.robots.tokens), google.calls.total

    assert asyncio.run(main()) == (4, 1, 4)


def test_a_token_that_is_about_to_end_is_renewed() -> None:
    async def main() -> int:
        async with Upstream() as google:
            google.robots.lifetime = 200  # less than the margin
            engine = Gemini(account(google))
            for _ in range(2):
                await engine.generate(job(order()))
            await engine.close()
            return len(google.robots.tokens)

    assert asyncio.run(main()) == 2


@pytest.mark.parametrize("broken", ["not json", "{}", '{"private_key": "x", "client_email": "y"}', "[1]"])
def test_a_credential_that_is_no_service_account_is_the_channels_fault_and_is_not_quoted(broken: str) -> None:
    async def main() -> ProviderError:
        async with Upstream() as google:
            return await failed(google, key=broken)

    error = asyncio.run(main())
    assert (error.kind, error.retryable) == (Kind.MISCONFIGURED, False)
    assert broken not in error.detail or broken == "{}"


def test_an_account_that_gets_no_token_is_the_channels_fault() -> None:
    async def main() -> tuple[ProviderError, int]:
        async with Upstream() as google:
            told = json.loads(credential(google.url)) | {"client_email": "somebody@else.example"}
            return await failed(google, key=json.dumps(told)), google.calls.total

    error, calls = asyncio.run(main())
    assert (error.kind, error.retryable, calls) == (Kind.MISCONFIGURED, False, 0)
    assert "invalid_grant" in error.detail


def test_a_token_address_that_is_down_may_be_up_later() -> None:
    async def main() -> ProviderError:
        async with Upstream() as google:
            told = json.loads(credential(google.url)) | {"token_uri": "http://127.0.0.1:1/token"}
            return await failed(google, key=json.dumps(told))

    error = asyncio.run(main())
    assert (error.kind, error.retryable) == (Kind.UPSTREAM_ERROR, True)


@pytest.mark.parametrize(
    ("options", "address"),
    [
        ({"location": "us-central1"}, "https://us-central1-aiplatform.googleapis.com"),
        ({"location": "global"}, "https://aiplatform.googleapis.com"),
        ({}, "https://aiplatform.googleapis.com"),
    ],
)
def test_without_a_base_url_the_address_is_googles_own(options: dict[str, Any], address: str) -> None:
    told = {"project": PROJECT} | options
    place = find(Account("vertex", "", credential("http://x"), tuple(told.items())), Wire())
    where = told.get("location", "global")
    path = f"/v1/projects/{PROJECT}/locations/{where}/publishers/google/models/{FLASH}:generateContent"
    assert place.address(FLASH) == URL(f"{address}{path}")
