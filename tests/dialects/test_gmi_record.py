"""GMI Cloud's door: the record of a request in every state, by the ids of every door."""

from __future__ import annotations

from typing import Any

import pytest

from generations import handles
from generations.dialect import Answer
from generations.dialects.gmi import Gmi
from generations.spec import Kind, Order, Report, State
from tests.dialects.desk import FLASH, ORGANIZATION, Caller, MemoryDesk, delivered, parsed, report

REQUESTS = "/api/v1/ie/requestqueue/apikey/requests"
MODEL = "gemini-2.5-flash-image"
FOREIGN = "63729242-1870-4ff4-80b0-d485980ae31c"
BLANK = {"role": "user", "parts": [{"text": ""}, {"fileData": {"fileUri": "", "mimeType": ""}}]}


@pytest.fixture
def desk() -> MemoryDesk:
    return MemoryDesk("gmi")


@pytest.fixture
def door(desk: MemoryDesk) -> Caller:
    return Caller(Gmi(), desk)


def stored(desk: MemoryDesk, **changes: Any) -> Report:
    """A generation on the desk."""
    payload = {"prompt": "x", "aspect_ratio": "4:5"}
    order = Order(
        model=FLASH.model,
        asked=MODEL,
        prompt="x",
        ratio="4:5",
        echo={"payload": payload},
    )
    return desk.keep(report(order, **{"dialect": "gmi"} | changes))


def read(door: Caller, made: Report) -> dict[str, Any]:
    body: dict[str, Any] = parsed(door.ask("GET", f"{REQUESTS}/{handles.gmi(made.id)}"))
    return body


def refusal(answer: Answer, status: int = 400) -> str:
    """The sentence that is the whole error."""
    assert answer.status == status
    body = parsed(answer)
    assert list(body) == ["error"]
    return str(body["error"])


def test_a_success_is_the_whole_record_in_the_documented_order(desk: MemoryDesk, door: Caller) -> None:
    made = desk.keep(delivered(stored(desk), 1))
    url = made.images[0].url
    body = read(door, made)
    assert list(body) == [
        *("request_id", "org_id", "model", "status", "is_public", "payload", "outcome"),
        *("next_turn_contents", "created_at", "updated_at", "queued_at"),
    ]
    assert (body["request_id"], body["org_id"]) == (handles.gmi(made.id), str(ORGANIZATION))
    assert (body["status"], body["is_public"]) == ("success", False)
    assert body["payload"] == {"prompt": "x", "aspect_ratio": "4:5"}
    assert body["outcome"]["media_urls"] == [{"id": "0", "url": url, "width": 896, "height": 1152}]
    assert body["outcome"]["request_usage"] == {
        "prompt_tokens": 10,
        "output_tokens": 1290,
        "images": 1,
        "cost_usd": "0.0387",
    }
    assert body["next_turn_contents"] == [
        {"role": "user", "parts": [{"text": "x"}]},
        {"role": "model", "parts": [{"fileData": {"fileUri": url, "mimeType": "image/png"}}]},
        BLANK,
    ]
    assert list(body["outcome"]) == ["media_urls", "next_turn_contents", "request_usage", "expires_at"]
    assert made.expires_at is not None
    assert body["outcome"]["expires_at"] == int(made.expires_at.timestamp())


@pytest.mark.parametrize(
    "state, word, outcome",
    [
        (State.QUEUED, "queued", None),
        (State.RUNNING, "processing", None),
        (State.FAILED, "failed", {"error": "Image generation failed: blocked by safety policy"}),
        (State.CANCELLED, "cancelled", {"error": "Request was cancelled"}),
    ],
)
def test_every_other_state_has_its_word_and_outcome(
    desk: MemoryDesk, door: Caller, state: State, word: str, outcome: dict[str, str] | None
) -> None:
    kind = Kind.CONTENT_BLOCKED if state is State.FAILED else None
    body = read(door, stored(desk, state=state, kind=kind))
    assert (body["status"], body["outcome"]) == (word, outcome)
    assert body.get("error") == (outcome["error"] if outcome and word == "failed" else None)


def test_a_recitation_is_told_apart(desk: MemoryDesk, door: Caller) -> None:
    parts = ({"refusal": "IMAGE_RECITATION", "stage": "output", "message": ""},)
    made = stored(desk, state=State.FAILED, kind=Kind.CONTENT_BLOCKED, parts=parts)
    assert "repeats existing material" in read(door, made)["error"]


@pytest.mark.parametrize("kind", Kind)
def test_every_kind_of_failure_is_a_sentence(desk: MemoryDesk, door: Caller, kind: Kind) -> None:
    body = read(door, stored(desk, state=State.FAILED, kind=kind))
    assert body["error"].startswith("Image generation failed: ")
    assert body["outcome"] == {"error": body["error"]}


def test_a_replayed_submit_of_a_finished_request_tells_its_outcome(desk: MemoryDesk) -> None:
    class Replaying(MemoryDesk):
        async def submit(self, order: Order) -> Report:
            return delivered(await super().submit(order), 1)

    body = parsed(
        Caller(Gmi(), Replaying("gmi")).ask("POST", REQUESTS, {"model": MODEL, "payload": {"prompt": "x"}})
    )
    assert body["status"] == "success"
    assert body["outcome"]["media_urls"][0]["id"] == "0"


def test_a_request_is_cancelled_once_it_is_asked_and_not_after_it_is_final(
    desk: MemoryDesk, door: Caller
) -> None:
    path = f"{REQUESTS}/{handles.gmi(stored(desk).id)}"
    answer = door.ask("DELETE", path)
    assert (answer.status, parsed(answer)["status"]) == (200, "cancelled")
    assert parsed(door.ask("DELETE", path)) == parsed(answer)
    desk.keep(delivered(next(iter(desk.reports.values())), 1))
    assert refusal(door.ask("DELETE", path), 409)


@pytest.mark.parametrize("method", ["GET", "DELETE"])
@pytest.mark.parametrize("request_id", [FOREIGN, "job-17"])
def test_an_unknown_id_and_one_of_no_known_form_are_the_same_404(
    door: Caller, method: str, request_id: str
) -> None:
    assert refusal(door.ask(method, f"{REQUESTS}/{request_id}"), 404) == "request not found"


def test_a_generation_of_another_door_is_read_by_the_ids_of_every_door(
    desk: MemoryDesk, door: Caller
) -> None:
    order = Order(model=FLASH.model, asked="nano-banana-beta", prompt="y", ratio="16:9")
    made = desk.keep(report(order, dialect="evolink"))
    ids = [handles.toapis(made.id), str(made.id), handles.gmi(made.id), handles.gemini(made.id)]
    ids.append(handles.evolink(made.id, made.ticket))
    bodies = [parsed(door.ask("GET", f"{REQUESTS}/{name}")) for name in ids]
    assert all(body == bodies[0] for body in bodies)
    assert bodies[0]["model"] == FLASH.model
    assert bodies[0]["payload"] == {"prompt": "y", "aspect_ratio": "16:9"}
