"""A made-up past obeys every rule that is checked of a real one."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.core.management.base import CommandError

from accounts.models import Organization
from billing import ledger
from config.management.commands.seed_history import fill
from config.proof.run import prove
from generations.models import Generation
from runtime.clock import utc_now
from runtime.tenancy import tenant
from tests.cast import make_cast


def seed(organization: Organization, admin_url: str, generations: int) -> int:
    return fill(
        organization, admin_url=admin_url, generations=generations, days=30, seed=7, told=lambda _: None
    )


def test_the_proof_finds_nothing_wrong_with_it(quiet_database: str) -> None:
    organization = make_cast().organization
    assert seed(organization, quiet_database, 700) == 700
    proof = prove()
    assert not [(finding.id, finding.broken[:3]) for finding in proof.findings if finding.broken]


def test_it_lies_in_the_past_at_every_door_with_every_outcome(quiet_database: str) -> None:
    organization = make_cast().organization
    seed(organization, quiet_database, 700)
    with tenant(organization):
        made = list(Generation.objects.of(organization))
        available = ledger.balance(organization.pk, "live").available
    assert {row.dialect for row in made} == {"evolink", "openai", "toapis", "gemini", "gmi"}
    assert {row.state for row in made} == {"succeeded", "failed", "cancelled"}
    assert {row.mode for row in made} == {"live", "test"}
    ends = [row.finished_at for row in made if row.finished_at]
    assert max(ends) <= utc_now()
    assert min(row.created_at for row in made) < utc_now() - timedelta(days=28)
    assert available > 0


def test_a_past_comes_before_the_present(quiet_database: str) -> None:
    organization = make_cast().organization
    seed(organization, quiet_database, 5)
    with pytest.raises(CommandError, match="generations already"):
        seed(organization, quiet_database, 5)
