"""OpenAI's door: the progress of any generation as server-sent events."""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest

from generations.spec import Kind, Report, State
from tests.dialects.desk import MemoryDesk, delivered
from tests.dialects.openai_caller import Caller, begun, events

FLASH_ID = UUID("019aa1b2-c3d4-7abc-8def-000000000000")


class Moving(MemoryDesk):
    """Each look finds the generation further on."""

    steps: list[dict[str, Any]] = []

    async def report(self, generation: Any) -> Report:
        found = await super().report(generation)
        return self.keep(replace(found, **self.steps.pop(0)))


def listen(path: str, *steps: dict[str, Any]) -> list[tuple[str, Any]]:
    desk = Moving("openai")
    desk.steps = [{}, *steps]
    desk.keep(begun())
    return events(Caller(desk).ask("GET", path, headers={"accept": "text/event-stream"}).body)


def test_who_accepts_events_is_told_how_far_a_generation_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("generations.dialects.openai.progress.PAUSE_SECONDS", 0)
    running = {"state": State.RUNNING, "progress": 40}
    done = {"state": State.FAILED, "kind": Kind.NO_IMAGE, "progress": 40}
    told = listen(f"/v1/generations/{begun().id}", running, done)
    assert [name for name, _ in told] == ["generation.progress", "generation.progress", "generation.failed"]
    assert [data["status"] for _, data in told] == ["queued", "in_progress", "failed"]
    assert [data["progress"] for _, data in told] == [0, 40, 40]
    assert {data["id"] for _, data in told} == {str(begun().id)}


def test_a_final_generation_is_one_event_and_an_endless_one_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("generations.dialects.openai.progress.PAUSE_SECONDS", 0)
    monkeypatch.setattr("generations.dialects.openai.progress.LOOKS", 2)
    desk = MemoryDesk("openai")
    final, endless = delivered(begun(), 1), replace(begun(), id=FLASH_ID)
    for made, names in ((final, ["generation.completed"]), (endless, ["generation.progress"] * 3)):
        desk.keep(made)
        answer = Caller(desk).ask(
            "GET", f"/v1/generations/{made.id}", headers={"accept": "text/event-stream"}
        )
        assert [name for name, _ in events(answer.body)] == names
