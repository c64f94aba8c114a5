"""What a call said and was answered: kept for its team as long as the team says, and for nobody else."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from django.db import ProgrammingError, connection

from accounts.actions import organizations
from generations import transcripts
from generations.models import Transcript
from runtime import ids
from runtime.clock import utc_now
from runtime.tenancy import history, operator, tenant
from tests.accounts.visits import Visitor
from tests.cast import BY, Cast, make_cast
from tests.generations.gallery import called

pytestmark = [
    pytest.mark.usefixtures("database"),
    pytest.mark.filterwarnings("ignore:No directory at"),
]


def said(cast: Cast, **fields: object) -> Transcript:
    made = Transcript(
        id=ids.uuid7(),
        organization_id=cast.organization.pk,
        mode="live",
        at=utc_now(),
        sent='{"prompt":"a red fox"}',
        answered='{"data":[]}',
    )
    for name, value in fields.items():
        setattr(made, name, value)
    transcripts.keep([made])
    return made


def keep(cast: Cast, hours: int | None) -> None:
    organizations.set_retention(organization=cast.organization, image_hours=None, body_hours=hours, by=BY)


def kept(cast: Cast, call: UUID) -> bool:
    return transcripts.of_call(cast.organization, call) is not None


@pytest.mark.parametrize(("hours", "is_kept"), [(None, True), (1, True), (2160, True), (0, False)])
def test_a_team_that_stores_nothing_stores_nothing(cast: Cast, hours: int | None, is_kept: bool) -> None:
    keep(cast, hours)
    assert kept(cast, said(cast).pk) is is_kept


def test_each_team_of_one_flush_has_its_own_word(cast: Cast) -> None:
    other = make_cast()
    keep(other, 0)
    mine, theirs = (
        Transcript(
            id=ids.uuid7(),
            organization_id=who.organization.pk,
            mode="live",
            at=utc_now(),
            sent="a",
            answered="b",
        )
        for who in (cast, other)
    )
    transcripts.keep([mine, theirs])
    assert kept(cast, mine.pk)
    assert not kept(other, theirs.pk)
    assert not kept(other, mine.pk)


def test_they_go_when_their_time_is_over_and_no_sooner(cast: Cast) -> None:
    keep(cast, 24)
    fresh = said(cast, at=utc_now() - timedelta(hours=23))
    old = said(cast, at=utc_now() - timedelta(hours=25))
    transcripts.forget()
    assert kept(cast, fresh.pk)
    assert not kept(cast, old.pk)


def test_a_shorter_word_counts_for_those_that_are_kept_already(cast: Cast) -> None:
    call = said(cast, at=utc_now() - timedelta(minutes=2))
    keep(cast, 0)
    transcripts.forget()
    assert not kept(cast, call.pk)


def test_the_page_of_a_call_shows_both_bodies(cast: Cast, owner: Visitor) -> None:
    call = called(cast)
    said(cast, id=call.pk, sent='{"prompt":"a <b>red</b> fox"}')
    page = owner.client.get(f"{owner.address('requests')}{call.pk}/").content.decode()
    assert "a &lt;b&gt;red&lt;/b&gt; fox" in page
    assert "&quot;data&quot;: []" in page


def test_the_page_says_so_when_they_are_not_kept(cast: Cast, owner: Visitor) -> None:
    page = owner.client.get(f"{owner.address('requests')}{called(cast).pk}/").content.decode()
    assert "The bodies of this call are not kept." in page


@pytest.mark.parametrize("scope", [tenant, lambda _: history(), lambda _: operator()])
def test_nobody_rewrites_what_was_said(cast: Cast, scope: Callable[[UUID], Any]) -> None:
    call = said(cast)
    with pytest.raises(ProgrammingError), scope(cast.organization.pk), connection.cursor() as cursor:
        cursor.execute("UPDATE generations_transcript SET sent = '' WHERE id = %s", (call.pk,))
