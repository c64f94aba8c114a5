"""The log of requests: every call, also refused ones, each with what is kept of it."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from runtime.clock import utc_now
from tests.accounts.visits import Visitor
from tests.cast import Cast
from tests.generations.gallery import called, drawn, key_of

pytestmark = [
    pytest.mark.usefixtures("database", "fresh_catalogue"),
    pytest.mark.filterwarnings("ignore:No directory at"),
]


def shown(visitor: Visitor, query: str = "") -> list[str]:
    return re.findall(r'<tr data-href="/o/[^/]+/requests/([0-9a-f-]{36})/"', visitor.look("requests", query))


def test_the_log_is_narrowed_by_its_address(cast: Cast, owner: Visitor) -> None:
    key, made = key_of(cast), drawn(cast)
    fine = called(cast, key_id=key.pk, generation_id=made.pk, at=utc_now() - timedelta(seconds=9))
    refused = called(cast, status=402, door="evolink", kind="no_credit", at=utc_now() - timedelta(seconds=6))
    broke = called(cast, status=500, ip="2001:db8::7", at=utc_now() - timedelta(seconds=3))
    modeless = called(cast, status=401, mode="")
    ids = {
        name: str(call.pk)
        for name, call in locals().items()
        if name in ("fine", "refused", "broke", "modeless")
    }
    assert shown(owner) == [ids["modeless"], ids["broke"], ids["refused"], ids["fine"]]
    assert shown(owner, "?hundred=4") == [ids["modeless"], ids["refused"]]
    assert shown(owner, "?status=500") == [ids["broke"]]
    assert shown(owner, "?door=evolink") == [ids["refused"]]
    assert shown(owner, f"?key={key.pk}") == [ids["fine"]]
    assert shown(owner, "?ip=2001:db8::7") == [ids["broke"]]
    assert shown(owner, f"?generation={made.pk}") == [ids["fine"]]
    assert shown(owner, f"?q={refused.request_id}") == [ids["refused"]]
    assert shown(owner, "?to=2020-01-01") == []
    assert shown(owner, "?mode=test") == [ids["modeless"]]


def test_the_id_of_a_task_leads_to_its_calls(cast: Cast, owner: Visitor) -> None:
    made = drawn(cast)
    answer = owner.client.get(owner.address("requests"), {"q": str(made.pk)})
    assert answer["Location"] == f"{owner.address('requests')}?generation={made.pk}"


def test_pages_lead_both_ways(cast: Cast, owner: Visitor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("generations.views.requests.SIZE", 2)
    made = [str(called(cast).pk) for _ in range(3)][::-1]
    older = re.search(r'href="(\?before=[^"]+)" rel="next"', owner.look("requests"))
    assert older
    assert shown(owner, older[1]) == made[2:]
    newer = re.search(r'href="(\?after=[^"]+)" rel="prev"', owner.look("requests", older[1]))
    assert newer
    assert shown(owner, newer[1]) == made[:2]
    assert owner.client.get(owner.address("requests"), {"before": "nonsense"}).status_code == 404


def test_a_call_shows_all_that_is_kept_of_it(cast: Cast, owner: Visitor) -> None:
    made, key = drawn(cast, prompt="A brass telescope"), key_of(cast)
    call = called(
        cast,
        status=402,
        kind="no_credit",
        key_id=key.pk,
        generation_id=made.pk,
        bytes_in=1234,
        agent="curl/8",
    )
    said = owner.read("request", call=call.pk)
    for text in (call.request_id, "402", "No credit", "1.2 KB", "192.0.2.7", "curl/8", key.prefix, "12 ms"):
        assert text in said
    assert "A brass telescope" in said
    assert "The bodies of this call are not kept." in said


def test_a_viewer_sees_calls_without_the_names_of_keys(cast: Cast, viewer: Visitor) -> None:
    key = key_of(cast)
    call = called(cast, key_id=key.pk)
    for source in (viewer.look("requests"), viewer.look("request", call=call.pk)):
        assert key.prefix not in source


def test_the_number_of_queries_does_not_grow_with_the_rows(cast: Cast, owner: Visitor) -> None:
    counted = []
    for number in (2, 6):
        for _ in range(number):
            called(cast, key_id=key_of(cast).pk)
        owner.look("requests")
        with CaptureQueriesContext(connection) as queries:
            owner.look("requests", "?hundred=2")
        counted.append(len(queries))
    assert counted[0] == counted[1]
