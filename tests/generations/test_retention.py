"""How long images are kept (I6): as long as their team says, then the object is gone, the link answers 410,
and what it cost stays in the books."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

import httpx2
import psycopg
import pytest
from django.conf import settings

from accounts.actions import organizations
from accounts.actions.organizations import FOREVER_HOURS
from billing import ledger
from generations import links, orphans
from generations.actions import keeping
from generations.models import Generation, Output
from runtime import storage
from runtime.clock import utc_now
from runtime.tenancy import tenant
from tests.accounts.visits import Visitor
from tests.cast import BY, Cast
from tests.generations.gallery import drawn

pytestmark = pytest.mark.usefixtures("database")


def keep(cast: Cast, hours: int | None) -> None:
    organizations.set_retention(organization=cast.organization, image_hours=hours, body_hours=None, by=BY)


def output_of(cast: Cast, generation: UUID) -> Output:
    with tenant(cast.organization):
        return Output.objects.of(cast.organization).get(generation_id=generation)


def row_of(cast: Cast, generation: UUID) -> Generation:
    with tenant(cast.organization):
        return Generation.objects.of(cast.organization).get(pk=generation)


def time_passes(superuser: psycopg.Connection, generation: UUID, **by: float) -> None:
    """As if it had been made so long ago."""
    superuser.execute(
        "UPDATE generations_output SET expires_at = expires_at - %s WHERE generation_id = %s",
        (timedelta(**by), generation),
    )


@pytest.mark.parametrize("hours", [1, 24, 720, FOREVER_HOURS, None])
def test_an_image_is_kept_as_long_as_its_team_says(cast: Cast, hours: int | None) -> None:
    keep(cast, hours)
    made = row_of(cast, drawn(cast).pk)
    kept = timedelta(days=settings.EASEL.retention_days) if hours is None else timedelta(hours=hours)
    assert made.finished_at is not None
    assert made.expires_at == made.finished_at + kept
    assert output_of(cast, made.pk).expires_at == made.expires_at


def test_another_word_counts_for_what_is_made_after_it(cast: Cast) -> None:
    before = drawn(cast)
    keep(cast, 1)
    after = drawn(cast)
    until = [output_of(cast, each.pk).expires_at for each in (before, after)]
    assert until[0] > until[1]


def test_when_its_time_is_over_the_object_goes_and_the_books_stay(
    cast: Cast, superuser: psycopg.Connection
) -> None:
    keep(cast, 1)
    old, young = drawn(cast), drawn(cast)
    with tenant(cast.organization):
        before = ledger.balance(cast.organization.pk, "live")
    time_passes(superuser, old.pk, hours=2)
    assert orphans.expire_outputs() >= 1
    gone, kept = output_of(cast, old.pk), output_of(cast, young.pk)
    assert gone.deleted_at is not None
    assert kept.deleted_at is None
    assert [storage.default().exists(each.storage_key) for each in (gone, kept)] == [False, True]
    assert row_of(cast, old.pk).tokens == 1290
    with tenant(cast.organization):
        assert ledger.balance(cast.organization.pk, "live") == before


def test_doing_it_again_changes_nothing(cast: Cast, superuser: psycopg.Connection) -> None:
    made = drawn(cast)
    time_passes(superuser, made.pk, days=31)
    orphans.expire_outputs()
    first = output_of(cast, made.pk).deleted_at
    orphans.expire_outputs()
    assert output_of(cast, made.pk).deleted_at == first


def test_forever_is_never_over(cast: Cast, superuser: psycopg.Connection) -> None:
    keep(cast, FOREVER_HOURS)
    made = drawn(cast)
    time_passes(superuser, made.pk, days=365 * 50)
    orphans.expire_outputs()
    assert output_of(cast, made.pk).deleted_at is None


def test_an_object_that_cannot_be_deleted_now_is_not_told_to_be_gone(
    cast: Cast, superuser: psycopg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = drawn(cast)
    time_passes(superuser, made.pk, days=31)
    broken, whole = output_of(cast, made.pk).storage_key, type(storage.default()).delete

    def delete(self: Any, key: str) -> None:
        if key == broken:
            raise storage.StorageError("the store is away")
        whole(self, key)

    monkeypatch.setattr(type(storage.default()), "delete", delete)
    orphans.expire_outputs()
    assert output_of(cast, made.pk).deleted_at is None
    monkeypatch.undo()
    orphans.expire_outputs()
    assert output_of(cast, made.pk).deleted_at is not None


def test_the_link_answers_410_from_the_moment_on(
    cast: Cast, superuser: psycopg.Connection, servers: Any
) -> None:
    """Before the janitor comes by, too."""
    made, web = drawn(cast), servers.shared()
    link = links.url(made.pk, 0, "image/png", 0).replace(settings.EASEL.url, web.url)
    assert httpx2.get(link).status_code == 200
    time_passes(superuser, made.pk, days=31)
    assert httpx2.get(link).status_code == 410


def kept_for(cast: Cast, generation: UUID) -> timedelta:
    until = output_of(cast, generation).expires_at
    assert until == row_of(cast, generation).expires_at
    return until - utc_now()


def test_a_pinned_image_outlives_its_time(cast: Cast, owner: Visitor, superuser: psycopg.Connection) -> None:
    made = drawn(cast).pk
    assert owner.status("post", "pin_task", generation=made) == 302
    time_passes(superuser, made, days=365)
    orphans.expire_outputs()
    assert output_of(cast, made).deleted_at is None
    assert "until you delete them" in owner.read("task", generation=made)


@pytest.mark.parametrize(("hours", "least"), [(None, timedelta(days=29)), (1, timedelta(hours=23))])
def test_what_is_let_go_is_kept_like_others_and_a_day_at_least(
    cast: Cast, owner: Visitor, hours: int | None, least: timedelta
) -> None:
    made = drawn(cast).pk
    owner.status("post", "pin_task", generation=made)
    keep(cast, hours)
    owner.send("pin_task", {"until": "usual"}, generation=made)
    assert least < kept_for(cast, made) <= least + timedelta(days=2)


def test_deleted_images_cannot_be_pinned(cast: Cast, owner: Visitor) -> None:
    made = drawn(cast)
    keeping.delete_outputs(generation=made, by=BY)
    assert owner.status("post", "pin_task", generation=made.pk) == 302
    assert "no longer kept" in owner.read("task", generation=made.pk)
    assert kept_for(cast, made.pk) < timedelta(days=60)


def test_new_links_end_the_old_ones(cast: Cast, owner: Visitor, servers: Any) -> None:
    made = drawn(cast)
    output = output_of(cast, made.pk)
    old = links.url(made.pk, 0, output.mime, output.epoch).replace(settings.EASEL.url, servers.shared().url)
    assert httpx2.get(old).status_code == 200
    assert owner.status("post", "renew_links", generation=made.pk) == 302
    assert httpx2.get(old).status_code == 410
    fresh = output_of(cast, made.pk)
    new = links.url(made.pk, 0, fresh.mime, fresh.epoch).replace(settings.EASEL.url, servers.shared().url)
    assert httpx2.get(new).status_code == 200
