"""Objects that no output names are deleted after a day; everything else stays."""

from __future__ import annotations

import os
from datetime import timedelta
from pathlib import Path

import pytest
from django.conf import settings

from generations import orphans
from runtime import clock, ids, storage
from tests.cast import Cast


@pytest.fixture
def yesterday() -> str:
    return (clock.utc_now() - timedelta(days=1, hours=1)).strftime("%Y%m%d")


def put(day: str, cast: Cast, *, hours_old: float) -> str:
    key = f"live/{day}/{cast.organization.pk}/{ids.uuid7()}/1-0-{ids.word(8, ids.BASE36)}.png"
    storage.default().put(key, b"picture", "image/png")
    path = Path(settings.EASEL.storage.path) / key
    then = (clock.utc_now() - timedelta(hours=hours_old)).timestamp()
    os.utime(path, (then, then))
    return key


def test_an_old_orphan_is_deleted_and_a_young_one_is_not(cast: Cast, yesterday: str) -> None:
    old, young = put(yesterday, cast, hours_old=25), put(yesterday, cast, hours_old=1)
    orphans.collect()
    assert not storage.default().exists(old)
    assert storage.default().exists(young)


def test_an_object_that_an_output_names_stays(cast: Cast, yesterday: str) -> None:
    from tests.work import succeeded

    kept = put(yesterday, cast, hours_old=30)
    succeeded(cast, keys=[kept])
    orphans.collect()
    assert storage.default().exists(kept)


def test_collecting_twice_changes_nothing(cast: Cast, yesterday: str) -> None:
    put(yesterday, cast, hours_old=25)
    assert orphans.collect() >= 1
    assert orphans.collect() == 0
