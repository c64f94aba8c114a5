"""What was said at a door stands on the page of its call: without keys, without pictures, without delay."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from generations import transcripts
from generations.models import ApiRequest
from generations.transcripts import Said
from runtime.tenancy import tenant
from tests.cast import Cast
from tests.flows.five import OPENAI, WAYS, Way, Wish
from tests.flows.wire import CLIENT, eventually
from tests.work import picture


def last_said(cast: Cast) -> Said:
    """Of the newest call."""

    def found() -> Said | None:
        with tenant(cast.organization):
            call = ApiRequest.objects.of(cast.organization).exclude(status=None).order_by("-at").first()
        return transcripts.of_call(cast.organization, call.pk) if call else None

    return eventually(found)


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.name)
def test_an_order_and_its_answer_are_kept_at_every_door(url: str, cast: Cast, way: Way) -> None:
    cast.credit(1)
    answer = way.post(url, cast.key(), Wish("A lamp on a table"))
    said = last_said(cast)
    assert "A lamp on a table" in said.sent
    assert json.loads(said.answered).keys() == answer.json().keys()
