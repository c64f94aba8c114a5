"""Lists over all organizations: every filter works, costs the same, and says how far it looked."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.models import Organization
from config.management.commands.seed_history import fill
from generations.models import ApiRequest, Attempt, Generation
from runtime.clock import utc_now
from runtime.tenancy import operator
from tests.cast import make_cast
from tests.config.office import page_of, place, rows

pytestmark = pytest.mark.usefixtures("quiet_database")
GENERATIONS, REQUESTS = (
    place("generations.Generation", "changelist"),
    place("generations.ApiRequest", "changelist"),
)


@pytest.fixture(scope="module")
def past(quiet_database: str) -> Organization:
    organization = make_cast().organization
    fill(organization, admin_url=quiet_database, generations=600, days=12, seed=5, told=lambda _: None)
    return organization


def counted(page: str) -> int:
    """What the pager says there is."""
    return int(page.partition(" in all")[0].rpartition(">")[2].split()[-1].replace(",", ""))


def test_every_filter_of_generations_finds_what_the_rows_say(
    past: Organization, superuser_page: Client
) -> None:
    with operator():
        mine = Generation.objects.across()
        expected = {
            "state=failed": mine.filter(state="failed").count(),
            "kind=content_blocked": mine.filter(kind="content_blocked").count(),
            "mode=test": mine.filter(mode="test").count(),
            "dialect=gmi": mine.filter(dialect="gmi").count(),
            "model=gemini-3-pro-image": mine.filter(model="gemini-3-pro-image").count(),
            "channel=sandbox": mine.filter(attempts__channel="sandbox").distinct().count(),
            "prompt=LIGHTHOUSE": mine.filter(order__prompt__icontains="lighthouse").count(),
            "state=succeeded&dialect=openai&mode=live": mine.filter(
                state="succeeded", dialect="openai", mode="live"
            ).count(),
        }
    for query, many in expected.items():
        page = page_of(superuser_page, f"{GENERATIONS}?{query}")
        assert counted(page) == many > 0, query


def test_dates_narrow_by_day_and_by_moment(past: Organization, superuser_page: Client) -> None:
    day = (utc_now() - timedelta(days=4)).date()
    with operator():
        asked = Generation.objects.across().filter(created_at__date=day).count()
        ended = Generation.objects.across().filter(finished_at__date=day).count()
    assert counted(page_of(superuser_page, GENERATIONS, **{"from": f"{day}", "to": f"{day}"})) == asked > 0
    assert counted(page_of(superuser_page, GENERATIONS, ended_from=f"{day}", ended_to=f"{day}")) == ended > 0
    bad = superuser_page.get(GENERATIONS, {"from": "yesterday"})
    assert bad.status_code == 302
    assert "e=1" in bad["Location"]


def test_requests_are_found_by_address_status_and_door(past: Organization, superuser_page: Client) -> None:
    with operator():
        calls = ApiRequest.objects.across()
        somebody = calls.exclude(ip=None).filter(generation_id__isnull=False).first()
        assert somebody is not None
        expected = {
            f"ip={somebody.ip}": calls.filter(ip=somebody.ip).count(),
            f"q={somebody.ip}": calls.filter(ip=somebody.ip).count(),
            f"q={somebody.request_id}": calls.filter(generation_id=somebody.generation_id).count(),
            "status=200": calls.filter(status=200).count(),
            "door=gemini": calls.filter(door="gemini").count(),
        }
    for query, many in expected.items():
        assert counted(page_of(superuser_page, f"{REQUESTS}?{query}")) == many > 0, query


def test_a_filter_without_an_index_looks_at_the_newest_and_says_so(
    past: Organization, superuser_page: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("accounts.admin.lists.SCANNED", 200)
    seen, address, windows = set(), f"{GENERATIONS}?dialect=gmi", 0
    while address:
        page = superuser_page.get(address)
        changes = page.context_data["cl"]  # type: ignore[attr-defined]  # a template's
        with operator():
            seen |= {row.pk for row in changes.queryset}
        windows += 1
        assert ("Look further back" in page.content.decode()) is (changes.floor is not None)
        address = GENERATIONS + changes.further if changes.floor is not None else ""
    with operator():
        assert seen == set(Generation.objects.across().filter(dialect="gmi").values_list("pk", flat=True))
    assert windows > 2
    by_index = superuser_page.get(GENERATIONS, {"state": "failed"})
    assert by_index.context_data["cl"].floor is None  # type: ignore[attr-defined]  # a template's


def test_attempts_and_images_stand_in_the_order_of_time(past: Organization, superuser_page: Client) -> None:
    for label in ("generations.Attempt", "generations.Output"):
        changes = superuser_page.get(place(label, "changelist")).context_data["cl"]  # type: ignore[attr-defined]
        order = [row.generation_id for row in changes.result_list]
        assert order == sorted(order, reverse=True)
    with operator():
        many = Attempt.objects.across().count()
    assert counted(page_of(superuser_page, place("generations.Attempt", "changelist"), since="month")) == many


@pytest.mark.parametrize(
    "query", ["", "state=failed", "dialect=gmi&model=gemini-3-pro-image", "prompt=fox", "channel=sandbox"]
)
def test_the_number_of_queries_does_not_depend_on_the_rows(
    query: str, past: Organization, superuser_page: Client
) -> None:
    address = f"{GENERATIONS}?{query}"
    page_of(superuser_page, address)
    counts = []
    for more in ("", "&organization__id__exact=00000000-0000-0000-0000-000000000000"):
        with CaptureQueriesContext(connection) as queries:
            page_of(superuser_page, address + more)
        counts.append(len(queries))
    full, empty = counts
    assert full <= empty + 6  # the pictures of the page, the name of the chip
    assert full < 40


@pytest.mark.parametrize(
    "query", ["state=%00", "model=%00", "prompt=%00", "channel=%00", "q=%00", "ip=x", "p=x"]
)
def test_nonsense_in_the_address_breaks_nothing(query: str, superuser_page: Client) -> None:
    for address in (GENERATIONS, REQUESTS):
        assert superuser_page.get(f"{address}?{query}").status_code in (200, 302), address


def test_what_narrows_a_list_is_shown_and_can_be_taken_away(
    past: Organization, superuser_page: Client
) -> None:
    page = page_of(superuser_page, GENERATIONS, organization__id__exact=past.pk, state="failed")
    assert f"organization <strong>{past.name}</strong>" in page
    assert "state <strong>failed</strong>" in page
    assert f'href="?organization__id__exact={past.pk}"' in page


def test_the_filters_open_by_keyboard(past: Organization, superuser_page: Client) -> None:
    page = page_of(superuser_page, GENERATIONS)
    assert '<button type="button"\n              id="filters-open"' in page
    assert 'aria-controls="changelist-filter"' in page
    assert rows(page) == 50
