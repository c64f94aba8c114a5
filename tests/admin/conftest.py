"""The operators' office: who works there, and an organization to work on."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.test import Client

from accounts.access import OperatorRole
from accounts.models import User
from tests.cast import Cast, make_cast
from tests.config.office import an_operator, visitor


@pytest.fixture(scope="module")
def operators(quiet_database: str) -> Callable[[str], Client]:
    """The browser of an operator of a role: one person per role."""
    known: dict[str, User] = {}

    def browser(role: str) -> Client:
        if role not in known:
            known[role] = an_operator(role)
        return visitor(known[role])

    return browser


@pytest.fixture
def superuser_page(operators: Callable[[str], Client]) -> Client:
    return operators(OperatorRole.SUPERUSER)


@pytest.fixture
def team(quiet_database: str) -> Cast:
    """An organization of this test's own."""
    return make_cast()
