"""EvoLink's door: lists and batches of tasks, credits, and what a callback sends."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from generations.dialect import Answer
from generations.dialects.evolink.task import callback_body
from generations.spec import Balance, Kind, Report, State
from tests.dialects.desk import FLASH, NOW, PRO, MemoryDesk, delivered, parsed
from tests.dialects.evolink_caller import EvolinkCaller, error, stored

TASKS = "/v1/tasks"
FIRST = UUID("019aa1b2-c3d4-7abc-8def-000000000000")


@pytest.fixture
def desk() -> MemoryDesk:
    return MemoryDesk("evolink")


@pytest.fixture
def door(desk: MemoryDesk) -> EvolinkCaller:
    return EvolinkCaller(desk)


def numbered(desk: MemoryDesk, number: int, **changes: Any) -> Report:
    """Another generation, younger than those with a smaller number."""
    return stored(desk, id=UUID(int=FIRST.int + number), ticket=f"ticket{number:02d}", **changes)


@pytest.fixture
def all_states(desk: MemoryDesk) -> dict[State, Report]:
    return {
        State.QUEUED: numbered(desk, 1),
        State.RUNNING: numbered(desk, 2, state=State.RUNNING, progress=40),
        State.SUCCEEDED: desk.keep(delivered(numbered(desk, 3), 2)),
        State.FAILED: numbered(desk, 4, state=State.FAILED, kind=Kind.NO_IMAGE),
        State.CANCELLED: numbered(desk, 5, state=State.CANCELLED, kind=Kind.CANCELLED),
    }


def task_ids(answer: Answer) -> list[str]:
    return [item["id"] for item in parsed(answer)["data"]]


def task_id(report: Report) -> str:
    return f"task-unified-{(report.id.int >> 80) // 1000}-{report.ticket}"


# ---- the list --------------------------------------------------------------------------------


def test_the_list_is_as_documented_newest_first_and_without_links(
    door: EvolinkCaller, all_states: dict[State, Report]
) -> None:
    answer = door.read(TASKS)
    body = parsed(answer)
    assert list(body) == ["data", "total", "page", "page_size"]
    assert (body["total"], body["page"], body["page_size"]) == (5, 1, 20)
    assert task_ids(answer) == [task_id(made) for made in reversed(all_states.values())]
    assert answer.headers["Cache-Control"] == "no-store"
    assert list(body["data"][2].items()) == [
        ("id", task_id(all_states[State.SUCCEEDED])),
        ("model", "nano-banana-beta"),
        ("type", "image"),
        ("status", "completed"),
        ("progress", 100),
        ("created_at", 1795176000),
        ("has_results", True),
        ("result_count", 2),
        ("has_error", False),
        ("credits_used", 5.2632),
    ]
    assert "easel.example" not in answer.content().decode()


@pytest.mark.parametrize(
    "state, status, progress, has_error, used",
    [
        (State.QUEUED, "pending", 0, False, 0),
        (State.RUNNING, "processing", 40, False, 0),
        (State.SUCCEEDED, "completed", 100, False, 5.2632),
        (State.FAILED, "failed", 0, True, 0),
        (State.CANCELLED, "cancelled", 0, True, 0),
    ],
)
def test_each_state_has_its_line(
    door: EvolinkCaller, all_states: dict[State, Report],
    state: State, status: str, progress: int, has_error: bool, used: float,
) -> None:  # fmt: skip
    (line,) = [i for i in parsed(door.read(TASKS))["data"] if i["id"] == task_id(all_states[state])]
    assert (line["status"], line["progress"]) == (status, progress)
    assert (line["has_error"], line["has_results"]) == (has_error, state is State.SUCCEEDED)
    assert line["credits_used"] == used


@pytest.mark.parametrize(
    "status, states",
    [
        ("", list(State)),
        ("pending", [State.QUEUED]),
        ("processing", [State.QUEUED, State.RUNNING]),
        ("completed", [State.SUCCEEDED]),
        ("failed", [State.FAILED]),
        ("cancelled", [State.CANCELLED]),
    ],
)
def test_the_status_filters_and_processing_includes_what_is_queued(
    door: EvolinkCaller, all_states: dict[State, Report], status: str, states: list[State]
) -> None:
    answer = door.read(TASKS, status=status)
    assert sorted(task_ids(answer)) == sorted(task_id(all_states[state]) for state in states)
    assert parsed(answer)["total"] == len(states)


@pytest.mark.parametrize("kind, total", [("image", 5), ("video", 0), ("audio", 0), ("text", 0)])
def test_the_type_filters(
    door: EvolinkCaller, all_states: dict[State, Report], kind: str, total: int
) -> None:
    body = parsed(door.read(TASKS, type=kind))
    assert (len(body["data"]), body["total"]) == (total, total)


def test_the_model_filters_by_any_of_its_names(door: EvolinkCaller, desk: MemoryDesk) -> None:
    flash = numbered(desk, 1)
    pro = numbered(desk, 2, order=replace(flash.order, model=PRO.model, asked=PRO.names[1]))
    assert task_ids(door.read(TASKS, model="gemini-3-pro-image-preview")) == [task_id(pro)]
    assert task_ids(door.read(TASKS, model=PRO.model)) == [task_id(pro)]
    assert task_ids(door.read(TASKS, model="nano-banana-beta")) == [task_id(flash)]
    assert parsed(door.read(TASKS, model="no-such-model")) == {
        "data": [], "total": 0, "page": 1, "page_size": 20,
    }  # fmt: skip


def test_pages_follow_each_other(door: EvolinkCaller, all_states: dict[State, Report]) -> None:
    newest = [task_id(made) for made in reversed(all_states.values())]
    pages = [door.read(TASKS, page=str(page), page_size="2") for page in (1, 2, 3, 4)]
    assert [task_ids(page) for page in pages] == [newest[:2], newest[2:4], newest[4:], []]
    assert [(parsed(page)["total"], parsed(page)["page_size"]) for page in pages] == [(5, 2)] * 4


@pytest.mark.parametrize("field, most", [("page", 10_000), ("page_size", 100)])
def test_a_page_has_its_bounds(door: EvolinkCaller, field: str, most: int) -> None:
    for good in ("1", str(most)):
        assert door.read(TASKS, **{field: good}).status == 200
    for wrong in ("0", str(most + 1), "-1", "1.5", "", "x", "9" * 30, "\u0661"):
        answer = door.read(TASKS, **{field: wrong})
        assert (answer.status, error(answer)["param"]) == (400, field)


@pytest.mark.parametrize("field", ["status", "type"])
def test_an_unknown_word_is_refused_with_the_known_ones(door: EvolinkCaller, field: str) -> None:
    answer = door.read(TASKS, **{field: "done"})
    told = error(answer)
    assert (answer.status, told["code"], told["param"]) == (400, "invalid_request", field)
    assert "must be one of" in told["message"]


def test_another_doors_tasks_are_listed_at_this_doors_rate(door: EvolinkCaller, desk: MemoryDesk) -> None:
    made = numbered(desk, 1, dialect="openai", credits_per_dollar=0)
    desk.keep(delivered(made, 2))
    (line,) = parsed(door.read(TASKS))["data"]
    assert (line["model"], line["credits_used"]) == (FLASH.model, 5.2632)


# ---- the batch -------------------------------------------------------------------------------


def test_a_batch_answers_the_known_tasks_in_their_order(
    door: EvolinkCaller, all_states: dict[State, Report]
) -> None:
    wanted = [task_id(all_states[State.SUCCEEDED]), task_id(all_states[State.QUEUED])]
    unknown = ["task-unified-1763683747-zzzzzzzz", "job-17", ""]
    answer = door.ask("POST", f"{TASKS}/batch", {"task_ids": [wanted[0], *unknown, wanted[1]]})
    assert (answer.status, list(parsed(answer))) == (200, ["data"])
    assert task_ids(answer) == wanted
    assert parsed(answer)["data"] == [parsed(door.read(f"{TASKS}/{one}")) for one in wanted]


def test_an_id_that_is_named_twice_is_answered_once(
    door: EvolinkCaller, all_states: dict[State, Report]
) -> None:
    made = all_states[State.RUNNING]
    names = [task_id(made), str(made.id), task_id(made)]
    assert task_ids(door.ask("POST", f"{TASKS}/batch", {"task_ids": names})) == [task_id(made)]


def test_fifty_ids_pass_and_fifty_one_do_not(door: EvolinkCaller) -> None:
    names = [f"task-unified-1763683747-zzzzzz{number:02d}" for number in range(51)]
    assert parsed(door.ask("POST", f"{TASKS}/batch", {"task_ids": names[:50]})) == {"data": []}
    told = error(door.ask("POST", f"{TASKS}/batch", {"task_ids": names}))
    assert (told["code"], told["param"]) == ("invalid_request", "task_ids")


@pytest.mark.parametrize("ids", [None, "task-1", {}, [1], [None], [["x"]], 7])
def test_a_batch_of_no_ids_is_refused(door: EvolinkCaller, ids: Any) -> None:
    answer = door.ask("POST", f"{TASKS}/batch", {"task_ids": ids})
    assert (answer.status, error(answer)["param"]) == (400, "task_ids")


# ---- credits ---------------------------------------------------------------------------------


def test_a_key_without_a_budget_has_what_the_wallet_has(door: EvolinkCaller, desk: MemoryDesk) -> None:
    desk.money = Balance(10**10, 25 * 10**8, "a key", None, 38_700_000)
    answer = door.read("/v1/credits")
    assert answer.headers["Cache-Control"] == "no-store"
    assert list(parsed(answer).items()) == [
        (
            "data",
            {
                "token": {"remaining_credits": 680, "unlimited_credits": True, "used_credits": 2.6316},
                "user": {"remaining_credits": 680, "used_credits": 170},
            },
        ),
        ("message", ""),
        ("success", True),
    ]


@pytest.mark.parametrize("used, left", [(38_700_000, 65.3684), (10**9, 0), (2 * 10**9, 0)])
def test_a_key_with_a_budget_has_what_is_left_of_it(
    door: EvolinkCaller, desk: MemoryDesk, used: int, left: float
) -> None:
    desk.money = Balance(10**10, 0, "a key", 10**9, used)
    token = parsed(door.read("/v1/credits"))["data"]["token"]
    assert (token["remaining_credits"], token["unlimited_credits"]) == (left, False)


# ---- the callback ----------------------------------------------------------------------------


@pytest.mark.parametrize("state", [State.SUCCEEDED, State.FAILED, State.CANCELLED])
def test_a_callback_sends_byte_for_byte_what_a_query_answers(
    door: EvolinkCaller, all_states: dict[State, Report], state: State
) -> None:
    made = all_states[state]
    asked = door.read(f"{TASKS}/{task_id(made)}")
    assert Answer(200, callback_body(made)).content() == asked.content()


@pytest.mark.parametrize(
    "state, status, code",
    [
        (State.QUEUED, "pending", None),
        (State.RUNNING, "processing", None),
        (State.SUCCEEDED, "completed", None),
        (State.FAILED, "failed", "generation_failed_no_content"),
        (State.CANCELLED, "failed", "request_cancelled"),
    ],
)
def test_each_state_has_its_task_body(
    door: EvolinkCaller, all_states: dict[State, Report], state: State, status: str, code: str | None
) -> None:
    body = parsed(door.read(f"{TASKS}/{task_id(all_states[state])}"))
    assert body["status"] == status
    assert body.get("error", {}).get("code") == code
    assert body["task_info"]["can_cancel"] is not state.final
    assert ("estimated_time" in body["task_info"]) is not state.final
    assert ("results" in body) is (state is State.SUCCEEDED)
    assert ("credits_used" in body["usage"]) is state.final


def test_the_time_a_task_was_made_is_in_unix_seconds(door: EvolinkCaller, desk: MemoryDesk) -> None:
    made = stored(desk, created_at=NOW + timedelta(seconds=7))
    assert parsed(door.read(f"{TASKS}/{made.id}"))["created"] == 1795176007
