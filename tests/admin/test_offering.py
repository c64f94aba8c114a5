"""The catalogue, its prices and the channels, as operators change them (M4, M5)."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse

from billing.models import Price
from billing.pricing import price_of
from generations import catalogue, channels
from generations.models import Channel, ChannelModel, Model, ModelName, ModelSize
from runtime.clock import utc_now
from runtime.signing import decrypt
from runtime.tenancy import operator
from tests.admin import desk
from tests.admin.desk import WHY, do, events, said
from tests.config.office import page_of, place
from tests.upstreams import openai

pytestmark = pytest.mark.usefixtures("quiet_database")
CHANNEL, FLASH = "generations.Channel", "gemini-2.5-flash-image"
Operators = Callable[[str], Client]


@pytest.fixture(scope="module")
def upstream() -> Iterator[openai.Upstream]:
    with openai.Upstream.in_thread() as server:
        yield server


def add(client: Client, name: str, **fields: str) -> Channel:
    usual = {"name": name, "provider": "openai", "weight": "1", "priority": "0", "options": "{}"}
    answer = do(client, CHANNEL, "add", **{**usual, "credential": openai.KEY, "enabled": "on", **fields})
    assert answer.status_code == 302, answer.content.decode()
    return channel(name)


def channel(name: str) -> Channel:
    with operator():
        return Channel.objects.get(name=name)


# ---- channels ------------------------------------------------------------------------------------


def test_a_channel_is_added_with_a_secret_that_nobody_sees_again(operators: Operators) -> None:
    client = operators("operations")
    asked = desk.hidden(desk.asked(client, CHANNEL, "add"))
    typed = {"name": "fresh", "provider": "openai", "weight": "1", "priority": "3", "options": "{}"}
    data = {**asked, **typed, "credential": "sk-very-secret", "reason": WHY}
    preview = client.post(desk.place(CHANNEL, "add"), data).content.decode()
    assert "This will happen" in preview
    assert "sk-very-secret" not in preview
    assert client.post(desk.place(CHANNEL, "add"), desk.hidden(preview)).status_code == 302
    made = channel("fresh")
    assert decrypt(made.credential) == "sk-very-secret"
    assert (made.priority, made.enabled) == (3, False)
    pages = [page_of(client, place(CHANNEL, "change", made.pk)), desk.asked(client, CHANNEL, "edit", made.pk)]
    pages.append(json.dumps([(event.before, event.after) for event in events(None, "channel.add")]))
    for page in pages:
        assert "sk-very-secret" not in page
        assert made.credential not in page


def test_a_channel_is_edited_and_the_difference_is_shown_before(operators: Operators) -> None:
    client = operators("operations")
    row = add(client, "edited")
    fields = {"weight": "5", "priority": "-1", "options": "{}", "concurrency": "9"}
    data = {**desk.hidden(desk.asked(client, CHANNEL, "edit", row.pk)), **fields, "reason": WHY}
    preview = client.post(desk.place(CHANNEL, "edit"), data).content.decode()
    for word in ("enabled: yes to no", "weight: 1 to 5", "concurrency: none to 9"):
        assert word in preview
    assert channel("edited").weight == 1
    client.post(desk.place(CHANNEL, "edit"), desk.hidden(preview))
    after = channel("edited")
    assert (after.enabled, after.weight, after.priority, after.concurrency) == (False, 5, -1, 9)
    assert after.credential == row.credential
    event = [one for one in events(None, "channel.edit") if one.object_label == "edited"][-1]
    assert event.before == {"enabled": True, "weight": 1, "priority": 0, "concurrency": None}
    assert event.reason == WHY


def test_a_channel_of_the_environment_keeps_what_the_environment_says(operators: Operators) -> None:
    client = operators("operations")
    row = add(client, "from-outside")
    with operator():
        Channel.objects.filter(pk=row.pk).update(from_environment=True)
    page = desk.asked(client, CHANNEL, "edit", row.pk)
    assert 'name="weight"' in page
    assert 'name="base_url"' not in page
    assert 'name="credential"' not in page


def test_a_channel_that_leads_back_here_is_refused(operators: Operators) -> None:
    answer = do(
        operators("operations"), CHANNEL, "add", name="loop", provider="openai", weight="1", priority="0",
        options="{}", base_url="http://localhost:8000/openai/v1",
    )  # fmt: skip
    assert "own address" in said(answer)[0]
    with operator():
        assert not Channel.objects.filter(name="loop").exists()


def serve(client: Client, row: Channel, upstream_model: str) -> ChannelModel:
    do(
        client, "generations.ChannelModel", "add", channel=str(row.pk), model=FLASH,
        upstream_model=upstream_model,
    )  # fmt: skip
    with operator():
        return row.serves.get(model_id=FLASH)


def test_the_test_button_asks_the_upstream_and_orders_nothing(
    operators: Operators, upstream: openai.Upstream
) -> None:
    client = operators("operations")
    row = add(client, "tested", base_url=upstream.url)
    button = reverse("admin:generations_channel_test", args=[row.pk])
    assert "serves no model" in client.post(button, follow=True).content.decode()
    serve(client, row, openai.GPT)
    assert "every model is known" in client.post(button, follow=True).content.decode()
    with operator():
        row.serves.update(upstream_model="retired-model")
    told = client.post(button, follow=True).content.decode()
    assert "does not list the model retired-model" in told
    assert upstream.calls == []
    assert len([one for one in events(None, "channel.test") if one.object_id == str(row.pk)]) == 3
    assert client.get(button).status_code == 302  # nothing is asked by looking


def test_a_sick_channel_is_healed_and_its_breakers_closed(operators: Operators) -> None:
    client = operators("operations")
    row = add(client, "sick")
    link = serve(client, row, openai.GPT)
    channels.mark_misconfigured("sick", "401 bad key")
    with operator():
        ChannelModel.objects.filter(pk=link.pk).update(opened_at=utc_now(), probed_at=utc_now())
    page = page_of(client, place(CHANNEL, "change", row.pk))
    assert "401 bad key" in page
    assert "Open for 1 of 1" in page
    do(client, CHANNEL, "heal", row.pk)
    with operator():
        link.refresh_from_db()
    assert (channel("sick").health, link.opened_at) == ("healthy", None)


def test_a_served_model_is_renamed_and_taken_away(operators: Operators) -> None:
    client = operators("operations")
    link = serve(client, add(client, "renaming"), "old-name")
    do(client, "generations.ChannelModel", "edit", link.pk, upstream_model="new-name", image_cost="30")
    with operator():
        link.refresh_from_db()
    assert (link.upstream_model, link.image_cost) == ("new-name", 30)
    do(client, "generations.ChannelModel", "remove", link.pk)
    with operator():
        assert not ChannelModel.objects.filter(pk=link.pk).exists()


# ---- the catalogue -------------------------------------------------------------------------------


def test_a_model_is_taken_out_of_the_offer_and_put_back(operators: Operators) -> None:
    client = operators("operations")
    with operator():
        row = Model.objects.get(pk="gemini-3-pro-image")
    names = ("title", "description", "default_ratio", "default_resolution", "max_input_images", "position")
    fields = {name: str(getattr(row, name)) for name in names}
    do(client, "generations.Model", "edit", row.pk, **fields)
    catalogue.refresh()
    assert catalogue.resolve("openai", "gemini-3-pro-image") is None
    do(client, "generations.Model", "edit", row.pk, enabled="on", **fields)
    assert catalogue.resolve("openai", "gemini-3-pro-image") is not None
    assert [event.after for event in events(None, "model.edit")] == [{"enabled": False}, {"enabled": True}]


def test_a_door_learns_a_name_and_forgets_it(operators: Operators) -> None:
    client = operators("operations")
    do(client, "generations.ModelName", "add", dialect="openai", name="our-own-name", model=FLASH)
    assert catalogue.resolve("openai", "our-own-name") is not None
    again = do(client, "generations.ModelName", "add", dialect="openai", name="our-own-name", model=FLASH)
    assert "There is one like this already." in said(again)[0]
    with operator():
        row = ModelName.objects.get(name="our-own-name")
    do(client, "generations.ModelName", "remove", row.pk)
    assert catalogue.resolve("openai", "our-own-name") is None


def test_what_the_database_forbids_is_said_and_not_done(operators: Operators) -> None:
    with operator():
        row = ModelSize.objects.filter(model_id=FLASH).first()
    assert row is not None
    answer = do(
        operators("operations"), "generations.ModelSize", "edit", row.pk, width="0", height="5", tokens="1"
    )
    assert answer.status_code == 302
    assert said(answer)[0].startswith("1 left as before.")


# ---- prices --------------------------------------------------------------------------------------


def test_a_price_takes_effect_later_and_changes_no_past_one(operators: Operators) -> None:
    before, moment = price_of(FLASH), utc_now() + timedelta(days=3)
    answer = do(
        operators("finance"), "billing.Price", "set", model=FLASH, per_million="45",
        effective_from=f"{moment:%Y-%m-%dT%H:%M}",
    )  # fmt: skip
    assert said(answer) == ["The price is set."]
    assert price_of(FLASH) == before
    assert price_of(FLASH, moment + timedelta(minutes=1)) == 45_000
    page = page_of(operators("finance"), place("billing.Price", "changelist"))
    for word in ("In effect", "To come", "$45.00"):
        assert word in page
    (event,) = [one for one in events(None, "price.set") if one.actor_type == "operator"]
    assert (event.object_label, event.reason, event.after["unit_price"]) == (FLASH, WHY, 45_000)


@pytest.mark.parametrize(
    "fields, wrong",
    [
        ({"per_million": "0"}, "greater than or equal"),
        ({"per_million": "30.0001"}, "three decimals"),
        ({"per_million": "30", "effective_from": "2020-01-01T00:00"}, "in the past"),
        ({"per_million": "30", "model": "no-such"}, "valid choice"),
    ],
)
def test_a_bad_price_is_refused_in_words(fields: dict[str, str], wrong: str, operators: Operators) -> None:
    client, many = operators("finance"), Price.objects.count()
    page = do(client, "billing.Price", "set", **{"model": FLASH, **fields}).content.decode()
    assert wrong in page
    assert Price.objects.count() == many
