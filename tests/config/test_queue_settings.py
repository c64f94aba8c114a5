"""OP9: a queue whose numbers would run work twice or for ever does not start."""

from typing import Any

import pytest

from config.checks import queue_problems
from config.environment import Clocks

GOOD: dict[str, Any] = {
    "timeout": 200,
    "retry": 240,
    "ack_failures": True,
    "max_attempts": 1,
    "save_limit": -1,
}


def codes(clocks: Clocks | None = None, **changes: Any) -> list[str]:
    return [code for code, _ in queue_problems({**GOOD, **changes}, clocks or Clocks())]


def test_the_numbers_of_the_design_pass() -> None:
    assert codes() == []


@pytest.mark.parametrize("retry", [200, 199, None])
def test_a_retry_at_or_below_the_timeout_is_refused(retry: int | None) -> None:
    assert codes(retry=retry) == ["Q001"]


@pytest.mark.parametrize("change", [{"ack_failures": False}, {"max_attempts": 0}])
def test_endless_attempts_are_refused(change: dict[str, Any]) -> None:
    assert codes(**change) == ["Q002"]


def test_a_timeout_that_cuts_the_last_call_of_a_slice_short_is_refused() -> None:
    assert codes(Clocks(slice_seconds=90)) == ["Q003"]
    assert codes(timeout=170) == ["Q003"]


def test_no_timeout_at_all_is_refused() -> None:
    assert codes(timeout=None) == ["Q003"]
