"""System checks of what would lose or repeat work: the queue's numbers against our clocks (OP9)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django.apps import AppConfig
from django.conf import settings
from django.core.checks import CheckMessage, Error, register

from config.environment import Clocks

MARGIN = 20  # seconds for claiming, storing and finishing around the last call of a slice


@register()
def check_queue(app_configs: Sequence[AppConfig] | None, **_: Any) -> list[CheckMessage]:
    """The queue settings of this process; see `queue_problems`."""
    problems = queue_problems(settings.Q_CLUSTER, settings.EASEL)
    return [Error(sentence, id=f"easel.{code}") for code, sentence in problems]


def queue_problems(cluster: Mapping[str, Any], clocks: Clocks) -> list[tuple[str, str]]:
    """(code, sentence) for each number that would run a wake-up twice, for ever, or cut it short."""
    timeout, retry = cluster.get("timeout") or 0, cluster.get("retry") or 0
    longest = clocks.slice_seconds + clocks.attempt_seconds + MARGIN
    rules = {
        "Q001": (not timeout < retry, f"Q_CLUSTER retry ({retry} s) must be above timeout ({timeout} s)."),
        "Q002": (
            not (cluster.get("ack_failures") and cluster.get("max_attempts", 0) > 0),
            "Q_CLUSTER must set ack_failures and max_attempts, else a failing task comes back for ever.",
        ),
        "Q003": (
            not longest < timeout,
            f"Q_CLUSTER timeout ({timeout} s) must be above slice + attempt + {MARGIN} s ({longest:g} s): "
            "shorten EASEL_SLICE_SECONDS or EASEL_ATTEMPT_SECONDS.",
        ),
        "Q004": (
            cluster.get("save_limit") != -1,
            "Q_CLUSTER save_limit must be -1: any other value prunes the table with every task.",
        ),
    }
    return [(code, sentence) for code, (broken, sentence) in rules.items() if broken]
