"""The operators' admin: who gets in, what he sees, and that nothing can be changed there."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import psycopg
import pytest
from django.contrib import admin
from django.db import connection
from django.http import HttpResponse
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from accounts.access import OperatorRole, Permission, allowed
from accounts.actions import keys, operators
from accounts.admin import base
from accounts.admin.base import ReadOnlyAdmin
from accounts.models import ApiKey, Organization, User
from billing.admin.usage import Totals
from billing.models import Entry, Usage
from generations import beats, handles, links
from generations.models import ApiRequest, Channel, Generation
from runtime import ids
from runtime.tenancy import operator, tenant
from tests.cast import BY, IMAGE, Cast
from tests.law.house_of_rows import Household

pytestmark = pytest.mark.usefixtures("database")

PAGES = {page.model._meta.label: page for page in admin.site._registry.values()}
EMPTY_BEFORE = ("billing.Usage",)
"""Lists whose lines are no rows: they have no page of one."""
CREDENTIAL = "gAAAA-a-credential-under-encryption"


@dataclass(frozen=True)
class Told:
    """What must never be on a page."""

    plain_key: str
    words: tuple[str, ...]


@pytest.fixture(scope="module")
def household(database: str, admin_url: str) -> Household:
    """An organization that has done everything once, and a row in each table that belongs to none."""
    settled = Household.settle()
    name = ids.word(8)
    beats.beat(f"cluster-{name}", "drain", "a-process")
    with operator():
        Channel.objects.create(name=name, provider="gemini", credential=CREDENTIAL)
        (model,) = Channel.objects.filter(name=name)
        model.serves.create(model_id="gemini-2.5-flash-image", upstream_model="upstream")
    with psycopg.connect(admin_url, autocommit=True) as superuser:
        superuser.execute(
            'INSERT INTO billing_seal ("table", first_id, last_id, count, digest, previous, signature)'
            " VALUES (%s, 1, 1, 1, %s, %s, %s)",
            (name, b"\x01" * 32, b"\x02" * 32, b"\x03" * 32),
        )
    return settled


def an_operator(role: str) -> User:
    user, _ = operators.create(email=f"{ids.word(12, ids.BASE36)}@example.com", role=role, by=BY)
    return user


def visitor(user: User | None = None) -> Client:
    client = Client(SERVER_NAME="localhost")
    if user:
        client.force_login(user)
    return client


@pytest.fixture(scope="module")
def superuser_page(database: str) -> Client:
    """The browser of an operator who may see everything."""
    return visitor(an_operator(OperatorRole.SUPERUSER))


def place(label: str, view: str, *arguments: Any) -> str:
    return reverse(f"admin:{label.lower().replace('.', '_')}_{view}", args=arguments)


def page_of(client: Client, address: str, **query: Any) -> str:
    answer = client.get(address, query)
    assert answer.status_code == 200, address
    return answer.content.decode()


def rows(page: str) -> int:
    return page.count("data-row")


def first_row(client: Client, label: str) -> str:
    """The address of the newest row's page."""
    found = re.search(r'<th [^>]*><a href="([^"?]+)', page_of(client, place(label, "changelist")))
    assert found, f"{label} has no row"
    return found[1]


# ---- who gets in ---------------------------------------------------------------------------------


@pytest.mark.parametrize("label", PAGES)
def test_a_stranger_is_asked_to_log_in(label: str) -> None:
    answer = visitor().get(place(label, "changelist"))
    assert (answer.status_code, answer["Location"].partition("?")[0]) == (302, "/admin/login/")


def test_a_member_who_is_no_operator_gets_the_log_in_page(cast: Cast) -> None:
    answer = visitor(cast.owner).get("/admin/", follow=True)
    page = answer.content.decode()
    assert 'name="password"' in page
    assert "who is no operator" in page
    assert cast.organization.name not in page


def test_an_operator_without_a_role_sees_nothing() -> None:
    nobody = User.objects.create_user(f"{ids.word(12, ids.BASE36)}@example.com", is_staff=True)
    client = visitor(nobody)
    assert client.get("/admin/").status_code == 200
    assert {client.get(place(label, "changelist")).status_code for label in PAGES} == {403}


@pytest.mark.parametrize("role", OperatorRole)
def test_a_role_opens_the_lists_that_it_may_read(role: OperatorRole) -> None:
    client = visitor(an_operator(role))
    opened = {label: client.get(place(label, "changelist")).status_code for label in PAGES}
    assert opened == {label: 200 if allowed(role, page.permission) else 403 for label, page in PAGES.items()}
    index = page_of(client, "/admin/")
    for label, page in PAGES.items():
        assert (f'href="{place(label, "changelist")}"' in index) is allowed(role, page.permission)


def test_an_operator_logs_in_with_his_password() -> None:
    user, password = operators.create(email=f"{ids.word(12, ids.BASE36)}@example.com", role="support", by=BY)
    client = visitor()
    answer = client.post("/admin/login/", {"username": user.email, "password": password, "next": "/admin/"})
    assert (answer.status_code, answer["Location"]) == (302, "/admin/")
    assert "Overview" in page_of(client, "/admin/")
    assert client.post("/admin/logout/")["Location"] == "/login/"
    assert client.get("/admin/").status_code == 302


def test_whoever_guesses_passwords_is_told_to_wait() -> None:
    user = an_operator(OperatorRole.SUPPORT)
    client = visitor()
    wrong = [
        client.post("/admin/login/", {"username": user.email, "password": f"wrong {n}"}) for n in range(6)
    ]
    assert wrong[-1].status_code == 429
    assert "Too many tries" in wrong[-1].content.decode()


# ---- what is there -------------------------------------------------------------------------------


def test_every_table_of_ours_that_operators_need_has_its_page() -> None:
    assert {label for label in PAGES if label.startswith("django_q")} == set()
    assert "auth.Group" not in PAGES
    assert all(isinstance(page, ReadOnlyAdmin) for page in PAGES.values())
    assert set(PAGES) >= {
        "generations.Transition",
        "generations.ApiRequest",
        "billing.Entry",
        "accounts.ApiKey",
    }


@pytest.mark.parametrize("label", PAGES)
def test_a_list_shows_rows_with_a_constant_number_of_queries(
    label: str, household: Household, superuser_page: Client
) -> None:
    address = place(label, "changelist")
    page_of(superuser_page, address)  # what Django remembers of its own tables is read once
    with CaptureQueriesContext(connection) as before:
        assert rows(page_of(superuser_page, address)) > 0
    Household.settle()
    with CaptureQueriesContext(connection) as after:
        page_of(superuser_page, address)
    assert len(after) == len(before)


@pytest.mark.parametrize("label", [label for label in PAGES if label not in EMPTY_BEFORE])
def test_a_row_has_its_page(label: str, household: Household, superuser_page: Client) -> None:
    page = page_of(superuser_page, first_row(superuser_page, label))
    assert '<dl class="facts">' in page
    assert 'name="_save"' not in page


@pytest.mark.parametrize("label", PAGES)
def test_nothing_can_be_added_changed_or_deleted(
    label: str, household: Household, superuser_page: Client
) -> None:
    row = place(label, "change", "1") if label in EMPTY_BEFORE else first_row(superuser_page, label)
    addresses = [place(label, "add"), row, row.replace("/change/", "/delete/")]
    assert {superuser_page.post(address, {"post": "yes"}).status_code for address in addresses} == {403}
    assert superuser_page.get(addresses[0]).status_code == 403


def test_a_side_entrance_of_the_admin_reads_no_tenant(superuser_page: Client) -> None:
    query = {"app_label": "accounts", "model_name": "membership", "field_name": "organization", "term": "a"}
    assert superuser_page.get("/admin/autocomplete/", query).status_code == 403


def test_the_first_page_tells_what_goes_on(household: Household, superuser_page: Client) -> None:
    page = page_of(superuser_page, "/admin/")
    for word in ("Queued", "Running", "Charged", "Tokens", "past 24 hours"):
        assert word in page


def test_a_long_list_is_counted_only_so_far(
    household: Household, superuser_page: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(base, "MOST_ROWS", 1)
    assert "More than 1" in page_of(superuser_page, place("billing.Entry", "changelist"))


# ---- what must not be there ----------------------------------------------------------------------


def secrets_of(household: Household, plain: str) -> Iterator[str]:
    """Every written form of what is secret in a key, a password, a channel, a signature."""
    with operator():
        key = ApiKey.objects.across().get(public_id=plain.split("_")[2][:10])
    for digest in (bytes(key.digest), b"\x02" * 32, b"\x03" * 32):
        yield digest.hex()
        yield base64.b64encode(digest).decode()
        yield repr(digest)
    yield plain
    yield plain[24:48]
    yield CREDENTIAL
    yield "memory at"


def test_no_secret_is_on_any_page(household: Household, superuser_page: Client) -> None:
    organization = Organization(pk=household.id)
    key, plain = keys.create(organization=organization, mode="live", name="seen", by=BY)
    passwords = User.objects.exclude(password="").values_list("password", flat=True)
    forbidden = [*secrets_of(household, plain), *passwords[:20]]
    for label in PAGES:
        pages = [page_of(superuser_page, place(label, "changelist"))]
        if label not in EMPTY_BEFORE:
            pages.append(page_of(superuser_page, first_row(superuser_page, label)))
        found = [secret for page in pages for secret in forbidden if secret in page]
        assert not found, label
    assert key.prefix in page_of(superuser_page, place("accounts.ApiKey", "change", key.pk))


@pytest.mark.parametrize("role", OperatorRole)
def test_prompts_and_images_are_for_those_who_may_see_them(role: OperatorRole, household: Household) -> None:
    if not allowed(role, Permission.GENERATION_READ):
        pytest.skip("reads no generation at all")
    client = visitor(an_operator(role))
    seen = allowed(role, Permission.IMAGE_READ)
    detail = page_of(client, place("generations.Generation", "change", household.generation))
    listed = page_of(
        client, place("generations.Generation", "changelist"), organization__id__exact=household.id
    )
    images = page_of(client, place("generations.Output", "changelist"), organization__id__exact=household.id)
    for page in (detail, listed):
        assert ("a red fox" in page) is seen
    for page in (detail, listed, images):
        assert ("/i/" in page) is seen
    assert ("your role sees no prompts" in detail) is not seen


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
