"""The first page: its numbers are the ledger's, and each leads to the rows behind it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import timedelta
from html import unescape

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.models import Organization
from billing.models import Entry
from config.management.commands.seed_history import fill
from generations.models import Channel, Generation
from runtime.clock import utc_now
from runtime.tenancy import operator
from tests.admin.test_lists import counted
from tests.cast import make_cast
from tests.config.office import page_of
from tests.work import started

pytestmark = pytest.mark.usefixtures("quiet_database")


@pytest.fixture(scope="module")
def past(quiet_database: str) -> Organization:
    organization = make_cast().organization
    fill(organization, admin_url=quiet_database, generations=500, days=12, seed=9, told=lambda _: None)
    return organization


def figures(page: str) -> dict[str, tuple[str, str]]:
    """Title: value and link of each."""
    found = re.findall(
        r'href="([^"]+)">\s*<span class="figure-title">([^<]+)</span>\s*<strong>([^<]+)</strong>', page
    )
    return {title: (unescape(value), unescape(link)) for link, title, value in found}


def test_a_periods_numbers_are_those_of_the_ledger(past: Organization, superuser_page: Client) -> None:
    page = page_of(superuser_page, "/admin/", period="30d")
    with operator():
        ended = Generation.objects.across().filter(mode="live").exclude(finished_at=None)
        charges = Entry.objects.across().filter(kind="settle", mode="live")
        amount = sum(charges.values_list("amount", flat=True))
        tokens = sum(filter(None, charges.values_list("tokens", flat=True)))
        images = sum(ended.values_list("delivered", flat=True))
        failed = ended.filter(state="failed").count()
    shown = figures(page)
    assert shown["Images"][0] == f"{images:,}"
    assert shown["Tokens"][0] == f"{tokens:,}"
    assert shown["Revenue"][0] == f"${amount / 10**9:,.2f}"
    assert f"{failed:,} failed" in page


def test_every_number_leads_to_the_rows_behind_it(past: Organization, superuser_page: Client) -> None:
    page = page_of(superuser_page, "/admin/", period="30d")
    for title, (_, link) in figures(page).items():
        assert superuser_page.get(link).status_code == 200, title
    links = {unescape(link) for link in re.findall(r'href="(/admin/[^"]+\?[^"]+)"', page)}
    assert len(links) > 20
    for link in links:
        assert superuser_page.get(link).status_code == 200, link
    failed = figures(page)["Error rate"][1]
    with operator():
        expected = Generation.objects.across().filter(state="failed", mode="live").count()
    assert counted(page_of(superuser_page, failed)) == expected


def test_the_table_has_what_the_charts_draw(past: Organization, superuser_page: Client) -> None:
    page = page_of(superuser_page, "/admin/", period="30d")
    found = re.search(r'<script id="chart-data" type="application/json">(.+?)</script>', page)
    assert found
    drawn = json.loads(found[1])
    assert len(drawn["days"]) >= 12
    for day, images in zip(drawn["days"], drawn["images"], strict=True):
        row = page.partition(f">{day}</a>")[2].partition("</tr>")[0]
        assert f'<td class="right">{images:,}</td>' in row


def test_a_days_row_leads_to_the_generations_that_ended_then(
    past: Organization, superuser_page: Client
) -> None:
    day = (utc_now() - timedelta(days=5)).date()
    page = page_of(superuser_page, "/admin/", period="30d")
    row = page.partition(f">{day}</a>")[0].rpartition('href="')[2].partition('"')[0]
    with operator():
        ended = Generation.objects.across().filter(mode="live", finished_at__date=day).count()
    assert counted(page_of(superuser_page, unescape(row))) == ended


def test_any_period_can_be_asked_for(past: Organization, superuser_page: Client) -> None:
    day = (utc_now() - timedelta(days=6)).date()
    asked = page_of(superuser_page, "/admin/", **{"from": f"{day}", "to": f"{day}"})
    with operator():
        rows = Generation.objects.across().filter(mode="live", finished_at__date=day)
        images = sum(rows.values_list("delivered", flat=True))
    assert figures(asked)["Images"][0] == f"{images:,}"
    for nonsense in (
        {"from": "x", "to": "y"},
        {"period": "century"},
        {"from": "2026-01-02", "to": "2026-01-01"},
    ):
        assert 'aria-current="true">24 hours' in page_of(superuser_page, "/admin/", **nonsense)


def test_test_work_is_looked_at_by_itself(past: Organization, superuser_page: Client) -> None:
    live = figures(page_of(superuser_page, "/admin/", period="30d"))
    test = figures(page_of(superuser_page, "/admin/", period="30d", mode="test"))
    with operator():
        rows = Generation.objects.across().filter(mode="test")
        images = sum(rows.values_list("delivered", flat=True))
    assert test["Images"][0] == f"{images:,}" != live["Images"][0]


def test_the_queue_is_that_of_this_moment(past: Organization, superuser_page: Client) -> None:
    before = int(figures(page_of(superuser_page, "/admin/"))["Running"][0])
    started(make_cast())
    assert int(figures(page_of(superuser_page, "/admin/"))["Running"][0]) == before + 1


def test_an_ill_channel_stands_out(past: Organization, operators: Callable[[str], Client]) -> None:
    with operator():
        sick = Channel.objects.create(
            name="sick", provider="openai", health="misconfigured", last_error="no key"
        )
    page = page_of(operators("support"), "/admin/")
    assert "Misconfigured" in page
    assert "no key" in page
    with operator():
        Channel.objects.filter(pk=sick.pk).update(enabled=False, from_environment=True)


def test_its_cost_does_not_depend_on_the_past(past: Organization, superuser_page: Client) -> None:
    counts = []
    for period in ("24h", "90d"):
        page_of(superuser_page, "/admin/", period=period)
        with CaptureQueriesContext(connection) as queries:
            page_of(superuser_page, "/admin/", period=period)
        counts.append(len(queries))
    assert counts[0] == counts[1] < 60
