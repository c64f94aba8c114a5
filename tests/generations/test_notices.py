"""What is told about a generation, for every door it can have come through."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID

import pytest

from generations import handles, notices
from generations.spec import Kind, Order, Report, State, Text, Turn, Usage
from runtime.ids import uuid7

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)


def report(**changes: object) -> Report:
    known: dict[str, object] = {
        "id": uuid7(), "ticket": "abcd1234", "organization": uuid7(), "mode": "test", "dialect": "openai",
        "state": State.CANCELLED, "order": Order(model="m", asked="m", prompt="a fox"), "created_at": NOW,
        "updated_at": NOW, "finished_at": NOW, "expires_at": None, "progress": 0, "estimated_seconds": 0,
        "unit_price": 30_000, "credits_per_dollar": 0, "tokens_held": 1290, "tokens": 0, "usage": Usage(),
    }  # fmt: skip
    return Report(**{**known, **changes})  # type: ignore[arg-type]


@pytest.mark.parametrize("door", ["evolink", "openai", "toapis", "gemini", "gmi"])
def test_the_task_id_is_one_that_its_door_understands(door: str) -> None:
    told = report(dialect=door)
    handle = handles.parse(notices.summary(told)["task_id"])
    assert handle is not None
    assert told.id == handle.id or handle.ticket == told.ticket


def test_a_cancelled_generation_cost_nothing_and_says_so() -> None:
    told = notices.summary(report(kind=Kind.CANCELLED, message="The task was cancelled."))
    assert (told["state"], told["tokens"], told["cost_usd"]) == ("cancelled", 0, "0")
    assert told["error"] == {"kind": "cancelled", "message": "The task was cancelled."}
    assert told["created_at"] == "2026-11-21T12:00:00.000Z"
    assert UUID(told["id"])


@pytest.mark.parametrize(
    "order, mode, silent",
    [
        (Order(model="m", asked="m", prompt="x test:webhook500 y"), "test", True),
        (Order(model="m", asked="m", prompt="x test:webhook500 y"), "live", False),
        (Order(model="m", asked="m", prompt="a fox"), "test", False),
        (
            Order(model="m", asked="m", prompt="", turns=(Turn("user", (Text("test:webhook500"),)),)),
            "test",
            True,
        ),
    ],
)
def test_the_magic_words_work_in_test_mode_only(order: Order, mode: str, silent: bool) -> None:
    assert notices._unreachable(report(order=order, mode=mode)) is silent
