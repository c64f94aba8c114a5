"""What the tests of this folder share."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from django.db import transaction

from generations import catalogue, channels
from generations.models import Channel
from tests.accounts.visits import Visitor
from tests.cast import Cast
from tests.generations.channel_rows import Tell


@pytest.fixture
def owner(cast: Cast) -> Visitor:
    return Visitor(cast.owner, cast.organization)


@pytest.fixture
def developer(cast: Cast) -> Visitor:
    return Visitor(cast.developer, cast.organization)


@pytest.fixture
def viewer(cast: Cast) -> Visitor:
    return Visitor(cast.viewer, cast.organization)


@pytest.fixture
def fresh_catalogue(monkeypatch: pytest.MonkeyPatch) -> None:
    """The catalogue stays as it was read: no test that counts queries meets its next reading."""
    monkeypatch.setattr(catalogue, "FRESH_SECONDS", 3600.0)


@pytest.fixture
def tell(database: Any, settings: Any) -> Iterator[Tell]:
    """No channel yet; what the test makes is rolled back. Called, it changes the environment."""

    def change(**values: Any) -> None:
        settings.EASEL = replace(settings.EASEL, **values)

    change(env="development", url="http://localhost:8000", door_hosts={}, gemini_base_url="")
    change(gemini_api_key="", openai_api_key="", vertex_credentials="")
    with transaction.atomic():
        Channel.objects.all().delete()
        channels.refresh()
        yield change
        transaction.set_rollback(True)
    channels.refresh()
