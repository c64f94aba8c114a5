"""An order as programs: what to send to each of the five doors so that the same order is made again.

    shelves(order, first)    for each door three programs, and what its words cannot say
    bodies.py                the request in each vendor's words
    limits.py                what a vendor has no words for
    programs.py              curl, Python and JavaScript around it, which run as pasted

What a door cannot express is left out of its request and said in a note; a request without notes is
read back by its door as an order with an equal fingerprint.
"""

from __future__ import annotations

from dataclasses import dataclass

from generations import catalogue
from generations.snippets.bodies import BODIES, Call
from generations.snippets.limits import TITLES
from generations.snippets.programs import Program, programs
from generations.spec import Order

__all__ = ["Call", "Program", "Shelf", "call_of", "shelves"]


@dataclass(frozen=True, slots=True)
class Shelf:
    """The programs of one door; `notes` are sentences about what they leave out."""

    name: str
    title: str
    programs: tuple[Program, ...]
    notes: tuple[str, ...]


def call_of(door: str, order: Order) -> Call | None:
    """The request of an order at a door; None where the door does not offer its model."""
    models = catalogue.offers(door, models_allowed=[order.model])  # a hidden one too
    offer = next((offer for offer in models if offer.model == order.model), None)
    return BODIES[door](order, offer) if offer else None


def shelves(order: Order, first: str) -> list[Shelf]:
    """The doors that offer the order's model, the `first` one first. Reads the catalogue."""
    doors = sorted(BODIES, key=lambda door: door != first)
    calls = ((door, call_of(door, order)) for door in doors)
    return [Shelf(door, TITLES[door], programs(door, call), call.notes) for door, call in calls if call]
