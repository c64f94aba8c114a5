"""Google's door: what it streams, from the moment the order is held."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from generations.dialect import Answer, Incoming
from generations.dialects.gemini import stream as streaming
from generations.errors import Problem
from generations.spec import Delivered, Kind, Order, Report, State
from tests.dialects.desk import FLASH, MemoryDesk, delivered, parsed, picture, report
from tests.dialects.gemini_caller import STREAM, TABLE, Caller, configured, finish, images, said

FAILURE = {"state": State.FAILED, "kind": Kind.UPSTREAM_ERROR, "message": "The model is away."}


class SlowDesk(MemoryDesk):
    """Ends no generation before it is told to; `trouble` then comes up."""

    trouble: Exception | None = None

    async def ended(self, begun: Report) -> Report:
        await self.finished.wait()
        if self.trouble:
            raise self.trouble
        return await super().ended(begun)

    @property
    def finished(self) -> asyncio.Event:
        self.__dict__.setdefault("_finished", asyncio.Event())
        event: asyncio.Event = self.__dict__["_finished"]
        return event


@pytest.fixture
def desk() -> SlowDesk:
    return SlowDesk("gemini")


@pytest.fixture
def door(desk: SlowDesk) -> Caller:
    """A caller whose images are done at once."""
    desk.finished.set()
    return Caller(desk)


@pytest.fixture
def lively(monkeypatch: pytest.MonkeyPatch) -> None:
    """Signs of life come one after the other."""
    monkeypatch.setattr(streaming, "KEEP_ALIVE_SECONDS", 0.001)


async def opened(desk: MemoryDesk, query: dict[str, str]) -> tuple[Answer, AsyncIterator[bytes]]:
    matched = TABLE.match("POST", STREAM)
    body = json.dumps(said()).encode()
    request = Incoming("POST", STREAM, "https://easel.example/gemini", {}, query, body, matched.params or {})
    answer = await TABLE.routes[matched.index].handler(request, desk)
    assert isinstance(answer.body, AsyncIterator)
    return answer, answer.body


def events(answer: Answer) -> list[dict[str, Any]]:
    """The events of a stream, none of whose lines is anything but data: clients read no other."""
    text = answer.content().decode()
    assert text.endswith("\r\n\r\n")
    found = text.removesuffix("\r\n\r\n").split("\r\n\r\n")
    assert all(event.startswith("data: ") for event in found)
    return [json.loads(event.removeprefix("data: ")) for event in found]


# ---- what is told ----------------------------------------------------------------------------


def test_a_stream_tells_the_words_then_the_picture_then_why_it_ended(door: Caller, desk: MemoryDesk) -> None:
    finish(desk, [{"text": "Here"}, {"text": " it is."}, {"image": 1}], images=1)
    answer = door.ask("POST", STREAM, said(), "alt=sse")
    first, second, last = events(answer)
    assert answer.headers["Content-Type"] == "text/event-stream"
    for chunk, text in ((first, "Here"), (second, " it is.")):
        assert chunk["candidates"] == [{"content": {"role": "model", "parts": [{"text": text}]}, "index": 0}]
        assert chunk["usageMetadata"] == {"promptTokenCount": 10, "totalTokenCount": 10}
    assert images(last["candidates"][0]) == [picture(1)]
    assert last["candidates"][0]["finishReason"] == "STOP"
    assert last["usageMetadata"]["candidatesTokenCount"] == 1290
    assert first["responseId"] == last["responseId"]


def test_without_alt_the_stream_is_one_json_array(door: Caller, desk: MemoryDesk) -> None:
    finish(desk, [{"text": "Here it is."}, {"image": 1}], images=1)
    answer = door.ask("POST", STREAM, said())
    assert answer.headers["Content-Type"] == "application/json"
    first, last = parsed(answer)
    assert "finishReason" not in first["candidates"][0]
    assert images(last["candidates"][0]) == [picture(1)]


def test_a_stream_of_two_candidates_ends_each_of_them(door: Caller) -> None:
    chunks = events(door.ask("POST", STREAM, configured(candidateCount=2), "alt=sse"))
    assert [(c["candidates"][0]["index"], c["candidates"][0]["finishReason"]) for c in chunks] == [
        (0, "STOP"),
        (1, "STOP"),
    ]
    assert ["candidatesTokenCount" in c["usageMetadata"] for c in chunks] == [False, True]


def test_a_blocked_prompt_streams_its_feedback(door: Caller, desk: MemoryDesk) -> None:
    refusal = {"refusal": "SAFETY", "stage": "prompt"}
    desk.ends = {"state": State.FAILED, "kind": Kind.CONTENT_BLOCKED, "parts": (refusal,)}
    (event,) = events(door.ask("POST", STREAM, said(), "alt=sse"))
    assert event["promptFeedback"] == {"blockReason": "SAFETY"}


# ---- from the hold on ------------------------------------------------------------------------


@pytest.mark.usefixtures("lively")
@pytest.mark.parametrize("query, sign", [({"alt": "sse"}, b"\r\n"), ({}, b"\r\n")], ids=["events", "array"])
def test_a_stream_opens_with_the_hold_and_stays_alive_until_the_image_comes(
    desk: SlowDesk, query: dict[str, str], sign: bytes
) -> None:
    async def read() -> tuple[Answer, list[bytes]]:
        answer, body = await opened(desk, query)
        (held,) = desk.reports.values()
        assert answer.report == held, "the engine names it in the header, before the first byte"
        assert not held.state.final
        signs = [await anext(body) for _ in range(4)]
        desk.finished.set()
        return answer, signs + [chunk async for chunk in body]

    answer, chunks = asyncio.run(read())
    assert (answer.status, answer.headers["x-should-retry"]) == (200, "false")
    assert chunks[1:4] == [sign] * 3
    whole = b"".join(chunks)
    told = json.loads(whole) if not query else [json.loads(whole.strip().removeprefix(b"data: "))]
    assert images(told[0]["candidates"][0]) == [picture(1)]


@pytest.mark.parametrize("kind, status", [(Kind.UPSTREAM_ERROR, 503), (Kind.INTERNAL, 500)])
def test_a_failure_after_the_hold_is_the_last_event(
    door: Caller, desk: SlowDesk, kind: Kind, status: int
) -> None:
    desk.ends = FAILURE | {"kind": kind}
    (event,) = events(door.ask("POST", STREAM, said(), "alt=sse"))
    assert next(iter(event)) == "error", "google-genai 3 looks at the first member only"
    assert (event["error"]["code"], event["error"]["message"]) == (status, "The model is away.")
    why = {"finishReason": "OTHER", "finishMessage": "The model is away.", "index": 0}
    assert event["candidates"] == [why], "google-genai 1 does not look at the error at all"
    (item,) = parsed(door.ask("POST", STREAM, said()))
    assert item["error"]["code"] == status


def test_a_wait_that_ends_first_says_where_the_image_will_be(door: Caller, desk: SlowDesk) -> None:
    made = report(Order(model=FLASH.model, asked="x", prompt="x"))
    desk.trouble = Problem(Kind.DEADLINE, "The wait is over.", generation=made.id)
    (event,) = events(door.ask("POST", STREAM, said(), "alt=sse"))
    assert event["error"]["status"] == "DEADLINE_EXCEEDED"
    assert f"https://easel.example/gemini/v1beta/generations/{made.id}" in event["error"]["message"]


def test_what_breaks_us_is_told_without_its_cause(door: Caller, desk: SlowDesk) -> None:
    desk.trouble = RuntimeError("secret")
    answer = door.ask("POST", STREAM, said(), "alt=sse")
    (event,) = events(answer)
    assert event["error"]["code"] == 504
    assert "/v1beta/generations/" in event["error"]["message"], "where the image will be, all the same"
    assert b"secret" not in answer.content()


def test_an_image_that_is_gone_meanwhile_is_a_410_in_the_stream(door: Caller, desk: SlowDesk) -> None:
    async def gone(image: Delivered) -> bytes:
        raise Problem(Kind.GONE, "The image is no longer kept.")

    desk.read = gone  # type: ignore[method-assign]
    assert events(door.ask("POST", STREAM, said(), "alt=sse"))[0]["error"]["code"] == 410


def test_who_hangs_up_ends_only_the_waiting(desk: SlowDesk) -> None:
    async def leave() -> None:
        _, body = await opened(desk, {})
        assert await anext(body) == b"["
        following = asyncio.ensure_future(anext(body))
        await asyncio.sleep(0)
        following.cancel()
        await asyncio.wait([following])
        await asyncio.sleep(0)
        assert len(asyncio.all_tasks()) == 1, "nobody is left waiting"

    asyncio.run(leave())


def test_what_is_refused_is_refused_before_the_first_byte(door: Caller, desk: SlowDesk) -> None:
    desk.refusal = Problem(Kind.NO_CREDIT, "No credit.")
    answer = door.ask("POST", STREAM, said(), "alt=sse")
    assert (answer.status, "Content-Type" in answer.headers) == (402, False), "plain JSON"


# ---- the same call again ---------------------------------------------------------------------


class ReplayingDesk(MemoryDesk):
    """Everything it is asked for was made before."""

    async def begin(self, order: Order) -> Report:
        made = report(order, dialect="gemini", replayed=True, **self.ends)
        return self.keep(made if self.ends else delivered(made, order.count))


def test_a_stream_of_what_was_made_before_is_there_at_once() -> None:
    answer = Caller(ReplayingDesk("gemini")).ask("POST", STREAM, said(), "alt=sse")
    assert images(events(answer)[0]["candidates"][0]) == [picture(1)]
    assert answer.report is not None
    assert answer.report.replayed


def test_a_failure_of_before_is_an_error_before_the_first_byte() -> None:
    answer = Caller(ReplayingDesk("gemini", ends=FAILURE)).ask("POST", STREAM, said(), "alt=sse")
    assert (answer.status, parsed(answer)["error"]["status"]) == (503, "UNAVAILABLE")
