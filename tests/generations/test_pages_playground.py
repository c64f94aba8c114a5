"""The playground: the price before the order, the order as the member's, the page of an order."""

from __future__ import annotations

import pytest

from accounts.actions import organizations
from billing import entries
from generations.spec import Order, Sampling
from tests.accounts.visits import Visitor, words
from tests.cast import BY, IMAGE, Cast
from tests.generations.gallery import drawn, failed, ordered
from tests.generations.orders import filled, made, told

pytestmark = [
    pytest.mark.usefixtures("quiet_database"),
    pytest.mark.filterwarnings("ignore:No directory at"),
]


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


# ---- the page of an order --------------------------------------------------------------------


def test_an_order_that_goes_on_says_so_and_comes_again_without_a_script(cast: Cast, owner: Visitor) -> None:
    waits = ordered(cast, runs=False).generation
    source = owner.look("playground_run", generation=waits.pk)
    assert '<noscript><meta http-equiv="refresh"' in source
    assert f'data-events="{owner.address("playground_events", generation=waits.pk)}"' in source
    assert "Waiting for its turn" in words(source)
    assert "http-equiv" not in owner.look("playground_run", generation=drawn(cast).pk)


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
