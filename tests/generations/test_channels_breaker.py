"""A channel that fails rests, others serve instead, and no channel is called more than it may be."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from generations import channels
from generations.channels import Choice, Full, NoChannel, NotNow, breaker
from generations.channels.budget import FLOOR, Budget
from generations.errors import ProviderError
from generations.models import ChannelModel
from generations.spec import Kind, Usage
from runtime.clock import DatabaseNow
from tests.generations.channel_rows import FLASH, channel

pytestmark = pytest.mark.usefixtures("tell")

DOWN = ProviderError(Kind.UPSTREAM_ERROR, "503", retryable=True)


@pytest.fixture(autouse=True)
def _anew() -> None:
    breaker._windows.clear()
    breaker._probed.clear()


def choose(**how: object) -> Choice:
    return channels.choose(FLASH, "live", **how)  # type: ignore[arg-type]


def count(choice: Choice, calls: int, error: ProviderError | None = None) -> None:
    """So many calls of a channel have ended."""
    assert choice.served
    for _ in range(calls):
        if write := breaker.verdict(choice.served.link, choice.probe, error):
            write()


def is_open(name: str) -> bool:
    return ChannelModel.objects.get(channel__name=name).opened_at is not None


def a_second_passes() -> None:
    """For the probes: since the last one."""
    breaker._probed.clear()
    ChannelModel.objects.filter(opened_at__isnull=False).update(
        probed_at=DatabaseNow() - timedelta(seconds=1.5)
    )


# ---- opening -----------------------------------------------------------------------------------


def test_it_opens_when_half_of_twenty_calls_failed() -> None:
    channel("real")
    choice = choose()
    count(choice, 10)
    count(choice, 9, DOWN)
    assert not is_open("real")
    count(choice, 1, DOWN)
    assert is_open("real")


def test_it_stays_closed_while_most_calls_go_well() -> None:
    channel("real")
    choice = choose()
    count(choice, 30)
    count(choice, 20, DOWN)
    assert not is_open("real")


@pytest.mark.parametrize(
    "error",
    [
        ProviderError(Kind.RATE_LIMITED, "429", retryable=True, waits=True),
        ProviderError(Kind.BAD_REQUEST, "400"),
        ProviderError(Kind.UPSTREAM_ERROR, "no JSON", retryable=True, garbled=True),
    ],
    ids=lambda error: error.detail,
)
def test_what_says_nothing_about_the_upstreams_health_opens_nothing(error: ProviderError) -> None:
    channel("real")
    count(choose(), 100, error)
    assert not is_open("real")


def test_calls_of_eleven_seconds_ago_are_forgotten() -> None:
    window = breaker.Window()
    for second in range(19):
        window.add(failed=True, now=100 + second / 19)
    window.add(failed=True, now=111.5)
    assert not window.broken
    for _ in range(19):
        window.add(failed=True, now=112)
    assert window.broken


# ---- while it is open --------------------------------------------------------------------------


def broken(name: str) -> None:
    count(choose(), 20, DOWN)
    assert is_open(name)


def test_while_it_is_open_the_next_channel_serves() -> None:
    channel("first", priority=5)
    channel("second")
    broken("first")
    assert {choose().name for _ in range(20)} == {"second"}


def test_when_all_are_open_work_waits_and_spends_no_try() -> None:
    channel("real")
    broken("real")
    with pytest.raises(NotNow) as caught:
        choose()
    assert (caught.value.kind, caught.value.waits, caught.value.retryable) == (Kind.OVERLOADED, True, True)
    assert caught.value.retry_after


def test_another_model_of_the_channel_is_not_concerned() -> None:
    channel("real", models=(FLASH, "gemini-3-pro-image"))
    count(choose(), 20, DOWN)
    assert channels.choose("gemini-3-pro-image", "live").name == "real"


def test_one_call_a_second_asks_whether_it_is_well() -> None:
    channel("first", priority=5)
    channel("second")
    broken("first")
    a_second_passes()
    chosen = [choose() for _ in range(10)]
    assert [(choice.name, choice.probe) for choice in chosen].count(("first", True)) == 1
    assert {choice.name for choice in chosen if not choice.probe} == {"second"}


def test_a_probe_that_goes_well_closes_it_and_one_that_fails_does_not() -> None:
    channel("real")
    broken("real")
    a_second_passes()
    count(choose(), 1, DOWN)
    assert is_open("real")
    a_second_passes()
    count(choose(), 1)
    assert not is_open("real")
    assert not choose().probe


def test_a_restart_of_the_programs_closes_it() -> None:
    channel("real")
    broken("real")
    ChannelModel.objects.update(opened_at=None, probed_at=None)
    channels.refresh()
    assert choose().name == "real"


def test_from_the_event_loop_it_is_chosen_without_the_database_where_nothing_is_open() -> None:
    channel("real")
    assert channels.choose_quickly(FLASH, "live") is None, "nothing is read yet"
    choose()
    quick = channels.choose_quickly(FLASH, "live")
    assert quick is not None
    assert quick.name == "real"
    broken("real")
    channels.rows.current()
    assert channels.choose_quickly(FLASH, "live") is None, "a probe has to be taken in the database"


# ---- failing over --------------------------------------------------------------------------------


def test_a_channel_that_failed_a_generation_is_not_asked_again_while_there_are_others() -> None:
    channel("first", priority=5)
    channel("second")
    assert choose(failed={"first"}).name == "second"
    with pytest.raises(NoChannel):
        choose(failed={"first", "second"})
    assert not channels.may_retry(FLASH, "live", {"first", "second"})
    assert channels.may_retry(FLASH, "live", {"first"})


def test_the_only_channel_may_be_tried_in_a_later_attempt() -> None:
    channel("real")
    assert choose(failed={"real"}).name == "real"
    assert channels.may_retry(FLASH, "live", {"real"})
    with pytest.raises(NoChannel):
        choose(exclude={"real"})


def test_nobody_retries_where_nothing_serves() -> None:
    channel("real", enabled=False)
    assert not channels.may_retry(FLASH, "live", set())


# ---- calls at once -------------------------------------------------------------------------------


def test_a_channel_has_no_more_calls_at_once_than_it_may() -> None:
    channel("narrow", concurrency=2, priority=5)
    channel("wide")
    taken = [choose() for _ in range(2)]
    for choice in taken:
        channels.enter(choice)
    assert choose().name == "wide"
    with pytest.raises(Full):
        channels.enter(taken[0])
    for choice in taken:
        channels.leave(choice)
    assert choose().name == "narrow"


def test_where_all_are_full_work_waits_and_spends_no_try() -> None:
    channel("narrow", concurrency=1)
    choice = choose()
    channels.enter(choice)
    with pytest.raises(Full) as caught:
        choose()
    assert (caught.value.kind, caught.value.waits) == (Kind.OVERLOADED, True)
    channels.leave(choice)


# ---- retries and costs -----------------------------------------------------------------------------


def test_retries_are_a_tenth_of_the_calls_beyond_the_floor() -> None:
    budget = Budget()
    spent = sum(budget.spend() for _ in range(100))
    assert spent == FLOOR
    for _ in range(50):
        budget.called()
    assert sum(budget.spend() for _ in range(100)) in (5, 6)


def test_what_a_call_costs_us_is_known_where_its_rates_are() -> None:
    channel("real")
    ChannelModel.objects.update(input_cost=300, image_cost=30_000)
    channels.refresh()
    served = choose().served
    assert served
    assert served.cost(Usage(prompt=10, output_images=1290)) == 3_000 + 38_700_000
    assert served.cost(Usage(prompt=10, output_images=1290, text=4)) is None


def test_an_outcome_is_counted_from_async_code_too() -> None:
    asyncio.run(channels.ended(channels.choose(FLASH, "test")))
