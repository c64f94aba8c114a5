"""F12, its end: a store that stays away costs three attempts, and the customer nothing."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from config.parsing import S3Storage
from generations import delivery, endings
from generations.actions.claim import Claimed
from generations.attempts import Trail
from generations.delivery import Harvest
from generations.endings import Ended
from generations.spec import Image, Outcome, Size
from tests.cast import IMAGE
from tests.house import free_port
from tests.law.team import Team
from tests.upstreams.gemini import pictures

SIZE = Size("1K", "1:1", 256, 256, 1290)


@pytest.fixture
def nobody_stores(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A store at a port where nobody listens; half a second stands for the hundred of an attempt."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "access")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    monkeypatch.setattr(delivery, "STORE_SECONDS", 0.5)
    away = S3Storage("pictures", "kept", f"http://127.0.0.1:{free_port()}", "us-east-1", path_style=True)
    settings.EASEL = replace(settings.EASEL, storage=away)


def delivered(lease: Claimed) -> Ended | None:
    """What becomes of an attempt whose image was drawn and cannot be kept."""
    harvest = Harvest(lease, SIZE)

    async def deliver() -> Ended | None:
        await harvest.take(Outcome((Image(pictures.png(256, 256, 1), "image/png"),)))
        assert len(harvest.good) == 1
        return await endings.deliver(lease, harvest, Trail())

    return asyncio.run(deliver())


@pytest.mark.slow
@pytest.mark.usefixtures("nobody_stores")
def test_a_store_that_stays_away_fails_the_third_attempt_and_releases_the_hold(team: Team) -> None:
    generation = team.queued()
    for tries in (1, 2):
        assert delivered(team.claimed()) is None
        assert team.attempts(generation) == ["retried"] * tries
        assert team.wallet() == (10 * IMAGE, IMAGE)
        team.change(generation, "run_after = clock_timestamp()")
    ended = delivered(team.claimed())
    assert ended is not None
    assert (ended.state, ended.kind) == ("failed", "internal")
    assert team.attempts(generation) == ["retried", "retried", "failed"]
    assert team.state(generation) == "failed"
    assert team.wallet() == (10 * IMAGE, 0), "nothing was charged, nothing is held"
