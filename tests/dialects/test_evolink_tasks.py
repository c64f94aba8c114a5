"""EvoLink's door: the task as it is read and cancelled."""

from __future__ import annotations

from typing import Any

import pytest

from generations.dialects import DIALECTS
from generations.spec import Kind, Order, State
from tests.dialects.desk import FLASH, Caller, MemoryDesk, delivered, parsed, report

SUBMIT = "/v1/images/generations"
SEED = {"model": "gemini-2.5-flash-image", "prompt": "A cat playing in the grass"}
TASK = "task-unified-1763683747-q7w2e9rt"


@pytest.fixture
def desk() -> MemoryDesk:
    return MemoryDesk("evolink")


@pytest.fixture
def door(desk: MemoryDesk) -> Caller:
    return Caller(DIALECTS["evolink"], desk)


def stored(desk: MemoryDesk, **changes: Any) -> str:
    """A generation on the desk; gives its task id."""
    order = Order(model=FLASH.model, asked="nano-banana-beta", prompt="x", count=2)
    made = desk.keep(report(order, **changes))
    return f"task-unified-{(made.id.int >> 80) // 1000}-{made.ticket}"


# ---- the task --------------------------------------------------------------------------------


def test_a_running_task_tells_its_progress_and_the_time_left(desk: MemoryDesk, door: Caller) -> None:
    task_id = stored(desk, state=State.RUNNING, progress=40, estimated_seconds=20)
    answer = door.ask("GET", f"/v1/tasks/{task_id}")
    body = parsed(answer)
    assert (body["status"], body["progress"]) == ("processing", 40)
    assert body["task_info"] == {"can_cancel": True, "estimated_time": 20}
    assert answer.headers["Cache-Control"] == "no-store"


def test_a_completed_task_has_its_links_and_what_it_cost(desk: MemoryDesk, door: Caller) -> None:
    task_id = stored(desk)
    desk.keep(delivered(next(iter(desk.reports.values())), 2))
    body = parsed(door.ask("GET", f"/v1/tasks/{task_id}"))
    assert list(body) == [
        "created",
        "id",
        "model",
        "object",
        "progress",
        "results",
        "status",
        "task_info",
        "type",
        "usage",
    ]
    assert (body["id"], body["model"]) == (task_id, "nano-banana-beta")
    assert (body["status"], body["progress"], body["task_info"]) == ("completed", 100, {"can_cancel": False})
    assert [url.startswith("https://easel.example/i/") for url in body["results"]] == [True, True]
    assert body["usage"] == {
        "billing_rule": "per_call",
        "credits_reserved": 5.2632,
        "credits_used": 5.2632,
        "cost": {"credits": 5.2632, "usd": 0.0774, "cny": 0.52632},
        "user_group": "default",
    }


def test_fewer_images_than_asked_cost_less_than_reserved(desk: MemoryDesk, door: Caller) -> None:
    task_id = stored(desk)
    desk.keep(delivered(next(iter(desk.reports.values())), 1))
    usage = parsed(door.ask("GET", f"/v1/tasks/{task_id}"))["usage"]
    assert (usage["credits_reserved"], usage["credits_used"]) == (5.2632, 2.6316)


def test_a_blocked_task_is_failed_says_why_and_costs_nothing(desk: MemoryDesk, door: Caller) -> None:
    task_id = stored(desk, state=State.FAILED, kind=Kind.CONTENT_BLOCKED, message="Blocked at the prompt.")
    body = parsed(door.ask("GET", f"/v1/tasks/{task_id}"))
    error = body["error"]
    assert (body["status"], body["progress"]) == ("failed", 0)
    assert (error["code"], error["type"]) == ("content_policy_violation", "task_error")
    assert error["message"] == "Blocked at the prompt."
    assert "results" not in body
    assert body["usage"]["cost"] == {"credits": 0, "usd": 0, "cny": 0}


def test_a_cancelled_task_is_failed_with_request_cancelled(desk: MemoryDesk, door: Caller) -> None:
    task_id = stored(desk)
    answer = door.ask("POST", f"/v1/tasks/{task_id}/cancel")
    body = parsed(answer)
    assert (answer.status, body["status"]) == (200, "failed")
    assert body["error"]["code"] == "request_cancelled"
    assert body["task_info"] == {"can_cancel": False}
    assert parsed(door.ask("POST", f"/v1/tasks/{task_id}/cancel")) == body


def test_a_completed_task_cannot_be_cancelled(desk: MemoryDesk, door: Caller) -> None:
    task_id = stored(desk)
    desk.keep(delivered(next(iter(desk.reports.values())), 2))
    answer = door.ask("POST", f"/v1/tasks/{task_id}/cancel")
    assert (answer.status, parsed(answer)["error"]["code"]) == (409, "task_not_cancellable")


@pytest.mark.parametrize("path", ["/v1/tasks/{}", "/v1/tasks/{}/cancel"])
def test_an_id_of_no_known_form_is_a_400_and_an_unknown_one_a_404(door: Caller, path: str) -> None:
    method = "POST" if path.endswith("cancel") else "GET"
    bad = parsed(door.ask(method, path.format("job-17")))["error"]
    assert (bad["code"], bad["param"]) == ("invalid_task_id", "task_id")
    assert bad["message"] == "Invalid task ID format, must start with 'task-unified-'"
    unknown = door.ask(method, path.format(TASK))
    assert (unknown.status, parsed(unknown)["error"]["code"]) == (404, "task_not_found")


def test_another_doors_generation_is_read_by_its_own_id(desk: MemoryDesk, door: Caller) -> None:
    stored(desk, dialect="openai", credits_per_dollar=0)
    made = next(iter(desk.reports.values()))
    body = parsed(door.ask("GET", f"/v1/tasks/{made.id}"))
    assert (body["model"], body["status"]) == ("gemini-2.5-flash-image", "pending")
    assert body["id"].startswith("task-unified-")
    assert body["usage"]["credits_reserved"] == 5.2632


def test_the_model_list_tells_aliases_sizes_and_qualities(door: Caller) -> None:
    listing = parsed(door.ask("GET", "/v1/models"))
    flash = listing["data"][0]
    assert listing["object"] == "list"
    assert (flash["id"], flash["aliases"]) == ("gemini-2.5-flash-image", ["nano-banana-beta"])
    assert flash["sizes"][:2] == ["auto", "1:1"]
    assert flash["qualities"] == ["1K"]
