"""What can be asked, and what it costs: the catalogue, read from its rows.

    offers(dialect)           all models of a door, as its dialect sees them
    resolve(dialect, name)    the model behind a name that a client sent
    size_for(order)           the pixels and tokens that an order means; size_if_known(order) without a wait
    quote(model, ...)         tokens and money of one request, at the price of this moment

Everything here is synchronous and for the database threads. The rows are read at most every five
seconds by each process; the price in a quote is always read anew.
"""

from __future__ import annotations

import math
import threading
import time
from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from datetime import time as midnight

from billing.errors import UnknownPrice
from billing.pricing import price_of
from generations.errors import Problem
from generations.models import DialectModel, Model, ModelName, ModelSize
from generations.spec import Input, Kind, Offer, Order, Size

FRESH_SECONDS = 5.0
SPARE_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Quote:
    """What a request costs: `count` images of `size` at `unit_price` nano-dollars per token."""

    size: Size
    count: int
    unit_price: int

    @property
    def image_tokens(self) -> int:
        """Tokens of one image."""
        return self.size.tokens

    @property
    def tokens(self) -> int:
        """Tokens of all images ordered."""
        return self.count * self.size.tokens

    @property
    def amount(self) -> int:
        """Nano-dollars of all images ordered."""
        return self.tokens * self.unit_price


def offers(dialect: str, *, models_allowed: Collection[str] = ()) -> tuple[Offer, ...]:
    """The models that a door offers, in the order of its lists.

    `models_allowed` holds the names a key is restricted to (empty: no restriction); the others come
    with `allowed` False. Hidden models come only to a key that names them.
    """
    return _offered(_current(), dialect, models_allowed)


def offers_if_known(dialect: str, *, models_allowed: Collection[str] = ()) -> tuple[Offer, ...] | None:
    """As `offers`, from the event loop: None where the rows must be read again."""
    rows = _at_hand()
    return _offered(rows, dialect, models_allowed) if rows else None


def _offered(rows: _Catalogue, dialect: str, models_allowed: Collection[str]) -> tuple[Offer, ...]:
    return tuple(
        offer if not models_allowed or named else replace(offer, allowed=False)
        for offer in rows.offers.get(dialect, ())
        if (named := _names(offer, models_allowed)) or offer.model not in rows.hidden
    )


def resolve(dialect: str, name: str) -> Offer | None:
    """The offer that goes by a name at a door, hidden or not; None if there is none."""
    return next((offer for offer in _current().offers.get(dialect, ()) if name in offer.names), None)


def size_for(order: Order) -> Size:
    """The cell of the model's table that an order means.

    Without a ratio the picture follows the last input image, else the model's default. Raises
    Problem(UNKNOWN_MODEL), or Problem(BAD_REQUEST) for a size that the model does not have.
    """
    model = _model(order.model)
    if order.ratio is not None:
        return _cell(model, order.resolution, order.ratio)
    images = [stored for stored in order.inputs if stored.role == "image"]
    if not images:
        return _cell(model, order.resolution, model.default_ratio)
    return _nearest(model, order.resolution, images[-1])


def size_if_known(order: Order) -> Size | None:
    """As `size_for`, from the event loop: None where the rows must be read again."""
    return size_for(order) if _at_hand() else None


def quote(model: str, resolution: str, ratio: str, count: int) -> Quote:
    """What `count` images cost at this moment's price.

    Raises Problem(UNKNOWN_MODEL), also for a model without a price, and Problem(BAD_REQUEST) for a
    size that the model does not have.
    """
    size = _cell(_model(model), resolution, ratio)
    try:
        return Quote(size, count, price_of(model))
    except UnknownPrice as error:
        raise Problem(Kind.UNKNOWN_MODEL, str(error), param="model") from None


def refresh() -> None:
    """Forget what was read, so that the next question sees the rows as they are."""
    global _kept
    _kept = None


# ---- sizes -----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Sizes:
    """A model's table."""

    model: str
    default_ratio: str
    sizes: tuple[Size, ...]


def _model(slug: str) -> _Sizes:
    found = _current().models.get(slug)
    if found is None:
        raise Problem(Kind.UNKNOWN_MODEL, f"The model {slug} does not exist.", param="model")
    return found


def _cell(model: _Sizes, resolution: str, ratio: str) -> Size:
    found = next((s for s in model.sizes if (s.resolution, s.ratio) == (resolution, ratio)), None)
    if found is None:
        raise Problem(Kind.BAD_REQUEST, f"{model.model} draws no {ratio} at {resolution}.")
    return found


def _nearest(model: _Sizes, resolution: str, image: Input) -> Size:
    """The cell whose shape is nearest to the image's, by the proportion between the two."""
    cells = [size for size in model.sizes if size.resolution == resolution]
    if not cells:
        raise Problem(Kind.BAD_REQUEST, f"{model.model} draws nothing at {resolution}.")
    wanted = math.log(image.width / image.height)
    return min(cells, key=lambda cell: abs(math.log(cell.width / cell.height) - wanted))


def _names(offer: Offer, names: Collection[str]) -> bool:
    return offer.model in names or any(name in names for name in offer.names)


# ---- the rows, kept for a moment -------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Catalogue:
    """All rows as they were at `read_at` (monotonic seconds)."""

    read_at: float
    offers: Mapping[str, tuple[Offer, ...]]
    models: Mapping[str, _Sizes]
    hidden: frozenset[str]


_kept: _Catalogue | None = None
_reading = threading.Lock()


def _at_hand() -> _Catalogue | None:
    """The kept rows if a question that comes a moment later needs no query either."""
    kept = _kept
    return kept if kept and time.monotonic() - kept.read_at < FRESH_SECONDS - SPARE_SECONDS else None


def _current() -> _Catalogue:
    """The kept rows. One thread reads them anew while the others go on with the old ones."""
    global _kept
    kept = _kept
    if kept is not None and (time.monotonic() - kept.read_at < FRESH_SECONDS or _reading.locked()):
        return kept
    with _reading:
        if _kept is None or _kept is kept:
            _kept = _read()
        return _kept


def _read() -> _Catalogue:
    rows = {row.slug: row for row in Model.objects.filter(enabled=True)}
    sizes = _read_sizes()
    return _Catalogue(
        read_at=time.monotonic(),
        offers=_read_offers(rows, sizes),
        models={slug: _Sizes(slug, row.default_ratio, sizes[slug]) for slug, row in rows.items()},
        hidden=frozenset(slug for slug, row in rows.items() if row.hidden),
    )


def _read_sizes() -> Mapping[str, tuple[Size, ...]]:
    found: defaultdict[str, tuple[Size, ...]] = defaultdict(tuple)
    for row in ModelSize.objects.order_by("model_id", "position", "id"):
        found[row.model_id] += (Size(row.resolution, row.ratio, row.width, row.height, row.tokens),)
    return found


def _read_offers(
    rows: Mapping[str, Model], sizes: Mapping[str, tuple[Size, ...]]
) -> Mapping[str, tuple[Offer, ...]]:
    """The offers of each door. A model without a price is not offered."""
    names = _read_names()
    prices = {slug: price for slug in rows if (price := _price(slug))}
    found: defaultdict[str, tuple[Offer, ...]] = defaultdict(tuple)
    for row in DialectModel.objects.select_related("dialect").order_by("model__position", "model_id"):
        if row.model_id in prices:
            known = names.get((row.dialect_id, row.model_id), ()) or (row.model_id,)
            model, price = rows[row.model_id], prices[row.model_id]
            found[row.dialect_id] += (_offer(row, model, known, sizes[row.model_id], price),)
    return found


def _read_names() -> Mapping[tuple[str, str], tuple[str, ...]]:
    found: defaultdict[tuple[str, str], tuple[str, ...]] = defaultdict(tuple)
    for row in ModelName.objects.order_by("position", "name"):
        found[row.dialect_id, row.model_id] += (row.name,)
    return found


def _price(model: str) -> int | None:
    try:
        return price_of(model)
    except UnknownPrice:
        return None


def _offer(
    row: DialectModel, model: Model, names: tuple[str, ...], sizes: tuple[Size, ...], price: int
) -> Offer:
    return Offer(
        model=model.slug,
        names=names,
        title=model.title,
        description=model.description,
        released=int(datetime.combine(model.released, midnight(), UTC).timestamp()),
        ratios=tuple(row.ratios),
        resolutions=tuple(row.resolutions),
        default_resolution=row.default_resolution,
        default_ratio=row.default_ratio or None,
        sizes=sizes,
        prompt_characters=row.prompt_characters,
        max_count=row.max_count,
        max_references=row.max_references,
        reference_bytes=row.reference_bytes,
        input_tokens_per_image=model.input_tokens_per_image,
        input_token_limit=model.input_token_limit,
        output_token_limit=model.output_token_limit,
        unit_price=price,
        credits_per_dollar=row.dialect.credits_per_dollar,
        max_input_images=model.max_input_images,
    )
