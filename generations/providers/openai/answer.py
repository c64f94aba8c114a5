"""What came: files in base64 or behind addresses, and what they took."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import pybase64
from yarl import URL

from generations.errors import ProviderError
from generations.provider.failures import EXCERPT, Malformed
from generations.provider.wire import LONGEST_ANSWER, Answer, Wire, parsed
from generations.spec import Kind, Usage
from runtime import egress, http

DATA_URL = "data:"


@dataclass(frozen=True, slots=True)
class Found:
    """An answer: each file as its bytes or as the address where it lies."""

    files: tuple[bytes | str, ...]
    usage: Usage
    request_id: str


def read(told: Answer) -> Found:
    """What a 200 says. Raises Malformed."""
    if told.media != "application/json":
        words = told.body[:EXCERPT].decode(errors="replace")
        raise Malformed(f"status 200 with content type {told.media[:100]!r}: {words!r}")
    try:
        said = parsed(told.body, "b64_json")
        files = tuple(_file(item) for item in said.get("data") or [])
        usage = _usage(said.get("usage") or {})
    except (ValueError, TypeError, AttributeError, KeyError) as error:
        raise Malformed(f"status 200 with a broken body: {type(error).__name__}: {error}") from None
    if not files:
        raise Malformed(f"status 200 without images: {str(said)[:EXCERPT]}")
    return Found(files, usage, told.headers.get("x-request-id", ""))


def require_listed(told: Answer, model: str) -> None:
    """Raises ProviderError when a list of models is without this one, Malformed when it is no list."""
    try:
        listed = {str(item["id"]) for item in parsed(told.body)["data"]}
    except (TypeError, KeyError) as error:
        raise Malformed(f"no list of models: {type(error).__name__}: {error}") from None
    if model not in listed:
        raise ProviderError(Kind.MISCONFIGURED, f"the upstream does not list the model {model}")


def _file(item: Mapping[str, Any]) -> bytes | str:
    if packed := item.get("b64_json"):
        return _unpacked(packed)
    address = str(item["url"])
    return _unpacked(address.partition(",")[2]) if address.startswith(DATA_URL) else address


def _unpacked(text: str | bytes) -> bytes:
    return pybase64.b64decode(text, validate=True)


def _usage(told: Mapping[str, Any]) -> Usage:
    details = told.get("input_tokens_details") or {}
    return Usage(
        prompt=int(told.get("input_tokens") or 0),
        prompt_images=int(details.get("image_tokens") or 0),
        output_images=int(told.get("output_tokens") or 0),
    )


async def fetch(file: bytes | str, base: URL, wire: Wire, ends: float) -> bytes:
    """The bytes of a file, fetched until `ends` (the loop's time) if only its address came.

    An address at the upstream's own origin is as trusted as the upstream; any other is fetched like a
    customer's, from public addresses only. Raises Malformed, TimeoutError, EgressRefused, aiohttp's.
    """
    if isinstance(file, bytes):
        return file
    url = URL(file)
    if url.is_absolute() and url.origin() == base.origin():
        told = await wire.get(url, ends)
        if told.status != 200:
            raise Malformed(f"the image's address answered {told.status}")
        return told.body
    left = ends - asyncio.get_running_loop().time()
    policy = replace(egress.FETCH, max_bytes=LONGEST_ANSWER, total=max(left, 0.1))
    return (await http.fetch(file, policy)).data
