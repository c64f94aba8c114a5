"""What the tests of this folder share."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from django.db import transaction

from generations import channels
from generations.models import Channel
from tests.generations.channel_rows import Tell


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
