"""The demo's first pictures: each is an order that its door takes, and they are ordered once."""

from __future__ import annotations

from collections import Counter
from urllib.parse import urlsplit

import pytest

from config import album
from config.first_image import Client
from generations.models import Generation
from runtime.tenancy import tenant
from tests.cast import Cast
from tests.flows.wire import eventually
from tests.house import Servers


def client_of(servers: Servers, key: str) -> Client:
    url = servers.shared().url
    return Client("127.0.0.1", urlsplit(url).port or 0, url, key)


@pytest.mark.slow
def test_the_album_is_ordered_once_and_drawn_with_a_few_failures(servers: Servers, cast: Cast) -> None:
    cast.credit(30)
    assert album.is_empty(cast.organization)
    client = client_of(servers, cast.key())
    assert album.order(client, lambda: False) == len(album.PICTURES)
    assert not album.is_empty(cast.organization)

    def ended() -> Counter[str] | None:
        with tenant(cast.organization):
            found = Counter(Generation.objects.of(cast.organization).values_list("state", flat=True))
        return found if found["succeeded"] + found["failed"] == len(album.PICTURES) else None

    assert eventually(ended, 90) == {"succeeded": len(album.PICTURES) - 2, "failed": 2}


def test_nothing_more_is_ordered_once_somebody_wants_to_stop(servers: Servers, cast: Cast) -> None:
    assert album.order(client_of(servers, cast.key()), lambda: True) == 0
    assert album.is_empty(cast.organization)


def test_an_order_that_is_refused_says_what_was_answered(servers: Servers, cast: Cast) -> None:
    with pytest.raises(album.AlbumProblem, match="401"):
        album.order(client_of(servers, "easel_live_nobody"), lambda: False)
