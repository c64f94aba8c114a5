"""J3: a wake-up that comes twice, or two at once, runs nothing twice."""

from __future__ import annotations

from uuid import UUID

import psycopg
import pytest

from tests.faults.backlog import queue_up
from tests.faults.ground import Customer, Ground
from tests.faults.proof import prove, prove_calls
from tests.upstreams.gemini import pictures

MANY = 1000
MESSAGE = "SELECT payload FROM django_q_ormq ORDER BY id DESC LIMIT 1"
PUT = "INSERT INTO django_q_ormq (key, payload, lock) VALUES (%s, %s, clock_timestamp())"


@pytest.fixture(scope="module")
def pattern(ground: Ground) -> UUID:
    """A generation that went the whole way, with two clusters and no janitor: nobody wakes them but
    the test."""
    web = ground.web()
    for name in ("easel-1", "easel-2"):
        ground.cluster(name)
    made = Customer.with_credit().submit(web, "a pattern")
    ground.until(lambda: ground.state(made) == "succeeded")
    return made


@pytest.fixture(scope="module")
def message(ground: Ground, pattern: UUID) -> str:
    """A wake-up as django-q2 writes it, that nobody has read."""
    from django.db import transaction

    from generations import wakeups
    from runtime import queue

    with transaction.atomic():
        queue.put(wakeups.DRAIN, "nobody")
    payload: str = ground.one(MESSAGE)
    ground.run("DELETE FROM django_q_ormq WHERE key = 'nobody'")
    return payload


def deliver(
    ground: Ground, pattern: UUID, prompts: list[str], message: str, clusters: list[str]
) -> list[UUID]:
    """Work and wake-ups become visible in one commit."""
    with psycopg.connect(ground.admin_url) as admin:
        made = queue_up(admin, pattern, prompts)
        for cluster in clusters:
            admin.execute(PUT, (cluster, message))
    return made


@pytest.mark.parametrize(
    "clusters",
    [["easel-1", "easel-1"], ["easel-1", "easel-2"], ["easel-1", "easel-2"] * 4],
    ids=["the same message twice", "two clusters woken at once", "eight messages"],
)
def test_work_is_called_for_and_charged_once_however_often_it_is_woken(
    ground: Ground, pattern: UUID, message: str, clusters: list[str], trial: int
) -> None:
    prompts = [f"{clusters} {trial} {number}" for number in range(4)]
    made = deliver(ground, pattern, prompts, message, clusters)
    ground.until(lambda: ground.live() == 0)
    assert [ground.calls(prompt) for prompt in prompts] == [1] * 4
    assert [ground.entries(one) for one in made] == [["hold", "settle"]] * 4
    prove(ground)


@pytest.mark.timeout(180)
def test_of_a_thousand_generations_on_two_clusters_none_is_called_twice(
    ground: Ground, pattern: UUID, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn = pictures.png(1024, 1024, 1)
    monkeypatch.setattr(pictures, "png", lambda *_, **__: drawn)  # drawing a thousand is not the point
    prompts = [f"one of a thousand: {number}" for number in range(MANY)]
    deliver(ground, pattern, prompts, message, ["easel-1", "easel-2"])
    ground.until(lambda: ground.live() == 0, seconds=150)
    assert [ground.calls(prompt) for prompt in prompts] == [1] * MANY
    owners = "SELECT count(DISTINCT split_part(owner, ':', 2)) FROM generations_attempt"
    assert ground.one(owners) > 1, "both clusters took part"
    prove(ground)
    prove_calls(ground)
