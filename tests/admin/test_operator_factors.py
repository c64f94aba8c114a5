"""An installation that asks its operators for a second factor opens its admin to nobody without one."""

from __future__ import annotations

from dataclasses import replace

import pytest
from django.conf import settings
from django.test import Client
from django.urls import reverse

from tests.accounts.people import logged_in, person, with_app
from tests.cast import Cast
from tests.config.office import an_operator, visitor

ADMIN, FACTORS = reverse("admin:index"), reverse("mfa_index")


@pytest.fixture
def required(quiet_database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings, "EASEL", replace(settings.EASEL, operator_factors="required"))


@pytest.mark.usefixtures("required")
@pytest.mark.parametrize(
    "address", [ADMIN, reverse("operators_find"), reverse("admin:accounts_user_changelist")]
)
def test_an_operator_without_one_is_led_to_where_he_sets_it_up(address: str) -> None:
    operator = visitor(an_operator("auditor"))
    answer = operator.get(address)
    assert (answer.status_code, answer["Location"]) == (302, FACTORS)
    assert "Easel asks its operators for a second factor" in operator.get(FACTORS).content.decode()


@pytest.mark.usefixtures("required")
def test_with_one_he_is_in_and_the_page_says_where_to_go_on() -> None:
    user = person()
    client = logged_in(user)
    type(user).objects.filter(pk=user.pk).update(is_staff=True)
    assert client.get(ADMIN)["Location"] == FACTORS
    with_app(client)
    assert f'<a href="{ADMIN}">go on to Easel</a>' in client.get(FACTORS).content.decode()
    assert client.get(ADMIN).get("Location") != FACTORS


@pytest.mark.usefixtures("required")
def test_he_may_leave_without_one() -> None:
    answer = visitor(an_operator("auditor")).post(reverse("admin:logout"))
    assert answer.get("Location") != FACTORS


@pytest.mark.usefixtures("required")
def test_members_and_strangers_are_turned_away_as_ever(cast: Cast) -> None:
    for client in (Client(SERVER_NAME="localhost"), visitor(cast.owner)):
        answer = client.get(ADMIN)
        assert answer.get("Location") != FACTORS
        assert answer.status_code in (302, 403)


def test_where_it_is_optional_a_password_opens_the_admin(quiet_database: str) -> None:
    assert settings.EASEL.operator_factors == "optional"
    assert visitor(an_operator("auditor")).get(ADMIN).status_code == 200
