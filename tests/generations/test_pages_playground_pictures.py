"""The playground's pictures: those to go by, and the one that is changed in a conversation."""

from __future__ import annotations

import re

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from generations import links
from generations.actions import claim, finish
from generations.models import Generation
from generations.spec import Order, Picture, Text
from tests.accounts.visits import Visitor, words
from tests.cast import Cast
from tests.generations.gallery import drawn, hung, row
from tests.generations.orders import filled, keep, made, picture

pytestmark = [
    pytest.mark.usefixtures("quiet_database"),
    pytest.mark.filterwarnings("ignore:No directory at"),
]


# ---- pictures --------------------------------------------------------------------------------


def test_pictures_that_were_dropped_are_kept_and_go_along(cast: Cast, owner: Visitor) -> None:
    cast.credit(1)
    kept = keep(owner, picture(width=64, height=128), picture("tree.png", colour="green"))
    assert [links.own(url) is not None for url in kept] == [True, True]
    fields = filled(owner, prompt="Put the fox under the tree", keep=kept, ratio="auto")
    owner.send("playground", fields)
    (row,) = made(cast)
    order = Order.from_json(row.order)
    assert [(given.width, given.height) for given in order.inputs] == [(64, 128), (64, 48)]
    assert order.echo["references"] == kept
    assert (order.ratio, order.turns) == (None, ())


def test_files_sent_with_the_form_survive_a_mistake_in_it(cast: Cast, owner: Visitor) -> None:
    cast.credit(1)
    answer = owner.send("playground", filled(owner, prompt="", files=[picture()]))
    source = answer.content.decode()
    (kept,) = re.findall(r'name="keep" value="([^"]+)"', source)
    owner.send("playground", filled(owner, prompt="A fox", keep=[kept.replace("&amp;", "&")]))
    assert len(Order.from_json(made(cast)[0].order).inputs) == 1


def test_a_file_that_is_no_picture_is_named(cast: Cast, owner: Visitor) -> None:
    bad = SimpleUploadedFile("notes.png", b"not a picture", "image/png")
    said = words(owner.send("playground_references", {"files": [bad]}).content.decode())
    assert said.startswith("notes.png")
    answer = owner.send("playground", filled(owner, prompt="A fox", files=[bad]))
    assert "notes.png" in words(answer.content.decode())
    assert made(cast) == []


def test_only_our_own_links_are_read(cast: Cast, owner: Visitor) -> None:
    cast.credit(1)
    keep = ["http://169.254.169.254/latest", "https://example.com/fox.png", "file:///etc/passwd"]
    owner.send("playground", filled(owner, prompt="A fox", keep=keep))
    assert Order.from_json(made(cast)[0].order).inputs == ()


def test_a_strangers_picture_is_not_taken(cast: Cast, owner: Visitor) -> None:
    cast.credit(1)
    theirs = keep(Visitor(cast.stranger, cast.strangers), picture())
    answer = owner.send("playground", filled(owner, prompt="A fox", keep=theirs))
    assert "may not be fetched" in words(answer.content.decode())
    assert made(cast) == []


def test_a_picture_of_ours_is_a_reference(cast: Cast, owner: Visitor) -> None:
    done = drawn(cast, size=(96, 64))
    cast.credit(1)
    source = owner.look("playground", f"?use={done.pk.hex}-0")
    (url,) = re.findall(r'name="keep" value="([^"]+)"', source)
    owner.send("playground", filled(owner, prompt="The same at night", keep=[url.replace("&amp;", "&")]))
    order = Order.from_json(made(cast)[-1].order)
    assert [(given.width, given.height) for given in order.inputs] == [(96, 64)]


# ---- one that is changed ---------------------------------------------------------------------


def test_a_picture_is_changed_in_a_conversation(cast: Cast, owner: Visitor) -> None:
    done = drawn(cast, prompt="A lighthouse", count=2)
    cast.credit(2)
    pick = f"{done.pk.hex}-1"
    assert "Changing this picture" in owner.read("playground", f"?change={pick}")
    owner.send("playground", filled(owner, f"?change={pick}", prompt="Make the sky pink", ratio="auto"))
    changed = made(cast)[-1]
    order = Order.from_json(changed.order)
    assert [turn.role for turn in order.turns] == ["user", "model", "user"]
    assert order.turns[0].parts == (Text("A lighthouse"),)
    assert order.turns[1].parts == (Picture(0),)
    assert order.turns[2].parts == (Text("Make the sky pink"),)
    assert (order.prompt, order.ratio, len(order.inputs)) == ("Make the sky pink", None, 1)


def test_a_changed_picture_is_changed_again_and_the_oldest_pictures_stay_behind(
    cast: Cast, owner: Visitor
) -> None:
    """The model looks at three pictures: the newest that it drew, and what is new, for sure."""
    first = drawn(cast, prompt="A lighthouse")
    cast.credit(9)
    kept = keep(owner, picture(), picture("b.png", colour="red"))
    fields = filled(owner, f"?change={first.pk.hex}-0", prompt="Add these", keep=kept, ratio="auto")
    owner.send("playground", fields)
    second = finished(cast, made(cast)[-1])
    fields = filled(
        owner,
        f"?change={second.pk.hex}-0",
        prompt="Add this too",
        keep=keep(owner, picture(colour="blue")),
        ratio="auto",
    )
    owner.send("playground", fields)
    order = Order.from_json(made(cast)[-1].order)
    assert len(order.inputs) == 3
    assert [turn.role for turn in order.turns] == ["user", "user", "model", "user"]
    assert order.turns[1].parts == (Text("Add these"), Picture(0))  # its first picture stays behind
    assert order.turns[2].parts == (Picture(1, "c2ln"),)
    assert order.turns[3].parts == (Text("Add this too"), Picture(2))


def finished(cast: Cast, made: Generation) -> Generation:
    """It was drawn."""
    (mine,) = [one for one in claim.claim("test", 50) if one.id == made.pk]
    stored = [hung(mine, 0, (64, 48))]
    assert finish.succeed(mine, stored, [{"image": 0, "signature": "c2ln"}], finish.Tried(images=1))
    return row(cast, made.pk)


def test_what_is_deleted_cannot_be_changed(cast: Cast, owner: Visitor) -> None:
    done = drawn(cast)
    owner.send("delete_images", {"pick": [f"{done.pk.hex}-0"], "sure": "yes"})
    assert "Changing this picture" not in owner.read("playground", f"?change={done.pk.hex}-0")
