"""The openai engine: what it asks any Images API for, and what it makes of the answers."""

from __future__ import annotations

import asyncio
import io
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from PIL import Image as Pillow

from generations.errors import ProviderError
from generations.provider import Account, Job
from generations.providers.openai import OpenAI
from generations.spec import Kind, Order, Outcome, Refusal, Size, Text, Turn, Usage
from tests.providers.gemini_rig import FLASH, SQUARE, order, picture
from tests.upstreams.gemini import pictures
from tests.upstreams.openai import GPT, KEY, Upstream

WIDE = Size("1K", "16:9", 1344, 768, 1290)
DOG, CAT = pictures.png(16, 9, 1), pictures.png(9, 16, 2)
STORED = {"dog": DOG, "cat": CAT}


def job(asked: Order | str, **changes: Any) -> Job:
    async def read(key: str) -> bytes:
        return STORED[key]

    wanted = order(asked) if isinstance(asked, str) else asked
    return replace(Job(wanted, FLASH, wanted.count, SQUARE, deadline=20, attempt=1, read=read), **changes)


def draw(
    wanted: Job, *, key: str = KEY, url: str = "", options: Mapping[str, str] | None = None
) -> tuple[Outcome | ProviderError, Upstream]:
    """What the engine brings or raises, and the server it asked."""

    async def main() -> tuple[Outcome | ProviderError, Upstream]:
        async with Upstream() as server:
            account = Account("test", url or server.url, key, tuple((options or {}).items()))
            engine = OpenAI(account)
            try:
                return await engine.generate(wanted), server
            except ProviderError as error:
                return error, server
            finally:
                await engine.close()

    return asyncio.run(main())


def made(wanted: Job, **how: Any) -> tuple[Outcome, Upstream]:
    outcome, server = draw(wanted, **how)
    assert isinstance(outcome, Outcome), outcome
    return outcome, server


def sizes(outcome: Outcome) -> list[tuple[int, int]]:
    return [Pillow.open(io.BytesIO(image.data)).size for image in outcome.images]


# ---- what is asked -----------------------------------------------------------------------------


def test_one_post_brings_all_images_of_the_cells_pixels_with_the_usage() -> None:
    outcome, server = made(job(order(count=3, ratio="16:9"), size=WIDE))
    (call,) = server.calls
    assert call.path == "/v1/images/generations"
    assert call.fields == {
        "model": FLASH,
        "prompt": "A white cat",
        "n": 3,
        "size": "1344x768",
        "response_format": "b64_json",
    }
    assert sizes(outcome) == [(1344, 768)] * 3
    assert outcome.usage == Usage(prompt=7, output_images=1056)
    assert (outcome.request_id, outcome.lost) == ("req-1", 0)


def test_openais_own_models_are_asked_in_their_sizes_and_cut_to_the_ordered_ratio() -> None:
    outcome, server = made(job(order(ratio="16:9", quality="hd"), model=GPT, size=WIDE))
    fields = server.calls[0].fields
    assert (fields["size"], fields["quality"]) == ("1536x1024", "high")
    assert "response_format" not in fields
    assert sizes(outcome) == [(1536, 878)]


def test_an_operator_can_list_the_sizes_of_an_upstream() -> None:
    outcome, server = made(job("A cat", size=WIDE), options={"sizes": "1024x1024, 1792x1024"})
    assert server.calls[0].fields["size"] == "1792x1024"
    assert sizes(outcome) == [(1792, 1024)], "near enough to be left as it is"


def test_pictures_and_mask_go_along_as_a_form_and_the_shape_follows_the_last_picture() -> None:
    inputs = (picture(DOG, key="dog"), picture(CAT, key="cat"), picture(DOG, key="dog", role="mask"))
    outcome, server = made(job(order("Add a hat", inputs=inputs), model=GPT, size=WIDE))
    (call,) = server.calls
    assert call.path == "/v1/images/edits"
    assert call.files == [("image[]", DOG), ("image[]", CAT), ("mask", DOG)]
    assert call.fields["prompt"] == "Add a hat", "the mask is no matter of words"
    assert sizes(outcome) == [(1536, 1024)], "nobody asked for a ratio: nothing is cut"


def test_one_picture_is_called_image() -> None:
    _, server = made(job(order(inputs=(picture(DOG, key="dog"),))))
    assert server.calls[0].files == [("image", DOG)]


def test_a_conversation_is_one_prompt_in_its_order() -> None:
    turns = (Turn("user", (Text("A dog"),)), Turn("model", (Text("Hm", thought=True), Text("Here."))))
    asked = order("Now a cat", turns=turns, system="Be brief.", style="vivid")
    _, server = made(job(asked))
    assert server.calls[0].fields["prompt"].split("\n\n")[:4] == ["Be brief.", "A dog", "Here.", "Now a cat"]
    assert "Style: hyper-real" in server.calls[0].fields["prompt"]


# ---- what comes --------------------------------------------------------------------------------


def test_images_behind_the_upstreams_own_addresses_are_fetched_without_the_key() -> None:
    outcome, server = made(job(order("A cat stub:url", count=2)))
    assert sizes(outcome) == [(1024, 1024)] * 2
    assert server.fetched == 2


def test_an_address_elsewhere_on_our_network_is_never_called() -> None:
    error, _ = draw(job("A cat stub:elsewhere"))
    assert isinstance(error, ProviderError)
    assert (error.kind, error.retryable) == (Kind.UPSTREAM_ERROR, True)
    assert "url_not_allowed" in error.detail


def test_fewer_images_than_asked_are_told_as_lost() -> None:
    outcome, _ = made(job(order("A cat stub:few=2", count=3)))
    assert (len(outcome.images), outcome.lost) == (2, 1)


def test_a_block_is_a_refusal_and_not_an_error() -> None:
    outcome, _ = made(job("stub:block"))
    assert outcome.parts == (Refusal("prompt", "moderation_blocked", "Your request was rejected."),)


@pytest.mark.parametrize(
    ("marker", "kind", "retryable"),
    [
        ("500", Kind.UPSTREAM_ERROR, True),
        ("503", Kind.UPSTREAM_ERROR, True),
        ("badjson", Kind.UPSTREAM_ERROR, True),
        ("html", Kind.UPSTREAM_ERROR, True),
        ("empty", Kind.UPSTREAM_ERROR, True),
        ("401", Kind.MISCONFIGURED, False),
        ("404", Kind.MISCONFIGURED, False),
        ("quota", Kind.MISCONFIGURED, False),
        ("400", Kind.BAD_REQUEST, False),
    ],
)
def test_a_call_that_brings_nothing_has_its_kind_and_is_not_sent_again(
    marker: str, kind: Kind, retryable: bool
) -> None:
    error, server = draw(job(f"A cat stub:{marker}"))
    assert isinstance(error, ProviderError)
    assert (error.kind, error.retryable, error.waits) == (kind, retryable, False)
    assert error.detail
    assert len(server.calls) == 1


def test_too_many_requests_say_when_to_come_back_and_spend_no_attempt() -> None:
    error, _ = draw(job("A cat stub:429=20"))
    assert isinstance(error, ProviderError)
    assert (error.kind, error.waits, error.retry_after) == (Kind.RATE_LIMITED, True, 20)


def test_the_deadline_ends_a_call_that_hangs() -> None:
    error, _ = draw(job("A cat stub:hang", deadline=0.3))
    assert isinstance(error, ProviderError)
    assert (error.kind, error.retryable) == (Kind.UPSTREAM_TIMEOUT, True)


@pytest.mark.parametrize(
    "how", [{"key": ""}, {"key": "sk-wrong"}, {"url": "gopher://x"}, {"options": {"sizes": "large"}}], ids=str
)
def test_a_channel_that_is_set_up_badly_says_so(how: dict[str, Any]) -> None:
    error, server = draw(job("A cat"), **how)
    assert isinstance(error, ProviderError)
    assert (error.kind, error.retryable) == (Kind.MISCONFIGURED, False)
    assert server.calls == []


def test_the_key_is_in_no_error() -> None:
    error, _ = draw(job("A cat stub:echo"))
    assert isinstance(error, ProviderError)
    assert "[key]" in error.detail
    assert KEY not in f"{error!r} {error.detail} {error.__cause__!r} {error.__context__!r}"
