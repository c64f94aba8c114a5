"""Show code (DX4): what a program sends is read by its door as the order that was made."""

from __future__ import annotations

import asyncio
import json
import re
import shlex
from dataclasses import dataclass, replace
from typing import Any

import pytest

from accounts.models import Door
from generations import catalogue, snippets
from generations.dialect import Incoming
from generations.dialects import DIALECTS
from generations.doors.selection import RouteTable
from generations.errors import Problem
from generations.snippets import Call
from generations.spec import Input, Kind, Order, Picture, Sampling, Source, Text, Turn
from tests.dialects.desk import MemoryDesk

pytestmark = pytest.mark.usefixtures("database")

LINK = "https://easel.example/u/{}.png?t=abc"
PLAIN = Order(model="gemini-2.5-flash-image", asked="gemini-2.5-flash-image", prompt="A lamp", ratio="16:9")
PRO = replace(PLAIN, model="gemini-3-pro-image", asked="gemini-3-pro-image", resolution="2K")
HARD = replace(PLAIN, prompt="It's a \"lamp\" \\ 'quoted' $HOME `x` \u2028 灯\n\tand {braces} </script>")


@dataclass
class Recorder(MemoryDesk):
    """Writes the order down, and makes nothing of it."""

    async def submit(self, order: Order) -> Any:
        self.orders.append(order)
        raise Problem(Kind.INTERNAL, "written down")

    run = begin = submit


async def take(desk: MemoryDesk, *links: str) -> tuple[Input, ...]:
    return await desk.take([Source("picture", url=link) for link in links])


def with_pictures(order: Order, number: int) -> Order:
    links = [LINK.format(place) for place in range(number)]
    inputs = asyncio.run(take(MemoryDesk("gemini"), *links))
    return replace(order, inputs=inputs, ratio=None, echo={"references": links})


def conversation() -> Order:
    turns = (
        Turn("user", (Text("A lighthouse"), Picture(0))),
        Turn("model", (Text("Here."), Picture(1, "c2lnbmF0dXJl"))),
        Turn("user", (Text("Make the sky pink"),)),
    )
    return replace(with_pictures(PLAIN, 2), prompt="Make the sky pink", turns=turns)


def read(door: str, call: Call) -> Order:
    """The order that a door makes of a call."""
    dialect = DIALECTS[door]
    path = call.path.removeprefix(dialect.prefixes[0])
    table = RouteTable(dialect)
    matched = table.match("POST", path)
    assert matched.params is not None, path
    desk = Recorder(door, models=catalogue.offers(door))
    headers = {"content-type": "application/json"}
    request = Incoming(
        "POST", path, "https://easel.example", headers, {}, json.dumps(call.body).encode(), matched.params
    )
    with pytest.raises(Problem, match="written down"):
        asyncio.run(table.routes[matched.index].handler(request, desk))
    return desk.orders[0]


def call_of(door: str, order: Order) -> Call:
    call = snippets.call_of(door, order)
    assert call is not None
    return call


EXACT = {
    "plain": PLAIN,
    "hard words": HARD,
    "large": PRO,
    "one picture": with_pictures(PLAIN, 1),
    "three pictures": with_pictures(PLAIN, 3),
    "a picture and a ratio": replace(with_pictures(PLAIN, 1), ratio="9:16"),
}


@pytest.mark.parametrize("door", Door.values)
@pytest.mark.parametrize("name", EXACT)
def test_what_every_door_can_say_is_the_same_order_everywhere(door: str, name: str) -> None:
    order = replace(EXACT[name], format="png") if door == "gmi" else EXACT[name]
    call = call_of(door, order)
    assert call.notes == ()
    assert read(door, call).fingerprint() == order.fingerprint()


TOLD = {
    "count": replace(PLAIN, count=3),
    "seed": replace(PLAIN, sampling=Sampling(seed=7)),
    "format": replace(PLAIN, format="jpeg", compression=80),
    "webp": replace(PLAIN, format="webp"),
    "conversation": conversation(),
    "system": replace(PLAIN, system="Be brief."),
    "look": replace(PLAIN, quality="high", style="vivid", background="opaque"),
    "sampling": replace(
        PLAIN,
        sampling=Sampling(0.5, 0.9, 10, 2000, None, ("END",), (("HARM_CATEGORY_HARASSMENT", "OFF"),)),
    ),
    "many pictures": with_pictures(PLAIN, 9),
    "wide": replace(PLAIN, ratio="21:9"),
    "small": replace(PLAIN, model="gemini-3.1-flash-image", asked="x", resolution="512", ratio="1:1"),
    "mask": replace(
        with_pictures(PLAIN, 2),
        ratio="1:1",
        inputs=(
            with_pictures(PLAIN, 2).inputs[0],
            replace(with_pictures(PLAIN, 2).inputs[1], role="mask"),
        ),
    ),
}


@pytest.mark.parametrize("door", Door.values)
@pytest.mark.parametrize("name", TOLD)
def test_what_a_door_cannot_say_is_said_in_a_note_and_never_refused(door: str, name: str) -> None:
    order = TOLD[name]
    call = call_of(door, order)
    made = read(door, call)
    if not call.notes:
        assert made.fingerprint() == order.fingerprint()
    assert (made.model, made.prompt) == (order.model, order.prompt)


def test_the_playgrounds_own_door_says_all_the_playground_asks() -> None:
    """Its orders have pictures, counts, seeds, file formats and conversations."""
    for name in ("count", "seed", "format", "webp", "conversation", "wide", "small"):
        call = call_of("gemini", TOLD[name])
        assert call.notes == ()
        assert read("gemini", call).fingerprint() == TOLD[name].fingerprint(), name
    assert read("gmi", call_of("gmi", replace(conversation(), format="png"))).turns == conversation().turns


def test_a_picture_without_a_link_stands_as_a_placeholder_and_is_said() -> None:
    order = replace(with_pictures(PLAIN, 2), echo={"references": [LINK.format(0), None]})
    call = call_of("evolink", order)
    assert call.body["image_urls"] == [LINK.format(0), "https://example.com/picture-2.png"]
    assert any("came as files" in note for note in call.notes)


def test_a_door_that_does_not_offer_the_model_has_no_programs() -> None:
    shelves = snippets.shelves(replace(PLAIN, model="no-such-model"), "openai")
    assert shelves == []


def test_the_door_it_came_through_stands_first() -> None:
    assert snippets.shelves(PLAIN, "toapis")[0].name == "toapis"
    assert len(snippets.shelves(PLAIN, "toapis")) == 5


# ---- the programs hold the very body ----------------------------------------------------------


@pytest.mark.parametrize("order", [HARD, conversation()], ids=["hard words", "conversation"])
def test_each_program_holds_the_same_body(order: Order) -> None:
    for shelf in snippets.shelves(order, "gemini"):
        body = call_of(shelf.name, order).body
        programs = {program.language: program.code for program in shelf.programs}
        words = shlex.split(programs["curl"].partition("\n\n# Then")[0], comments=True)
        assert json.loads(words[words.index("-d") + 1]) == body
        for language, begins in (
            ("python", r'^answer = call\("[^"]+", '),
            ("javascript", r'await call\("[^"]+", '),
        ):
            begin = re.search(begins, programs[language], re.MULTILINE)
            assert begin
            assert json.JSONDecoder().raw_decode(programs[language][begin.end() :])[0] == body
        compile(programs["python"], shelf.name, "exec")
