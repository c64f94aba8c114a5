"""ToAPIs' door: the task object in every state, by the ids of every door."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from generations import handles
from generations.dialects.toapis import ToApis
from generations.spec import Kind, Order, State
from tests.dialects.desk import FLASH, ORGANIZATION, Caller, MemoryDesk, delivered, parsed, report

SUBMIT = "/v1/images/generations"
MODEL = "gemini-2.5-flash-image-official"


@pytest.fixture
def desk() -> MemoryDesk:
    return MemoryDesk("toapis", models=(replace(FLASH, names=(MODEL,), credits_per_dollar=200),))


@pytest.fixture
def door(desk: MemoryDesk) -> Caller:
    return Caller(ToApis(), desk)


def stored(desk: MemoryDesk, **changes: Any) -> str:
    """A generation on the desk; gives its task id."""
    order = Order(model=FLASH.model, asked=MODEL, prompt="x")
    made = desk.keep(report(order, **{"dialect": "toapis", "credits_per_dollar": 200} | changes))
    return handles.toapis(made.id)


def task(door: Caller, task_id: str) -> dict[str, Any]:
    body: dict[str, Any] = parsed(door.ask("GET", f"{SUBMIT}/{task_id}"))
    return body


def test_a_running_task_tells_its_progress_and_no_more(desk: MemoryDesk, door: Caller) -> None:
    body = task(door, stored(desk, state=State.RUNNING, progress=50))
    assert list(body) == ["id", "object", "model", "status", "progress", "created_at"]
    assert (body["status"], body["progress"]) == ("in_progress", 50)


def test_a_completed_task_has_its_link_in_both_places_and_its_price(desk: MemoryDesk, door: Caller) -> None:
    task_id = stored(desk)
    made = desk.keep(delivered(next(iter(desk.reports.values())), 1))
    body = task(door, task_id)
    assert list(body) == [
        *("id", "object", "model", "status", "progress", "created_at", "completed_at", "expires_at"),
        *("url", "result", "billing", "metadata"),
    ]
    assert (body["id"], body["status"], body["progress"]) == (task_id, "completed", 100)
    assert body["expires_at"] == body["completed_at"] + 86400
    assert body["url"] == made.images[0].url
    assert body["result"] == {"type": "image", "data": [{"url": made.images[0].url}]}
    assert body["billing"] == {"status": "settled", "credits": "7.74", "cost_usd": "0.0387"}
    assert body["metadata"] == {}


@pytest.mark.parametrize(
    "state, kind, code",
    [
        (State.FAILED, Kind.CONTENT_BLOCKED, "content_policy_violation"),
        (State.FAILED, Kind.UPSTREAM_TIMEOUT, "timeout"),
        (State.FAILED, Kind.NO_IMAGE, "generation_failed"),
        (State.FAILED, Kind.UPSTREAM_ERROR, "generation_failed"),
        (State.CANCELLED, Kind.CANCELLED, "generation_failed"),
    ],
)
def test_what_brought_no_image_is_failed_says_why_and_is_refunded(
    desk: MemoryDesk, door: Caller, state: State, kind: Kind, code: str
) -> None:
    body = task(door, stored(desk, state=state, kind=kind, message="What happened."))
    assert list(body)[-2:] == ["error", "billing"]
    assert (body["status"], body["progress"]) == ("failed", 0)
    assert body["error"] == {"code": code, "message": "What happened."}
    assert body["billing"] == {"status": "refunded", "credits": "0", "cost_usd": "0"}


def test_images_no_longer_kept_have_no_links(desk: MemoryDesk, door: Caller) -> None:
    task_id = stored(desk)
    desk.keep(replace(delivered(next(iter(desk.reports.values())), 1), images=()))
    body = task(door, task_id)
    assert "url" not in body
    assert body["result"]["data"] == []


@pytest.mark.parametrize("task_id", ["task_img_" + "0" * 24, "job-17", str(ORGANIZATION)])
def test_an_unknown_id_and_one_of_no_known_form_are_the_same_404(door: Caller, task_id: str) -> None:
    answer = door.ask("GET", f"{SUBMIT}/{task_id}")
    assert answer.status == 404
    error = {"code": 404, "message": "Task not found", "type": "not_found_error"}
    assert parsed(answer) == {"error": error}


def test_a_generation_is_read_by_the_ids_of_every_door(desk: MemoryDesk, door: Caller) -> None:
    task_id = stored(desk, dialect="openai", credits_per_dollar=0)
    made = desk.keep(delivered(next(iter(desk.reports.values())), 1))
    ids = [
        *(task_id, str(made.id), handles.gmi(made.id), handles.gemini(made.id)),
        handles.evolink(made.id, made.ticket),
    ]
    bodies = [task(door, name) for name in ids]
    assert all(body == bodies[0] for body in bodies)
    assert (bodies[0]["id"], bodies[0]["model"]) == (task_id, FLASH.model)
    assert bodies[0]["billing"]["credits"] == "7.74"
