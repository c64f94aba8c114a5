"""A team with a past: what most pages have to show before they are worth looking at."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import httpx2

from accounts.access import OperatorRole
from accounts.actions import invitations, webhooks
from accounts.models import Event, Organization, User
from billing import actions as billing
from generations.models import Generation
from runtime.tenancy import tenant
from tests.cast import BY, make_cast
from tests.config.office import an_operator

MODEL = "gemini-2.5-flash-image"
DOLLAR = 1_000_000_000
PROMPTS = ("A lighthouse in a storm", "A paper boat on a quiet lake", "A red bicycle by a yellow wall")


@dataclass(frozen=True)
class Studio:
    """The team, its people by role (`operator` is none of them), and a live key in the clear."""

    organization: Organization
    people: dict[str, User]
    key: str
    tasks: tuple[str, ...]


def make_studio(site: str) -> Studio:
    cast = make_cast()
    organization = cast.organization
    billing.grant(organization=organization, amount=25 * DOLLAR, reason="A start", by=BY)
    billing.set_budget(organization=organization, period="month", limit=20 * DOLLAR, by=BY)
    guest = f"guest-{organization.slug}@example.test"
    invitations.create(organization=organization, email=guest, role="viewer", by=BY)
    webhooks.create(
        organization=organization,
        mode="live",
        url="https://hooks.example.test/easel",
        events=list(Event.values),
        by=BY,
    )
    key = cast.key()
    for prompt in PROMPTS:
        draw(site, key, prompt)
    people = {"owner": cast.owner, "developer": cast.developer, "viewer": cast.viewer,
              "operator": an_operator(OperatorRole.SUPERUSER)}  # fmt: skip
    return Studio(organization, people, key, tasks_of(organization))


def tasks_of(organization: Organization) -> tuple[str, ...]:
    """The ids of its live orders, oldest first."""
    with tenant(organization):
        rows = Generation.objects.of(organization).filter(mode="live").order_by("id")
        return tuple(str(row.pk) for row in rows)


def draw(site: str, key: str, prompt: str, **fields: Any) -> dict[str, Any]:
    """Order one image at the openai door and wait for it; the answer."""
    response = httpx2.post(
        f"{site}/openai/v1/images/generations",
        json={"model": MODEL, "prompt": prompt, "n": 1, **fields},
        headers={"Authorization": f"Bearer {key}"},
        timeout=120,
        trust_env=False,
    )
    assert response.status_code == 200, response.text
    answer: dict[str, Any] = response.json()
    return answer
