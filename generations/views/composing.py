"""From what the playground was told to the neutral order, and to the end of it.

The playground orders as through the Gemini door, whose words say all it can ask: several pictures, a
seed, a file format, a conversation.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any, Final
from uuid import UUID

from accounts import limits
from accounts.models import Door, Organization
from accounts.shell import TeamRequest
from generations import browsing, inputs, links
from generations.actions.rehearse import Rehearsal, rehearse
from generations.actions.submit import Asked, Submitted, submit
from generations.doors import quoting
from generations.errors import Problem
from generations.forms.playground import CHANGE, LIKE_PICTURE
from generations.models import Input as Kept
from generations.snippets.limits import REFERENCES
from generations.spec import Input, Kind, Offer, Order, Picture, Sampling, Source, Text, Turn
from generations.views.drawn import Shown, picks, shown_tile
from runtime import storage
from runtime.tenancy import tenant

DOOR: Final = Door.GEMINI
A_MINUTE: Final = 60
"""Orders that one member may make in the playground within a minute."""
PICTURE_BYTES: Final = 20 * 2**20


@dataclass(frozen=True, slots=True)
class Wish:
    """What was asked for: the form's values, links of pictures, the picture that is to be changed."""

    values: dict[str, Any]
    offer: Offer
    keep: tuple[str, ...] = ()
    change: Shown | None = None


async def keep_files(owner: inputs.Owner, files: Iterable[tuple[str, bytes]]) -> list[str]:
    """Links to the files (name, bytes), kept for three days as uploads. Raises Problem naming one."""
    found = []
    for name, data in files:
        source = Source(name or "The file", data=data, limit=PICTURE_BYTES)
        found.append((await inputs.upload(owner, source, name=name[:200])).url)
    return found


async def compose(owner: inputs.Owner, wish: Wish) -> Order:
    """The order with its pictures taken. Raises Problem naming a picture that is not to be had."""
    before = await _before(wish.change) if wish.change else ()
    now = [Source(f"Picture {number}", url=url) for number, url in enumerate(wish.keep, 1)]
    room = max(wish.offer.max_input_images - len(now), 1)
    older = before[-room:]
    taken = await inputs.take(owner, [*(source for source, _ in older), *now])
    urls = [*(url for _, url in older), *wish.keep]
    order = replace(plain(wish), inputs=taken)
    echo = {**order.echo, REFERENCES: urls}
    if wish.change is None:
        return replace(order, echo=echo)
    turns = _turns(wish, len(before), len(before) - len(older), len(now))
    return replace(order, turns=turns, echo={**echo, CHANGE: wish.change.pick})


def plain(wish: Wish) -> Order:
    """The order without its pictures."""
    values = wish.values
    return Order(
        model=wish.offer.model,
        asked=wish.offer.names[0],
        prompt=values["prompt"],
        count=values["count"],
        ratio=None if values["ratio"] == LIKE_PICTURE else values["ratio"],
        resolution=values["resolution"],
        format=values["format"] or None,
        sampling=Sampling(seed=values["seed"]),
        echo={"text": True, "thoughts": False},
    )


# ---- a picture that is changed -----------------------------------------------------------------


async def _before(change: Shown) -> list[tuple[Source, str | None]]:
    """The pictures of the conversation so far, oldest first, that which is changed last; each with its
    link, if it has one. Raises Problem(GONE) when one is no longer kept."""
    order = Order.from_json(change.row.order)
    known = order.echo.get(REFERENCES) or ()
    found: list[tuple[Source, str | None]] = []
    for place, given in enumerate(_images(order)):
        url = known[place] if place < len(known) else None
        try:
            data = await storage.default().aread(given.key)
        except storage.Missing:
            gone = "The pictures this one was made from are no longer kept. Use it as a reference instead."
            raise Problem(Kind.GONE, gone) from None
        found.append((Source("An earlier picture", data=data, limit=PICTURE_BYTES), url))
    output = change.output
    url = links.url(change.row.pk, output.number, output.mime, output.epoch)
    return [*found, (Source("The picture to change", url=url), url)]


def _images(order: Order) -> list[Input]:
    return [given for given in order.inputs if given.role == "image"]


def _turns(wish: Wish, known: int, dropped: int, fresh: int) -> tuple[Turn, ...]:
    """The conversation so far, what the model drew, and what is wanted now. `known` pictures came before,
    `dropped` of them do not go along, `fresh` ones come now."""
    assert wish.change is not None
    said = (*_said(Order.from_json(wish.change.row.order)), _drawn(wish.change, known - 1))
    earlier = (_moved(turn, dropped) for turn in said)
    first = known - dropped
    asked = Turn("user", (Text(wish.values["prompt"]), *map(Picture, range(first, first + fresh))))
    return (*(turn for turn in earlier if turn.parts), asked)


def _said(order: Order) -> tuple[Turn, ...]:
    pictures = map(Picture, range(len(_images(order))))
    return order.turns or (Turn("user", (Text(order.prompt), *pictures)),)


def _drawn(change: Shown, place: int) -> Turn:
    """The model's turn: its words without thoughts, and the one picture that is changed."""
    parts: list[Text | Picture] = []
    for part in change.row.parts:
        if part.get("image") == change.output.number:
            parts.append(Picture(place, part.get("signature") or change.output.signature))
        elif part.get("text") and not part.get("thought"):
            parts.append(Text(part["text"], signature=part.get("signature")))
    return Turn("model", tuple(parts))


def _moved(turn: Turn, dropped: int) -> Turn:
    """With its pictures' numbers after the first `dropped` are gone."""
    kept = (part for part in turn.parts if isinstance(part, Text) or part.input >= dropped)
    return replace(
        turn, parts=tuple(replace(p, input=p.input - dropped) if isinstance(p, Picture) else p for p in kept)
    )


# ---- taking the order --------------------------------------------------------------------------


def order_now(request: TeamRequest, order: Order, once: str) -> Submitted:
    """Take the order as the member, once for each form that was sent. Raises Problem."""
    organization = request.team.organization
    if organization.state == Organization.State.SUSPENDED:
        raise Problem(Kind.ORGANIZATION_SUSPENDED, "This team is suspended: nothing new is made.")
    allowance = limits.count(
        organization=organization.pk,
        organization_limit=organization.requests_per_minute,
        key=request.user.pk,
        key_limit=A_MINUTE,
    )
    if not allowance.allowed:
        seconds = allowance.retry_after
        raise Problem(Kind.RATE_LIMITED, f"That is too fast. Try again in {seconds} seconds.")
    asked = replace(asked_by(request), idempotency_key=f"playground {once}")
    return submit(asked, order, quoting.quote(DOOR, order))


def try_out(request: TeamRequest, order: Order) -> Rehearsal:
    """What the order would cost and leave. Raises Problem as taking it would."""
    return rehearse(asked_by(request), order, quoting.quote(DOOR, order))


def asked_by(request: TeamRequest) -> Asked:
    """The member asks, with no key."""
    return Asked(
        organization=request.team.organization.pk,
        mode=request.team.mode,
        key=None,
        member=request.user.pk,
        dialect=DOOR,
        request_id=request.actor.request_id,
    )


def owner_of(request: TeamRequest) -> inputs.Owner:
    return inputs.Owner(request.team.organization.pk, request.team.mode)


# ---- what forms name ---------------------------------------------------------------------------


def picture_named(request: TeamRequest, pick: str) -> Shown | None:
    """A kept picture of this team and mode, as forms and addresses name it."""
    tiles = browsing.picked(request.team.organization, request.team.mode, picks([pick]))
    return shown_tile(tiles[0]) if tiles else None


def with_stand_ins(request: TeamRequest, wish: Wish) -> Order:
    """The order without its pictures, but with the size of the last one, on which its price may hang."""
    size = _size_of(request, wish.keep[-1]) if wish.keep else None
    if size is None and wish.change:
        size = wish.change.output.width, wish.change.output.height
    stands = (Input("", "", *size, 0, ""),) if size else ()
    return replace(plain(wish), inputs=stands)


def _size_of(request: TeamRequest, url: str) -> tuple[int, int] | None:
    own = links.own(url)
    if own is None:
        return None
    if address := links.parse(own.path):
        pick = f"{address.generation.hex}-{address.number}"
        found = picture_named(request, pick)
        return (found.output.width, found.output.height) if found else None
    upload = links.parse_upload(own.path)
    return _size_of_upload(request.team.organization, upload) if upload else None


def _size_of_upload(organization: Organization, upload: UUID) -> tuple[int, int] | None:
    with tenant(organization):
        rows = Kept.objects.of(organization).filter(pk=upload, bytes__gt=0)
        return rows.values_list("width", "height").first()
