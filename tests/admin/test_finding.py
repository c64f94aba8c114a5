"""One box finds anything by any of its names, and jumps there (M7), within what a role may know."""

from __future__ import annotations

from collections.abc import Callable
from uuid import UUID, uuid4

import pytest
from django.http import HttpResponse
from django.test import Client

from accounts.models import ApiKey, User
from billing.models import Entry
from generations import handles
from generations.models import ApiRequest, Generation, Output
from runtime import ids
from runtime.tenancy import operator, tenant
from tests.admin.desk import delivered
from tests.cast import Cast
from tests.config.office import place
from tests.law.house_of_rows import Household

pytestmark = pytest.mark.usefixtures("quiet_database")


@pytest.fixture(scope="module")
def household(quiet_database: str) -> Household:
    return Household.settle()


def find(client: Client, term: str) -> HttpResponse:
    return client.post("/admin/find/", {"find": term})  # type: ignore[return-value]  # the test client's own


def generation_of(household: Household) -> Generation:
    with tenant(household.id):
        return Generation.objects.of(household.id).get(pk=household.generation)


@pytest.mark.parametrize(
    "form", ["id", "evolink", "toapis", "gemini", "gmi", " id with spaces "], ids=str.strip
)
def test_a_task_is_found_by_its_id_in_any_doors_form(
    form: str, household: Household, superuser_page: Client
) -> None:
    row = generation_of(household)
    written = {
        "id": str(row.pk),
        "evolink": handles.evolink(row.pk, row.ticket),
        "toapis": handles.toapis(row.pk),
        "gemini": handles.gemini(row.pk),
        "gmi": handles.gmi(row.pk),
        " id with spaces ": f"  {row.pk} ",
    }
    answer = find(superuser_page, written[form])
    assert answer["Location"] == place("generations.Generation", "change", row.pk)


def test_a_request_is_found_by_its_id_with_what_it_made(household: Household, superuser_page: Client) -> None:
    with tenant(household.id):
        request = ApiRequest.objects.of(household.id).get(generation_id=household.generation)
    page = find(superuser_page, request.request_id or "none").content.decode()
    if request.request_id:
        assert place("generations.Generation", "change", household.generation) in page
        assert place("generations.ApiRequest", "change", request.pk) in page


def test_a_key_is_found_whole_or_by_its_beginning_and_stands_in_no_address(
    team: Cast, superuser_page: Client
) -> None:
    plain = team.key()
    with operator():
        key = ApiKey.objects.across().get(public_id=plain.split("_")[2][:10])
    for term in (plain, key.prefix, key.public_id, key.prefix[:-2]):
        answer = find(superuser_page, term)
        assert answer["Location"] == place("accounts.ApiKey", "change", key.pk), term
        assert plain not in answer["Location"]
    unknown = find(superuser_page, f"easel_live_{ids.word(40)}").content.decode()
    assert "There is no such key." in unknown or "is no id, key, address" in unknown


def test_a_picture_is_found_by_its_hash(team: Cast, superuser_page: Client) -> None:
    generation = delivered(team)
    with tenant(team.organization):
        output = Output.objects.of(team.organization).get(generation_id=generation.pk)
    page = find(superuser_page, output.sha256.upper())
    links = page.get("Location", "") + page.content.decode()
    assert place("generations.Output", "change", output.pk) in links
    assert "Nothing fits" in find(superuser_page, "f" * 64).content.decode()


def test_people_teams_messages_and_entries_are_found(household: Household, superuser_page: Client) -> None:
    with operator():
        entry = Entry.objects.across().filter(organization_id=household.id).earliest("id")
        owner = User.objects.get(pk=household.owner.pk)
    for term, page in {
        owner.email: place("accounts.User", "change", owner.pk),
        str(owner.pk): place("accounts.User", "change", owner.pk),
        f"msg_{household.message.pk}": place("accounts.OutboxMessage", "change", household.message.pk),
        str(entry.pk): place("billing.Entry", "change", entry.pk),
    }.items():
        assert find(superuser_page, term)["Location"] == page, term


def test_an_address_leads_to_what_came_from_it(household: Household, superuser_page: Client) -> None:
    page = find(superuser_page, "192.0.2.1").content.decode()
    assert f"{place('generations.ApiRequest', 'changelist')}?q=192.0.2.1" in page
    for label in ("generations.ApiRequest", "generations.Generation"):
        listed = superuser_page.get(place(label, "changelist"), {"q": "192.0.2.1"}).content.decode()
        assert "data-row" in listed, label


def test_what_is_nothing_is_said_and_may_be_looked_for_in_prompts(
    superuser_page: Client, operators: Callable[[str], Client]
) -> None:
    for term in (str(uuid4()), "a heron at dawn", "<script>alert(1)</script>", "'; DROP TABLE", "%", "\x00"):
        answer = find(superuser_page, term)
        assert answer.status_code == 200, term
        assert "<script>alert" not in answer.content.decode()
    assert "?prompt=a%20heron" in find(superuser_page, "a heron at dawn").content.decode()
    assert "?prompt=" not in find(operators("support"), "a heron at dawn").content.decode()


def test_a_role_finds_only_what_it_may_open(household: Household, operators: Callable[[str], Client]) -> None:
    finance = operators("finance")
    assert "Nothing fits" in find(finance, str(household.generation)).content.decode()
    assert "Nothing fits" in find(finance, household.key.prefix).content.decode()
    nobody: UUID = household.owner.pk
    assert find(finance, household.owner.email)["Location"] == place("accounts.User", "change", nobody)


def test_strangers_are_sent_to_log_in() -> None:
    assert Client(SERVER_NAME="localhost").post("/admin/find/", {"find": "x"}).status_code == 302
