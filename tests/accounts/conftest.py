"""A second organization, where one is not enough."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from accounts.actions import organizations
from accounts.auditing import Actor
from accounts.models import Organization, User
from runtime.ids import BASE36, word
from tests.accounts.visits import Visitor
from tests.cast import Cast


@pytest.fixture
def make_organization(database: Any) -> Callable[[], Organization]:
    """Makes an organization of its own with an owner of its own, as often as it is called."""

    def make() -> Organization:
        slug = word(12, BASE36)
        owner = User.objects.create_user(f"{slug}@example.com")
        return organizations.create(name=f"Team {slug}", slug=slug, owner=owner, by=Actor.system("test"))

    return make


@pytest.fixture
def owner(cast: Cast) -> Visitor:
    """The owner at the pages of his team."""
    return Visitor(cast.owner, cast.organization)


@pytest.fixture
def developer(cast: Cast) -> Visitor:
    """A developer at them."""
    return Visitor(cast.developer, cast.organization)
