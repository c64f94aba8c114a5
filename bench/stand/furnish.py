"""An organization with a history, and one of everything that a team can have."""

from __future__ import annotations

from typing import Any

import psycopg

from accounts.actions import invitations, webhooks
from accounts.auditing import Actor
from accounts.directory import organization_by_slug
from accounts.models import ApiKey, Organization
from bench.stand.rig import manage
from billing import actions as billing
from billing import seals
from billing.actions import credit
from runtime.tenancy import tenant

BY = Actor.system("bench")
DOLLAR = 10**9
# The story's pictures count as deleted, since their bytes were never kept. Here they are kept for thirty
# days, as real ones: no page reads the bytes.
_KEPT = """
    SET LOCAL session_replication_role = replica;
    UPDATE generations_output SET deleted_at = NULL, expires_at = created_at + interval '30 days'
    WHERE organization_id = '{}'
"""


def furnish(admin: psycopg.Connection[Any], slug: str, generations: int) -> None:
    """Make an organization with so many generations, and tell the planner."""
    manage("seed_history", "--org", slug, "--generations", str(generations))
    organization = organization_by_slug(slug)
    with admin.transaction():
        admin.execute(_KEPT.format(organization.pk))
    _one_of_each(organization)
    while seals.seal_all():  # as the janitor does each minute
        pass
    admin.execute("VACUUM ANALYZE")


def _one_of_each(organization: Organization) -> None:
    with tenant(organization):
        key = ApiKey.objects.of(organization).get(name="Website")
    endpoint, _ = webhooks.create(
        organization=organization, mode="live", url="https://hooks.example.com/easel",
        events=["generation.succeeded"], by=BY,
    )  # fmt: skip
    webhooks.ping(endpoint=endpoint, by=BY)
    invitations.create(
        organization=organization, email=f"new@{organization.slug}.example.com", role="viewer", by=BY
    )
    for of in (None, key.pk):
        billing.set_budget(
            organization=organization, period="month", limit=10**6 * DOLLAR, by=BY, key=of, alert_percent=80
        )
    billing.set_alert(organization=organization, threshold=DOLLAR, by=BY)
    credit.request(organization=organization, amount=100 * DOLLAR, note="for the benchmark", by=BY)
