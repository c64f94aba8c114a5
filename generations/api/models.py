"""What can be asked for, and what it costs."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.operations import operation
from accounts.api.views import ManagementView
from accounts.models import Door
from generations import catalogue
from generations.api.examples import MODEL
from generations.api.shapes import ModelsShape
from generations.spec import Offer, Size


class ModelsView(ManagementView):
    """Every model."""

    @operation(
        id="list_models",
        summary="List models",
        description="The models that are offered, with their names at each door, the price of a token now, "
        "and every size with its tokens and cost.",
        answer=ModelsShape,
        example={"data": [MODEL]},
    )
    def get(self, request: Request) -> Response:
        return Response(ModelsShape({"data": _models()}).data)


def _models() -> list[dict[str, Any]]:
    found: defaultdict[str, dict[str, Offer]] = defaultdict(dict)
    for door in Door.values:
        for offer in catalogue.offers(door):
            found[offer.model][door] = offer
    return [_model(offers) for offers in found.values()]


def _model(offers: dict[str, Offer]) -> dict[str, Any]:
    first = next(iter(offers.values()))
    return {
        "model": first.model,
        "title": first.title,
        "description": first.description,
        "token_usd": first.unit_price,
        "names": {door: list(offer.names) for door, offer in offers.items()},
        "max_count": max(offer.max_count for offer in offers.values()),
        "max_references": max(offer.max_references for offer in offers.values()),
        "sizes": [_size(size, first.unit_price) for size in first.sizes],
    }


def _size(size: Size, unit_price: int) -> dict[str, Any]:
    return {
        "resolution": size.resolution,
        "ratio": size.ratio,
        "width": size.width,
        "height": size.height,
        "tokens": size.tokens,
        "cost_usd": size.tokens * unit_price,
    }
