"""What the operators' pages tell: a generation's story, what is found, and where the tokens went."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.http import HttpResponse
from django.test import Client

from accounts.models import Organization
from billing.admin.usage import Totals
from billing.models import Entry, Usage
from generations import handles, links
from generations.models import ApiRequest, Generation
from runtime.tenancy import operator, tenant
from tests.cast import IMAGE
from tests.config.office import PAGES, page_of, place, rows
from tests.law.house_of_rows import Household

pytestmark = pytest.mark.usefixtures("quiet_database")


# ---- what it tells -------------------------------------------------------------------------------


def test_a_generation_tells_everything_that_happened_to_it(
    household: Household, superuser_page: Client
) -> None:
    page = page_of(superuser_page, place("generations.Generation", "change", household.generation))
    for word in (
        "Succeeded",
        "$0.0387",
        "1,290",
        "Reserved",
        "Charged",
        "a red fox",
        "POST /v1",
        "attempt 1",
    ):
        assert word in page
    address = links.url(household.generation, 0, "image/png", 0)
    assert address.partition("/i/")[2] in page
    assert f'title="{household.id}"' not in page


def forms_of(generation: Generation) -> list[str]:
    return [
        str(generation.pk),
        handles.evolink(generation.pk, generation.ticket),
        handles.toapis(generation.pk),
        handles.gemini(generation.pk),
        handles.gmi(generation.pk),
    ]


def test_a_generation_is_found_by_its_id_in_any_doors_form_and_by_its_request(
    household: Household, superuser_page: Client
) -> None:
    with tenant(household.id):
        generation = Generation.objects.of(household.id).get(pk=household.generation)
        request = ApiRequest.objects.of(household.id).get(generation_id=household.generation)
    for label in (
        "generations.Generation",
        "generations.ApiRequest",
        "generations.Transition",
        "billing.Entry",
    ):
        page = page_of(superuser_page, place(label, "changelist"), q=str(generation.pk))
        assert str(generation.pk) in page, label
    for form in [*forms_of(generation), request.request_id]:
        page = page_of(superuser_page, place("generations.Generation", "changelist"), q=form)
        assert (rows(page), str(generation.pk) in page) == (1, True), form
    nothing = page_of(superuser_page, place("generations.Generation", "changelist"), q="no such thing")
    assert rows(nothing) == 0


def test_a_list_is_found_by_key_and_by_organization(household: Household, superuser_page: Client) -> None:
    with operator():
        organization = Organization.objects.across().get(pk=household.id)
    generations = place("generations.Generation", "changelist")
    for term in (household.key.prefix, household.key.public_id, organization.slug, organization.name):
        page = page_of(superuser_page, generations, q=term)
        assert (rows(page), str(household.generation) in page) == (1, True), term
    narrowed = page_of(superuser_page, generations, organization__id__exact=household.id)
    assert (rows(narrowed), organization.name in narrowed) == (1, True)
    assert (
        rows(page_of(superuser_page, generations, organization__id__exact=household.id, state="failed")) == 0
    )


def test_an_organization_leads_to_everything_it_has(household: Household, superuser_page: Client) -> None:
    page = page_of(superuser_page, place("accounts.Organization", "change", household.id))
    for label, shown in PAGES.items():
        if shown.of_organization:
            assert f"{place(label, 'changelist')}?{shown.of_organization}={household.id}" in page
            assert page_of(
                superuser_page, place(label, "changelist"), **{shown.of_organization: household.id}
            )


# ---- usage ---------------------------------------------------------------------------------------


def settled(**which: Any) -> tuple[int, int]:
    """Tokens and nano-dollars that the ledger says were charged."""
    with operator():
        found = list(Entry.objects.across().filter(kind="settle", **which).values_list("tokens", "amount"))
    return sum(tokens or 0 for tokens, _ in found), sum(amount for _, amount in found)


def totals(answer: HttpResponse) -> Totals:
    return answer.context_data["cl"].totals  # type: ignore[attr-defined, no-any-return]  # a template's


@pytest.mark.parametrize("by", ["", "day", "model", "door", "outcome"])
def test_usage_comes_to_what_the_ledger_charged(
    by: str, household: Household, superuser_page: Client
) -> None:
    usage = place("billing.Usage", "changelist")
    everybody = totals(superuser_page.get(usage, {"by": by}))
    assert (everybody.tokens, everybody.amount) == settled(mode="live")
    answer = superuser_page.get(usage, {"by": by, "organization__id__exact": household.id})
    own = totals(answer)
    assert (own.generations, own.images, own.tokens, own.amount) == (1, 1, 1290, IMAGE)
    assert (own.tokens, own.amount) == settled(mode="live", organization_id=household.id)
    (line,) = answer.context_data["cl"].result_list  # type: ignore[attr-defined]  # a template's
    assert (line.generations, line.images, line.tokens, line.amount) == (1, 1, 1290, IMAGE)


def test_the_lines_of_usage_add_up_to_its_totals(household: Household, superuser_page: Client) -> None:
    Household.settle()
    shown = superuser_page.get(place("billing.Usage", "changelist"), {"by": "door"})
    lines = shown.context_data["cl"].result_list  # type: ignore[attr-defined]  # a template's
    assert sum(line.amount for line in lines) == totals(shown).amount
    assert sum(line.images for line in lines) == totals(shown).images


def test_the_money_of_test_wallets_is_not_in_the_totals(household: Household, superuser_page: Client) -> None:
    with operator():
        both = Totals.of(Usage.objects.across())
    usage = place("billing.Usage", "changelist")
    live, test = (totals(superuser_page.get(usage, query)) for query in ({}, {"mode": "test"}))
    assert live.amount + test.amount == both.amount
    assert totals(superuser_page.get(usage, {"mode": "both"})) == both


def test_a_line_of_usage_leads_to_what_is_in_it(household: Household, superuser_page: Client) -> None:
    usage = place("billing.Usage", "changelist")
    for by in ("", "day", "model", "door", "outcome"):
        page = page_of(superuser_page, usage, by=by, organization__id__exact=household.id)
        found = re.search(r'<th [^>]*><a href="(\?[^"]+)"', page)
        assert found, by
        narrower = superuser_page.get(usage + found[1].replace("&amp;", "&"))
        assert narrower.status_code == 200, by
        assert totals(narrower).amount == IMAGE, by
