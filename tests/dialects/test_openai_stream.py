"""OpenAI's door: a generation as server-sent events."""

from __future__ import annotations

import asyncio
import io
import json
from base64 import b64decode
from dataclasses import dataclass, field
from typing import Any

import pytest
from openai.types import (
    ImageEditCompletedEvent,
    ImageEditPartialImageEvent,
    ImageGenCompletedEvent,
    ImageGenPartialImageEvent,
)
from PIL import Image

from generations.dialect import Incoming
from generations.dialects.openai import stream
from generations.errors import Problem
from generations.spec import Kind, Order, Report, State
from tests.dialects.desk import NOW, MemoryDesk, delivered, picture, report
from tests.dialects.openai_caller import (
    EDIT,
    FLASH_ORDER,
    GENERATE,
    PNG,
    Caller,
    begun,
    error_of,
    events,
    reference,
)

STREAM = FLASH_ORDER | {"stream": True}


@pytest.fixture
def desk() -> MemoryDesk:
    return MemoryDesk("openai")


@pytest.fixture
def door(desk: MemoryDesk) -> Caller:
    return Caller(desk)


# ---- what is streamed ------------------------------------------------------------------------


def test_the_generation_is_named_first_and_each_picture_is_one_event(door: Caller, desk: MemoryDesk) -> None:
    answer = door.ask("POST", GENERATE, STREAM | {"n": 2})
    (made,) = desk.reports
    told = events(answer.body)
    assert answer.status == 200
    assert answer.headers["Content-Type"].startswith("text/event-stream")
    assert answer.headers["Cache-Control"] == "no-store"
    assert told[0] == ("", f"generation {made}")
    assert [name for name, _ in told[1:]] == ["image_generation.completed"] * 2
    assert [b64decode(data["b64_json"]) for _, data in told[1:]] == [picture(1), picture(2)]
    assert answer.report is not None
    assert answer.report.id == made


def test_an_event_has_every_member_that_the_clients_types_require(door: Caller) -> None:
    answer = door.ask("POST", GENERATE, STREAM | {"size": "1792x1024", "quality": "hd", "partial_images": 1})
    _, partial, completed = events(answer.body)
    read = ImageGenCompletedEvent.model_validate(completed[1])
    assert (read.size, read.quality, read.background) == ("1344x768", "high", "opaque")
    assert (read.output_format, read.created_at) == ("png", int(NOW.timestamp()))
    assert ImageGenPartialImageEvent.model_validate(partial[1]).partial_image_index == 0


def test_an_edit_streams_events_of_its_own_name(door: Caller) -> None:
    fields = FLASH_ORDER | {"stream": "true", "partial_images": "1"}
    by_form = events(door.send_form([("image", PNG)], **fields).body)
    body = STREAM | {"images": [reference()], "partial_images": 1}
    assert events(door.ask("POST", EDIT, body).body) == by_form
    assert [name for name, _ in by_form[1:]] == ["image_edit.partial_image", "image_edit.completed"]
    assert ImageEditPartialImageEvent.model_validate(by_form[1][1])
    assert ImageEditCompletedEvent.model_validate(by_form[2][1])


def test_the_usage_of_all_events_is_the_usage_of_the_whole(door: Caller) -> None:
    told = events(door.ask("POST", GENERATE, STREAM | {"n": 3}).body)
    usages = [data["usage"] for _, data in told[1:]]
    assert [usage["output_tokens"] for usage in usages] == [1290] * 3
    assert [usage["cost"] for usage in usages] == [0.0387] * 3
    assert [usage["input_tokens"] for usage in usages] == [10, 0, 0]
    assert sum(usage["total_tokens"] for usage in usages) == 3880


@pytest.mark.parametrize("count, sides", [(0, []), (1, [256]), (2, [128, 256]), (3, [64, 128, 256])])
def test_previews_grow_before_the_picture(
    door: Caller, desk: MemoryDesk, count: int, sides: list[int]
) -> None:
    desk.files["outputs/1.png"] = picture(1, 512, 384)
    told = events(door.ask("POST", GENERATE, STREAM | {"partial_images": count}).body)
    shown = [Image.open(io.BytesIO(b64decode(data["b64_json"]))) for _, data in told[1:]]
    assert [one.size for one in shown] == [*((side, side * 3 // 4) for side in sides), (512, 384)]
    assert [data["partial_image_index"] for _, data in told[1:-1]] == list(range(count))
    said = [s for s in desk.orders[0].adjusted if s.startswith("partial_images")]
    assert said == ([f"partial_images {count} -> previews of the finished picture"] if count else [])


def test_a_picture_that_cannot_be_previewed_is_delivered_all_the_same(door: Caller, desk: MemoryDesk) -> None:
    desk.files["outputs/1.png"] = b"\x89PNG of another kind"
    told = events(door.ask("POST", GENERATE, STREAM | {"partial_images": 3}).body)
    assert [name for name, _ in told[1:]] == ["image_generation.completed"]
    assert b64decode(told[1][1]["b64_json"]) == desk.files["outputs/1.png"]


def test_without_stream_the_answer_is_one_body(door: Caller) -> None:
    for off in (False, None):
        answer = door.ask("POST", GENERATE, FLASH_ORDER | {"stream": off, "partial_images": 3})
        assert "Content-Type" not in answer.headers
        assert json.loads(answer.content())["data"]


# ---- what goes wrong -------------------------------------------------------------------------


def test_what_is_refused_before_the_hold_is_a_plain_error(door: Caller, desk: MemoryDesk) -> None:
    desk.refusal = Problem(Kind.NO_CREDIT, "No credit.")
    assert error_of(door.ask("POST", GENERATE, STREAM), 402)["code"] == "billing_error"
    assert error_of(door.ask("POST", GENERATE, STREAM | {"partial_images": 4}))["param"] == "partial_images"


@pytest.mark.parametrize(
    "kind, type_, code",
    [
        (Kind.UPSTREAM_ERROR, "upstream_error", "all_providers_failed"),
        (Kind.NO_IMAGE, "api_error", None),
        (Kind.CONTENT_BLOCKED, "image_generation_user_error", "moderation_blocked"),
        (Kind.CANCELLED, "invalid_request_error", "request_cancelled"),
    ],
)
def test_a_failure_is_an_error_event_in_the_envelope(
    door: Caller, desk: MemoryDesk, kind: Kind, type_: str, code: str | None
) -> None:
    desk.ends = {"state": State.FAILED, "kind": kind, "message": "It failed."}
    first, (name, data) = events(door.ask("POST", GENERATE, STREAM).body)
    assert first[1].startswith("generation ")
    assert name == "error"
    assert set(data["error"]) == {"message", "type", "param", "code"}
    assert (data["error"]["type"], data["error"]["code"]) == (type_, code)


def test_images_that_are_not_kept_any_more_are_an_error_event(door: Caller, desk: MemoryDesk) -> None:
    desk.ends = {"state": State.SUCCEEDED, "tokens": 1290, "replayed": True}
    _, (name, data) = events(door.ask("POST", GENERATE, STREAM).body)
    assert (name, data["error"]["code"]) == ("error", "gone")


class Slow(MemoryDesk):
    """Never done in time, and says so."""

    async def ended(self, begun: Report) -> Report:
        raise Problem(Kind.DEADLINE, "The image is not ready yet.", generation=begun.id)


def test_the_end_of_the_wait_says_where_the_image_will_be() -> None:
    desk = Slow("openai")
    _, (name, data) = events(Caller(desk).ask("POST", GENERATE, STREAM).body)
    (made,) = desk.reports
    assert (name, data["error"]["code"]) == ("error", "timeout")
    assert f"/door/v1/generations/{made}" in data["error"]["message"]


class Broken(MemoryDesk):
    """Loses its database in the middle."""

    async def ended(self, begun: Report) -> Report:
        raise RuntimeError("secret detail")


def test_whatever_breaks_ends_in_an_error_event_that_tells_no_secret() -> None:
    desk = Broken("openai")
    _, (name, data) = events(Caller(desk).ask("POST", GENERATE, STREAM).body)
    assert name == "error"
    assert "secret" not in str(data)
    assert str(*desk.reports) in data["error"]["message"]


class Replaying(MemoryDesk):
    """An Idempotency-Key seen before."""

    async def begin(self, order: Order) -> Report:
        begun = await super().begin(order)
        return self.keep(report(order, id=begun.id, replayed=True, dialect="openai", **self.ends))


def test_a_replay_of_a_failure_is_a_plain_error() -> None:
    desk = Replaying("openai", ends={"state": State.FAILED, "kind": Kind.UPSTREAM_ERROR, "message": "Away."})
    assert error_of(Caller(desk).ask("POST", GENERATE, STREAM), 502)["message"] == "Away."


# ---- the wait --------------------------------------------------------------------------------


@dataclass
class Gate(MemoryDesk):
    """Is done when told so."""

    opened: asyncio.Event = field(default_factory=asyncio.Event)
    waited: asyncio.Event = field(default_factory=asyncio.Event)
    left: asyncio.Event = field(default_factory=asyncio.Event)

    async def ended(self, begun: Report) -> Report:
        self.waited.set()
        try:
            await self.opened.wait()
        finally:
            self.left.set()
        return delivered(begun, 1)


def streaming(desk: Gate) -> Any:
    request = Incoming("POST", GENERATE, "https://easel.example/door", {}, {}, b"")
    return stream.events(begun(), desk, request, stream.Wanted("image_generation", 0))


def test_a_long_wait_is_kept_alive_by_comments(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream, "KEEP_ALIVE_SECONDS", 0.01)

    async def listen() -> list[bytes]:
        desk, heard = Gate("openai"), []
        async for chunk in streaming(desk):
            heard.append(chunk)
            if heard.count(b": waiting\n\n") == 2:
                desk.opened.set()
        return heard

    heard = asyncio.run(listen())
    assert heard[0].startswith(b": generation ")
    assert b": waiting\n\n" in heard
    assert heard[-1].startswith(b"event: image_generation.completed\n")


def test_the_first_line_comes_before_the_picture_and_who_leaves_ends_only_his_wait() -> None:
    async def leave() -> Gate:
        desk = Gate("openai")
        chunks = streaming(desk)
        assert (await anext(chunks)).startswith(b": generation ")
        task = asyncio.ensure_future(anext(chunks))
        await desk.waited.wait()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await desk.left.wait()
        return desk

    assert not asyncio.run(leave()).opened.is_set()
