"""Which channel draws: the environment's, the operators', and when the sandbox may."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import replace
from typing import Any

import pytest
from django.db import connection

from generations import channels
from generations.channels import NoChannel, OwnOrigin
from generations.models import Channel, ChannelModel
from generations.provider import Account
from generations.providers.gemini import Gemini
from generations.providers.sandbox import Sandbox
from generations.spec import Kind
from tests.generations.channel_rows import FLASH, SECRET, Tell, channel
from tests.upstreams.gemini.vertex import PROJECT, credential

pytestmark = pytest.mark.usefixtures("tell")


def environments(name: str = "gemini") -> Channel:
    return Channel.objects.get(name=f"{name}-environment")


# ---- the sandbox -----------------------------------------------------------------------------


def test_test_keys_always_draw_in_the_sandbox(tell: Tell) -> None:
    channel("real")
    tell(env="production")
    assert channels.choose(FLASH, "test").provider == "sandbox"


def test_live_keys_reach_the_sandbox_while_there_is_nothing_else() -> None:
    choice = channels.choose(FLASH, "live")
    assert (choice.name, choice.provider, choice.upstream_model) == ("sandbox", "sandbox", FLASH)


def test_in_production_live_keys_never_reach_the_sandbox(tell: Tell) -> None:
    tell(env="production")
    with pytest.raises(NoChannel) as caught:
        channels.choose(FLASH, "live")
    assert caught.value.kind is Kind.MISCONFIGURED


@pytest.mark.parametrize(
    "fields",
    [
        {"enabled": False},
        {"health": "misconfigured"},
        {"health": "broken"},
        {"weight": 0},
        {"models": ("gemini-3-pro-image",)},
        {"credential": "not under our keys"},
        {"base_url": "http://127.0.0.1:8000/gemini"},
    ],
    ids=str,
)
def test_a_channel_that_cannot_serve_is_no_reason_for_a_sandbox_picture(fields: dict[str, Any]) -> None:
    channel("real", **fields)
    with pytest.raises(NoChannel):
        channels.choose(FLASH, "live")


def test_the_sandbox_is_no_failover() -> None:
    channel("real")
    with pytest.raises(NoChannel, match="has failed"):
        channels.choose(FLASH, "live", exclude=["real"])


# ---- choosing --------------------------------------------------------------------------------


def test_a_choice_carries_the_account_and_the_upstreams_own_model_id() -> None:
    channel("real", base_url="https://upstream.example")
    choice = channels.choose(FLASH, "live")
    assert (choice.name, choice.provider, choice.upstream_model) == ("real", "gemini", f"real/{FLASH}")
    assert choice.account == Account("real", "https://upstream.example", SECRET)


def test_no_secret_is_in_a_repr_or_in_the_table_as_it_is() -> None:
    channel("real")
    assert SECRET not in repr(channels.choose(FLASH, "live"))
    with connection.cursor() as cursor:
        cursor.execute("SELECT generations_channel::text FROM generations_channel")
        assert SECRET not in str(cursor.fetchall())


def test_the_highest_priority_goes_first_and_the_next_when_it_failed() -> None:
    channel("second", priority=1)
    channel("first", priority=5)
    assert {channels.choose(FLASH, "live").name for _ in range(20)} == {"first"}
    assert channels.choose(FLASH, "live", exclude=["first"]).name == "second"


def test_equals_share_by_weight() -> None:
    channel("heavy", weight=9)
    channel("light", weight=1)
    drawn = Counter(channels.choose(FLASH, "live").name for _ in range(500))
    assert drawn["heavy"] > 3 * drawn["light"] > 0


def test_a_misconfigured_channel_is_out_with_its_reason_until_it_is_mended() -> None:
    channel("real")
    channels.mark_misconfigured("real", "404: no such model")
    row = Channel.objects.get(name="real")
    assert (row.health, row.last_error) == ("misconfigured", "404: no such model")
    assert row.last_error_at is not None
    with pytest.raises(NoChannel):
        channels.choose(FLASH, "live")


def test_the_sandbox_cannot_be_taken_out_of_service() -> None:
    channels.mark_misconfigured("sandbox", "test:error=misconfigured")
    assert channels.choose(FLASH, "test").provider == "sandbox"
    assert channels.choose(FLASH, "live").provider == "sandbox"


# ---- the environment -------------------------------------------------------------------------


def test_a_key_in_the_environment_makes_a_channel_for_all_gemini_models(tell: Tell) -> None:
    tell(gemini_api_key=SECRET, gemini_base_url="https://upstream.example")
    channels.sync_environment()
    channels.sync_environment()
    row = environments()
    assert (row.provider, row.enabled, row.health) == ("gemini", True, "healthy")
    assert ChannelModel.objects.filter(channel=row).count() == 4
    choice = channels.choose(FLASH, "live")
    assert (choice.upstream_model, choice.account.api_key) == (FLASH, SECRET)
    assert choice.account.base_url == "https://upstream.example"


def test_an_openai_key_makes_a_channel_for_all_models_that_goes_after_the_others(tell: Tell) -> None:
    tell(openai_api_key=SECRET, openai_base_url="https://relay.example/v1")
    channels.sync_environment()
    choice = channels.choose(FLASH, "live")
    assert (choice.name, choice.provider, choice.upstream_model) == ("openai-environment", "openai", FLASH)
    assert choice.account == Account("openai-environment", "https://relay.example/v1", SECRET)
    tell(gemini_api_key=SECRET)
    channels.sync_environment()
    assert {channels.choose(FLASH, "live").name for _ in range(10)} == {"gemini-environment"}


def test_a_service_account_makes_a_channel_of_vertex_ai(tell: Tell) -> None:
    tell(vertex_credentials=credential("http://x"), vertex_project=PROJECT, vertex_location="us-central1")
    channels.sync_environment()
    account = channels.choose(FLASH, "live").account
    assert (account.option("project"), account.option("location")) == (PROJECT, "us-central1")
    assert account.api_key == credential("http://x")


def test_providers_come_and_go_without_each_other(tell: Tell) -> None:
    tell(gemini_api_key=SECRET, vertex_credentials=credential("http://x"), openai_api_key=SECRET)
    channels.sync_environment()
    tell(gemini_api_key="")
    channels.sync_environment()
    rows = {row.name: row.enabled for row in Channel.objects.all()}
    assert rows == {"gemini-environment": False, "vertex-environment": True, "openai-environment": True}


def test_without_a_key_nothing_is_made() -> None:
    channels.sync_environment()
    assert not Channel.objects.exists()


def test_it_is_disabled_and_its_secret_forgotten_when_the_key_is_gone_and_serves_again_when_it_is_back(
    tell: Tell,
) -> None:
    tell(gemini_api_key=SECRET)
    channels.sync_environment()
    tell(gemini_api_key="")
    channels.sync_environment()
    assert (environments().enabled, environments().credential) == (False, "")
    assert channels.choose(FLASH, "live").name == "sandbox"  # as before there was a key
    tell(gemini_api_key="another")
    channels.sync_environment()
    assert channels.choose(FLASH, "live").account.api_key == "another"


def test_a_restart_mends_its_health_but_neither_enables_it_nor_renames_its_upstream_models(
    tell: Tell,
) -> None:
    tell(gemini_api_key=SECRET)
    channels.sync_environment()
    channels.mark_misconfigured(environments().name, "bad key")
    Channel.objects.update(enabled=False)
    ChannelModel.objects.filter(model=FLASH).update(upstream_model="gemini-2.6")
    channels.sync_environment()
    row = environments()
    assert (row.enabled, row.health) == (False, "healthy")
    assert ChannelModel.objects.get(channel=row, model=FLASH).upstream_model == "gemini-2.6"


@pytest.mark.parametrize(
    "url",
    [
        "http://localhost:8000",
        "http://127.0.0.1:8000/gemini",
        "http://[::1]:8000",
        "http://gemini.localhost:8000/v1beta",
        "https://gemini.easel.example",
        "https://GEMINI.easel.example:443/x",
    ],
)
def test_our_own_origin_is_refused(tell: Tell, url: str) -> None:
    hosts = {"gemini.easel.example": "gemini"}
    tell(gemini_api_key=SECRET, gemini_base_url=url, door_hosts=hosts)
    with pytest.raises(OwnOrigin, match="own address"):
        channels.sync_environment()
    assert not Channel.objects.exists()


@pytest.mark.parametrize("url", ["", "http://127.0.0.1:9000", "https://upstream.example:8000"])
def test_other_origins_are_not(tell: Tell, url: str) -> None:
    channels.refuse_own_origin(url)


# ---- engines ---------------------------------------------------------------------------------


def test_an_engine_is_kept_per_account_and_loop_and_an_edited_channel_gets_a_new_one() -> None:
    channel("real")
    real, sandbox = channels.choose(FLASH, "live"), channels.choose(FLASH, "test")
    edited = replace(real, account=replace(real.account, api_key="another"))

    async def engines() -> list[object]:
        found = [channels.provider_of(c) for c in (real, real, edited, sandbox)]
        await channels.close_all()
        return [*found, channels.provider_of(real)]

    first, again, other, drawing, anew = asyncio.run(engines())
    assert isinstance(first, Gemini)
    assert isinstance(drawing, Sandbox)
    assert first is again
    assert first is not other
    assert first is not anew
    assert first is not asyncio.run(engines())[0]
