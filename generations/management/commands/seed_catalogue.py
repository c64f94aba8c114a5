"""`manage.py seed_catalogue`: the models, names, sizes, offers and first prices of catalogue.json."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand
from django.db import models, transaction

from accounts.auditing import Actor, record
from billing.pricing import set_price, unpriced
from generations import catalogue
from generations.models import Dialect, DialectModel, Model, ModelName, ModelSize

DATA = Path(catalogue.__file__).with_suffix(".json")
FIRST_PRICE_FROM = datetime(2020, 1, 1, tzinfo=UTC)
BY = Actor.command("seed_catalogue")
OWN_TABLES = {"sizes", "unit_price"}  # of a model in the data file: rows elsewhere


class Command(BaseCommand):
    help = (
        "Adds the models, names, sizes, offers and prices that are missing. Rows that exist stay as the "
        "operators left them; --reset puts those of the data file back, and never touches a price."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--reset", action="store_true", help="restore the rows of the data file")

    def handle(self, *args: Any, reset: bool, **options: Any) -> None:
        data = json.loads(DATA.read_text())
        with transaction.atomic():
            counts = {
                "dialects": _write(Dialect, _dialects(data), ["name"], reset=reset),
                "models": _write(Model, _models(data), ["slug"], reset=reset),
                "names": _write(ModelName, _names(data), ["dialect", "name"], reset=reset),
                "sizes": _write(ModelSize, _sizes(data), ["model", "resolution", "ratio"], reset=reset),
                "offers": _write(DialectModel, _offers(data), ["dialect", "model"], reset=reset),
                "prices": _set_first_prices(data),
            }
            if reset or any(counts.values()):
                record(
                    by=BY, action="catalogue.seed", object_type="catalogue", after={**counts, "reset": reset}
                )
        catalogue.refresh()
        told = ", ".join(f"{count} {name}" for name, count in counts.items() if count)
        suffix = "; the rows of the data file are restored" if reset else ""
        self.stdout.write(f"Catalogue: {f'added {told}' if told else 'nothing to add'}{suffix}.")


def _write(
    model: type[models.Model], rows: Iterator[models.Model], key: Sequence[str], *, reset: bool
) -> int:
    """Insert what is missing, by its natural key; overwrite the rest only on `reset`. Gives the
    number of new rows. Two seeds at once do not disturb each other."""
    table = model._default_manager
    before = table.count()
    fields = [f.name for f in model._meta.concrete_fields if not f.primary_key and f.name not in key]
    if reset:
        table.bulk_create(rows, update_conflicts=True, unique_fields=key, update_fields=fields)
    else:
        table.bulk_create(rows, ignore_conflicts=True)
    return table.count() - before


def _set_first_prices(data: Any) -> int:
    """A model that has no price yet gets the one of the data file, in effect since long ago."""
    without = unpriced(model["slug"] for model in data["models"])
    missing = [model for model in data["models"] if model["slug"] in without]
    for model in missing:
        set_price(model=model["slug"], unit_price=model["unit_price"], effective_from=FIRST_PRICE_FROM, by=BY)
    return len(missing)


# ---- the data file as rows -------------------------------------------------------------------


def _dialects(data: Any) -> Iterator[Dialect]:
    for name, dialect in data["dialects"].items():
        yield Dialect(name=name, credits_per_dollar=dialect["credits_per_dollar"])


def _models(data: Any) -> Iterator[Model]:
    for position, model in enumerate(data["models"]):
        facts = {name: value for name, value in model.items() if name not in OWN_TABLES}
        yield Model(**facts | {"released": date.fromisoformat(model["released"])}, position=position)


def _names(data: Any) -> Iterator[ModelName]:
    for dialect, slug, offer in _each_offer(data):
        for position, name in enumerate(offer["names"]):
            yield ModelName(dialect_id=dialect, model_id=slug, name=name, position=position)


def _sizes(data: Any) -> Iterator[ModelSize]:
    for model in data["models"]:
        position = 0
        for resolution, table in model["sizes"].items():
            for ratio, pixels in table["pixels"].items():
                width, height = map(int, pixels.split("x"))
                yield ModelSize(
                    model_id=model["slug"],
                    resolution=resolution,
                    ratio=ratio,
                    width=width,
                    height=height,
                    tokens=table["tokens"],
                    position=position,
                )
                position += 1


def _offers(data: Any) -> Iterator[DialectModel]:
    for dialect, slug, offer in _each_offer(data):
        facts = {name: value for name, value in offer.items() if name != "names"}
        facts["default_ratio"] = offer["default_ratio"] or ""
        yield DialectModel(dialect_id=dialect, model_id=slug, **facts)


def _each_offer(data: Any) -> Iterator[tuple[str, str, Any]]:
    for dialect, settings in data["dialects"].items():
        for slug, offer in settings["offers"].items():
            yield dialect, slug, offer
