"""The playground: the price before the order, the order as the member's, pictures to go by and to change."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from accounts.actions import organizations
from billing import entries
from generations import links
from generations.actions import claim, finish
from generations.models import Generation
from generations.spec import Order, Picture, Sampling, Text
from runtime.tenancy import tenant
from tests.accounts.visits import Visitor, words
from tests.cast import BY, IMAGE, Cast
from tests.generations.gallery import drawn, failed, hung, ordered, png, row

pytestmark = [
    pytest.mark.usefixtures("quiet_database"),
    pytest.mark.filterwarnings("ignore:No directory at"),
]


def filled(visitor: Visitor, query: str = "", **fields: Any) -> dict[str, Any]:
    """The form of the page as a browser sends it, with these fields typed in."""
    source = visitor.look("playground", query)
    once = re.search(r'name="once" value="([^"]+)"', source)
    change = re.search(r'name="change"(?: value="([^"]*)")?', source)
    assert once
    assert change
    usual = {
        "model": "gemini-2.5-flash-image", "ratio": "1:1", "resolution": "1K", "count": "1", "format": "",
        "seed": "", "change": change[1] or "", "once": once[1],
    }  # fmt: skip
    return {**usual, **fields}


def made(cast: Cast) -> list[Generation]:
    with tenant(cast.organization):
        return list(Generation.objects.of(cast.organization).order_by("id"))


def told(visitor: Visitor, fields: dict[str, Any]) -> str:
    """What the price says of a form."""
    answer = visitor.client.get(visitor.address("playground_price"), fields)
    assert answer.status_code == 200
    return words(answer.content.decode()).replace("\u2009", " ")


def picture(name: str = "fox.png", **shape: Any) -> SimpleUploadedFile:
    return SimpleUploadedFile(name, png(**shape), "image/png")


def keep(visitor: Visitor, *files: SimpleUploadedFile) -> list[str]:
    """The links of pictures that were dropped on the form."""
    source = visitor.send("playground_references", {"files": list(files)}).content.decode()
    return [link.replace("&amp;", "&") for link in re.findall(r'name="keep" value="([^"]+)"', source)]


# ---- the order -------------------------------------------------------------------------------


def test_an_order_is_the_members_and_costs_what_was_said(cast: Cast, developer: Visitor) -> None:
    cast.credit(3)
    fields = filled(developer, prompt="A lamp", count="2", ratio="16:9", seed="7", format="jpeg")
    said = told(developer, fields)
    assert "$0.0774" in said
    assert "2 580 tokens" in said
    answer = developer.send("playground", fields)
    (row,) = made(cast)
    assert answer["Location"] == developer.address("playground_run", generation=row.pk)
    assert (row.member_id, row.key_id, row.mode, row.dialect) == (cast.developer.pk, None, "live", "gemini")
    order = Order.from_json(row.order)
    assert (order.prompt, order.count, order.ratio, order.resolution) == ("A lamp", 2, "16:9", "1K")
    assert (order.format, order.sampling) == ("jpeg", Sampling(seed=7))
    assert entries.balance(cast.organization, "live").held == 2 * IMAGE


def test_the_price_books_nothing(cast: Cast, owner: Visitor) -> None:
    cast.credit(1)
    for _ in range(3):
        assert "Leaves $0.00" in told(owner, filled(owner, prompt=""))
    assert made(cast) == []
    assert entries.balance(cast.organization, "live").held == 0


def test_the_price_follows_the_model_and_the_size(cast: Cast, owner: Visitor) -> None:
    cast.credit(50)
    large = filled(owner, model="gemini-3-pro-image", resolution="4K", ratio="21:9")
    assert "$0.24" in told(owner, large)
    assert "2 000 tokens" in told(owner, large)


def test_without_credit_the_price_and_the_order_say_so(cast: Cast, owner: Visitor) -> None:
    fields = filled(owner, prompt="A very expensive lamp")
    assert "Insufficient credit" in told(owner, fields)
    answer = owner.send("playground", fields)
    said = words(answer.content.decode())
    assert "Insufficient credit" in said
    assert "A very expensive lamp" in answer.content.decode()
    assert made(cast) == []


def test_in_test_mode_the_sandbox_pays(cast: Cast, owner: Visitor) -> None:
    owner.look("playground", "?mode=test")
    owner.send("playground", filled(owner, prompt="A lamp"))
    assert [row.mode for row in made(cast)] == ["test"]


def test_a_form_sent_twice_makes_one_order(cast: Cast, owner: Visitor) -> None:
    cast.credit(5)
    fields = filled(owner, prompt="A lamp")
    first, second = owner.send("playground", fields), owner.send("playground", fields)
    assert first["Location"] == second["Location"]
    assert len(made(cast)) == 1
    other = owner.send("playground", {**fields, "prompt": "Another lamp"})
    assert "used before for another order" in words(other.content.decode())


@pytest.mark.parametrize(
    "field, value, sentence",
    [
        ("prompt", "   ", "This field is required"),
        ("prompt", "x" * 140_000, "At most 131,072 characters"),
        ("count", "0", "greater than or equal to 1"),
        ("count", "11", "makes at most 10 at once"),
        ("count", "two", "Enter a whole number"),
        ("ratio", "7:4", "Select a valid choice"),
        ("resolution", "8K", "Select a valid choice"),
        ("model", "no-such-model", "Select a valid choice"),
        ("seed", "-1", "greater than or equal to 0"),
        ("format", "gif", "Select a valid choice"),
    ],
)
def test_what_is_wrong_stands_at_its_field_and_the_rest_is_kept(
    cast: Cast, owner: Visitor, field: str, value: str, sentence: str
) -> None:
    cast.credit(20)
    fields = {**filled(owner, prompt="What was typed stays", seed="99"), field: value}
    source = owner.send("playground", fields).content.decode()
    assert sentence in words(source)
    if field != "prompt":
        assert "What was typed stays" in source
    assert made(cast) == []


def test_a_suspended_team_makes_nothing(cast: Cast, owner: Visitor) -> None:
    cast.credit(1)
    fields = filled(owner, prompt="A lamp")
    organizations.suspend(organization=cast.organization, reason="unpaid", by=BY)
    assert "nothing new is made" in words(owner.send("playground", fields).content.decode())
    assert made(cast) == []


def test_a_member_orders_so_often_within_a_minute(
    cast: Cast, owner: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("generations.views.composing.A_MINUTE", 1)
    cast.credit(5)
    answers = [owner.send("playground", filled(owner, prompt=f"Lamp {n}")) for n in range(3)]
    assert "too fast" in words(answers[-1].content.decode())
    assert len(made(cast)) < 3


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


# ---- the page of an order --------------------------------------------------------------------


def test_an_order_that_goes_on_says_so_and_comes_again_without_a_script(cast: Cast, owner: Visitor) -> None:
    waits = ordered(cast, runs=False).generation
    source = owner.look("playground_run", generation=waits.pk)
    assert '<noscript><meta http-equiv="refresh"' in source
    assert f'data-events="{owner.address("playground_events", generation=waits.pk)}"' in source
    assert "Waiting for its turn" in words(source)
    assert "refresh" not in owner.look("playground_run", generation=drawn(cast).pk)


def test_what_failed_says_why_and_what_was_said_instead(cast: Cast, owner: Visitor) -> None:
    lost = failed(cast, "The content was blocked.")
    said = owner.read("playground_run", generation=lost.pk)
    assert "The content was blocked." in said
    assert "Nothing was charged" in said


def test_an_order_is_made_again_with_what_it_was(cast: Cast, owner: Visitor) -> None:
    done = drawn(cast, prompt="A brass telescope", ratio="16:9", sampling=Sampling(seed=42))
    for source in (
        owner.look("playground", f"?from={done.pk}"),
        owner.look("playground_run", generation=done.pk),
    ):
        assert "A brass telescope</textarea>" in source
        assert 'name="ratio" value="16:9" checked' in source
        assert 'value="42"' in source


def test_settings_come_anew_with_the_model(owner: Visitor) -> None:
    source = owner.look("playground_settings", "?model=gemini-3.1-flash-image&ratio=8:1&resolution=512")
    assert 'name="ratio" value="8:1" checked' in source
    assert '<option value="512" selected>' in source
    back = owner.look("playground_settings", "?model=gemini-2.5-flash-image&ratio=8:1&resolution=512")
    assert 'name="ratio" value="1:1" checked' in back


def test_code_is_shown_at_all_five_doors(cast: Cast, owner: Visitor) -> None:
    done = drawn(cast, prompt="A brass telescope")
    source = owner.look("playground_run", generation=done.pk)
    assert [f"of-{door}" in source for door in ("openai", "gemini", "evolink", "toapis", "gmi")] == [True] * 5
    assert source.count("A brass telescope") > 15
