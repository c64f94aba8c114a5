"""Generations made through the actions, for tests that need one in a certain state."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from accounts.models import ApiKey
from generations.actions import finish
from generations.actions.submit import Asked, Quote, Submitted, submit
from generations.spec import Order
from runtime.tenancy import tenant
from tests.cast import Cast

ORDER = Order(model="gemini-2.5-flash-image", asked="gemini-2.5-flash-image", prompt="A lamp")


def started(cast: Cast, *, count: int = 1, owner: str = "test", dialect: str = "openai") -> Submitted:
    """A generation that runs, claimed by `owner`, with its hold covered."""
    cast.credit(count)
    cast.key()
    with tenant(cast.organization):
        key = ApiKey.objects.of(cast.organization).filter(mode="live").latest("created_at")
    asked = Asked(
        organization=cast.organization.pk,
        mode="live",
        key=key.pk,
        member=None,
        dialect=dialect,
        wait=True,
        owner=owner,
    )
    return submit(asked, replace(ORDER, count=count), Quote(1290))


def stored(key: str) -> finish.Stored:
    return finish.Stored(key=key, mime="image/png", width=1024, height=1024, bytes=7, sha256="0" * 64)


def succeeded(cast: Cast, *, keys: Sequence[str]) -> Submitted:
    """A generation that delivered the objects under `keys`."""
    made = started(cast, count=len(keys))
    assert made.claimed is not None
    parts = [{"image": number} for number in range(len(keys))]
    assert finish.succeed(made.claimed, [stored(key) for key in keys], parts, finish.Tried())
    return made
