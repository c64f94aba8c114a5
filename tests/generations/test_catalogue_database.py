"""The catalogue as rows: seeding, offers, prices of the moment, and what an order's size means."""

from __future__ import annotations

import io
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.core.management import call_command
from django.db import transaction

from accounts.auditing import Actor
from billing.models import Price
from billing.pricing import set_price
from generations import catalogue
from generations.errors import Problem
from generations.models import Dialect, DialectModel, Model, ModelName, ModelSize
from generations.spec import Input, Kind, Offer, Order, Size

FLASH, PRO = "gemini-2.5-flash-image", "gemini-3-pro-image"
BY = Actor.system("test")


@pytest.fixture(autouse=True)
def _rolled_back(database: Any) -> Iterator[None]:
    """The seeded catalogue, and nothing of what the test does to it afterwards."""
    catalogue.refresh()
    with transaction.atomic():
        yield
        transaction.set_rollback(True)
    catalogue.refresh()


def seed(**options: Any) -> str:
    told = io.StringIO()
    call_command("seed_catalogue", stdout=told, **options)
    return told.getvalue().strip()


def offer(dialect: str, model: str) -> Offer:
    return next(o for o in catalogue.offers(dialect) if o.model == model)


def order(**asked: Any) -> Order:
    return Order(**{"model": FLASH, "asked": FLASH, "prompt": "x"} | asked)


def image(width: int, height: int, role: str = "image") -> Input:
    return Input("0" * 64, "image/png", width, height, bytes=1, key="k", role=role)


# ---- seeding ---------------------------------------------------------------------------------


def test_a_second_seed_adds_nothing() -> None:
    assert seed() == "Catalogue: nothing to add."


def test_an_empty_catalogue_is_filled() -> None:
    for table in (DialectModel, ModelName, ModelSize, Model, Dialect):
        table._default_manager.all().delete()
    assert seed() == "Catalogue: added 5 dialects, 4 models, 38 names, 110 sizes, 20 offers."


def test_what_an_operator_edited_stays_and_what_he_deleted_comes_back() -> None:
    Model.objects.filter(slug=FLASH).update(title="Ours", enabled=False)
    ModelName.objects.filter(name="nano-banana-beta").delete()
    assert seed() == "Catalogue: added 1 names."
    assert Model.objects.get(slug=FLASH).title == "Ours"
    assert not Model.objects.get(slug=FLASH).enabled


def test_reset_restores_the_data_files_rows_but_no_price() -> None:
    Model.objects.filter(slug=FLASH).update(title="Ours")
    ModelSize.objects.filter(model=FLASH, ratio="1:1").update(tokens=7)
    price = set_price(model=FLASH, unit_price=31_000, effective_from=datetime.now(UTC), by=BY)
    assert seed(reset=True) == "Catalogue: nothing to add; the rows of the data file are restored."
    assert Model.objects.get(slug=FLASH).title == "Gemini 2.5 Flash Image"
    assert ModelSize.objects.get(model=FLASH, ratio="1:1").tokens == 1290
    assert Price.objects.get(pk=price.pk).unit_price == 31_000


def test_the_first_price_reaches_far_back() -> None:
    first = Price.objects.filter(model=FLASH).earliest("effective_from")
    assert (first.unit_price, first.effective_from) == (30_000, datetime(2020, 1, 1, tzinfo=UTC))


# ---- offers ----------------------------------------------------------------------------------


def test_an_offer_says_what_the_door_documents() -> None:
    flash = offer("evolink", FLASH)
    assert flash.names[:2] == (FLASH, "nano-banana-beta")
    assert flash.ratios == ("1:1", "2:3", "3:2", "4:3", "3:4", "16:9", "9:16")
    assert (flash.default_resolution, flash.default_ratio) == ("1K", None)
    assert (flash.prompt_characters, flash.max_count, flash.max_references) == (1000, 4, 5)
    assert (flash.unit_price, flash.credits_per_dollar) == (30_000, 68)
    assert flash.released == 1759363200
    assert flash.size("1K", "16:9") == Size("1K", "16:9", 1344, 768, 1290)
    assert len(flash.sizes) == 10


def test_every_door_has_four_models_in_the_same_order() -> None:
    for dialect in ("evolink", "openai", "toapis", "gemini", "gmi"):
        assert [o.model for o in catalogue.offers(dialect)][:2] == [FLASH, PRO]
        assert len(catalogue.offers(dialect)) == 4
    assert catalogue.offers("nobody") == ()


def test_a_restricted_key_is_told_which_models_it_may_use_by_any_of_their_names() -> None:
    by_alias = catalogue.offers("evolink", models_allowed=["nano-banana-beta"])
    assert [o.model for o in by_alias if o.allowed] == [FLASH]
    assert all(o.allowed for o in catalogue.offers("evolink"))


def test_names_resolve_to_their_model_at_their_door_only() -> None:
    auto = catalogue.resolve("openai", "auto")
    assert auto is not None
    assert auto.model == PRO
    assert catalogue.resolve("evolink", "auto") is None


def test_a_hidden_model_is_offered_to_keys_that_name_it_and_a_disabled_one_to_nobody() -> None:
    Model.objects.filter(slug=PRO).update(hidden=True)
    catalogue.refresh()
    assert PRO not in [o.model for o in catalogue.offers("openai")]
    assert [o.model for o in catalogue.offers("openai", models_allowed=[PRO]) if o.allowed] == [PRO]
    Model.objects.filter(slug=PRO).update(enabled=False)
    catalogue.refresh()
    assert PRO not in [o.model for o in catalogue.offers("openai", models_allowed=[PRO])]
    assert catalogue.resolve("openai", PRO) is None


def test_a_model_without_a_price_is_not_offered() -> None:
    other = Model.objects.get(slug=FLASH)
    other.slug = "free-image"
    other.save(force_insert=True)
    door = DialectModel.objects.filter(dialect="openai", model=FLASH).get()
    door.pk, door.model_id = None, "free-image"
    door.save(force_insert=True)
    catalogue.refresh()
    assert "free-image" not in [o.model for o in catalogue.offers("openai")]
    with pytest.raises(Problem) as caught:
        catalogue.quote("free-image", "1K", "1:1", 1)
    assert caught.value.kind is Kind.BAD_REQUEST  # it has no sizes either


# ---- quotes ----------------------------------------------------------------------------------


def test_one_25_flash_image_costs_38_700_000_nano_dollars() -> None:
    quote = catalogue.quote(FLASH, "1K", "16:9", 1)
    assert (quote.image_tokens, quote.tokens, quote.unit_price) == (1290, 1290, 30_000)
    assert quote.amount == 38_700_000


def test_four_images_cost_four_times_as_much() -> None:
    assert catalogue.quote(PRO, "4K", "1:1", 4).amount == 4 * 2000 * 120_000


def test_a_quote_takes_the_price_in_effect_and_not_one_to_come() -> None:
    now = datetime.now(UTC)
    set_price(model=FLASH, unit_price=40_000, effective_from=now + timedelta(hours=1), by=BY)
    assert catalogue.quote(FLASH, "1K", "1:1", 1).unit_price == 30_000
    set_price(model=FLASH, unit_price=35_000, effective_from=now - timedelta(seconds=5), by=BY)
    assert catalogue.quote(FLASH, "1K", "1:1", 1).unit_price == 35_000


@pytest.mark.parametrize(
    ("model", "resolution", "ratio", "kind"),
    [
        ("no-such-model", "1K", "1:1", Kind.UNKNOWN_MODEL),
        (FLASH, "2K", "1:1", Kind.BAD_REQUEST),
        (FLASH, "1K", "8:1", Kind.BAD_REQUEST),
    ],
)
def test_what_cannot_be_drawn_is_not_quoted(model: str, resolution: str, ratio: str, kind: Kind) -> None:
    with pytest.raises(Problem) as caught:
        catalogue.quote(model, resolution, ratio, 1)
    assert caught.value.kind is kind


# ---- sizes -----------------------------------------------------------------------------------


def test_a_ratio_that_was_asked_for_is_drawn() -> None:
    assert catalogue.size_for(order(ratio="21:9")) == Size("1K", "21:9", 1536, 672, 1290)


def test_without_a_ratio_and_without_an_input_it_is_square() -> None:
    assert catalogue.size_for(order()).ratio == "1:1"


@pytest.mark.parametrize(
    ("width", "height", "ratio"),
    [(4000, 3000, "4:3"), (1920, 1080, "16:9"), (1080, 1920, "9:16"), (100, 99, "1:1"), (5000, 100, "21:9")],
)
def test_without_a_ratio_it_follows_the_last_input(width: int, height: int, ratio: str) -> None:
    inputs = (image(10, 10), image(width, height), image(7, 3, role="mask"))
    assert catalogue.size_for(order(inputs=inputs)).ratio == ratio


def test_a_size_that_the_model_lacks_is_refused() -> None:
    for asked in ({"ratio": "8:1"}, {"resolution": "4K"}, {"resolution": "4K", "inputs": (image(1, 1),)}):
        with pytest.raises(Problem) as caught:
            catalogue.size_for(order(**asked))
        assert caught.value.kind is Kind.BAD_REQUEST
