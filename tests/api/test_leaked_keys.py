"""Anybody who holds a key may end it (K13, X5)."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core import mail

from accounts.actions import leaks
from accounts.actions.keys import create, rotate
from accounts.models import AuditEvent
from runtime.tenancy import tenant
from tests.api.office import Office
from tests.api.test_teams_and_keys import can_generate
from tests.cast import BY, Cast


@pytest.fixture
def post(settings: Any) -> list[Any]:
    """What is mailed."""
    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
    mail.outbox = []
    return mail.outbox


def test_a_reported_key_ends_and_its_finder_learns_nothing(cast: Cast, nobody: Office) -> None:
    key = cast.key()
    assert can_generate(nobody.url, key)
    known = nobody.do("POST", "leaked-keys", {"key": key, "found_at": "https://example.com/paste"})
    assert not can_generate(nobody.url, key)
    unknown = [nobody.do("POST", "leaked-keys", {"key": other}) for other in (key, key[:-1] + "?", "hello")]
    assert unknown == [known] * 3


def test_owners_and_admins_are_told_and_it_is_noted(cast: Cast, post: list[Any]) -> None:
    plain = cast.key()
    assert leaks.report(presented=plain, place="a public repository", by=BY)
    (message,) = post
    assert message.to == [cast.owner.email]
    assert cast.organization.name in message.subject
    assert plain not in message.body
    assert "a public repository" in message.body
    with tenant(cast.organization):
        actions = set(AuditEvent.objects.of(cast.organization).values_list("action", flat=True))
    assert {"key.revoke", "key.leaked"} <= actions
    assert not leaks.report(presented=plain, by=BY)
    assert len(post) == 1


def test_an_old_secret_ends_alone(cast: Cast, post: list[Any], url: str) -> None:
    key, old = create(organization=cast.organization, mode="live", name="turned", by=BY)
    _, new = rotate(key=key, grace=timedelta(days=7), by=BY)
    assert leaks.report(presented=old, by=BY)
    assert not can_generate(url, old)
    assert can_generate(url, new)
    assert "old secret" in post[0].body


def test_reports_are_counted_by_address(nobody: Office) -> None:
    answers = [nobody.send("POST", "leaked-keys", json={"key": "x"}).status_code for _ in range(45)]
    assert 429 in answers  # twenty of a minute, and a minute may have passed once
    assert answers.count(200) <= 40


def test_the_words_are_strict(nobody: Office) -> None:
    for body in ({}, {"key": 5}, {"key": "x", "organization": "y"}):
        answer = nobody.send("POST", "leaked-keys", json=body)
        assert answer.status_code in (400, 429)


def test_the_pattern_of_keys_is_published() -> None:
    page = (Path(__file__).resolve().parents[2] / "docs/management.md").read_text()
    assert "easel_(live|test)_[0-9A-Za-z]{48}" in page
