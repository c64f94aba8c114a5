"""The one who asks."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from uuid import UUID

import pytest

from accounts.models import ApiKey
from generations import inputs, spec
from generations.errors import Problem
from generations.inputs import Owner
from generations.spec import Source
from runtime.tenancy import tenant
from tests.cast import Cast

Take = Callable[..., tuple[spec.Input, ...]]


def latest_key(organization: UUID) -> UUID:
    with tenant(organization):
        return ApiKey.objects.of(organization).latest("created_at").pk


@pytest.fixture
def owner(cast: Cast) -> Owner:
    """The organization in live mode, with a key."""
    cast.key()
    return Owner(cast.organization.pk, "live", latest_key(cast.organization.pk))


@pytest.fixture
def stranger(cast: Cast) -> Owner:
    cast.strangers_key()
    return Owner(cast.strangers.pk, "live", latest_key(cast.strangers.pk))


def take(owner: Owner, *sources: Source) -> tuple[spec.Input, ...]:
    """The inputs of one order."""
    return asyncio.run(inputs.take(owner, sources))


def refused(owner: Owner, *sources: Source) -> Problem:
    """Why an order's pictures are not taken."""
    with pytest.raises(Problem) as caught:
        take(owner, *sources)
    return caught.value
