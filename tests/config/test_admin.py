"""The operators' admin: who gets in, and that nothing can be changed or found out there."""

from __future__ import annotations

import base64
from collections.abc import Iterator

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.access import OperatorRole, Permission, allowed
from accounts.actions import keys, operators
from accounts.admin import lists
from accounts.admin.base import ReadOnlyAdmin
from accounts.models import ApiKey, Organization, User
from runtime import ids
from runtime.tenancy import operator
from tests.cast import BY, Cast
from tests.config.office import CREDENTIAL, PAGES, SUMS, an_operator, first_row, page_of, place, rows, visitor
from tests.law.house_of_rows import Household

pytestmark = pytest.mark.usefixtures("quiet_database")


# ---- who gets in ---------------------------------------------------------------------------------


@pytest.mark.parametrize("label", PAGES)
def test_a_stranger_is_asked_to_log_in(label: str) -> None:
    answer = visitor().get(place(label, "changelist"))
    assert (answer.status_code, answer["Location"].partition("?")[0]) == (302, "/admin/login/")


def test_a_member_who_is_no_operator_gets_no_further(cast: Cast) -> None:
    answer = visitor(cast.owner).get("/admin/", follow=True)
    assert answer.status_code == 403
    assert cast.organization.name not in answer.content.decode()


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


def test_an_operator_logs_in_where_everybody_does() -> None:
    user, password = operators.create(email=f"{ids.word(12, ids.BASE36)}@example.com", role="support", by=BY)
    client = visitor()
    asked = client.get("/admin/", follow=True)
    assert asked.redirect_chain[-1][0] == "/login/?next=%2Fadmin%2F"
    answer = client.post("/login/?next=/admin/", {"username": user.email, "password": password})
    assert (answer.status_code, answer["Location"]) == (302, "/admin/")
    assert "Dashboard" in page_of(client, "/admin/")
    assert client.post("/admin/logout/")["Location"] == "/login/"
    assert client.get("/admin/").status_code == 302


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


@pytest.mark.parametrize("label", [label for label in PAGES if label not in SUMS])
def test_a_row_has_its_page(label: str, household: Household, superuser_page: Client) -> None:
    page = page_of(superuser_page, first_row(superuser_page, label))
    assert '<dl class="facts">' in page
    assert 'name="_save"' not in page


@pytest.mark.parametrize("label", PAGES)
def test_nothing_can_be_added_changed_or_deleted(
    label: str, household: Household, superuser_page: Client
) -> None:
    row = place(label, "change", "1") if label in SUMS else first_row(superuser_page, label)
    addresses = [place(label, "add"), row, row.replace("/change/", "/delete/")]
    assert {superuser_page.post(address, {"post": "yes"}).status_code for address in addresses} == {403}
    assert superuser_page.get(addresses[0]).status_code == 403


def test_a_side_entrance_of_the_admin_reads_no_tenant(superuser_page: Client) -> None:
    query = {"app_label": "accounts", "model_name": "membership", "field_name": "organization", "term": "a"}
    assert superuser_page.get("/admin/autocomplete/", query).status_code == 403


def test_the_first_page_tells_what_goes_on(household: Household, superuser_page: Client) -> None:
    page = page_of(superuser_page, "/admin/")
    for word in ("Waiting", "Running", "Revenue", "Tokens", "24 hours", "How fast", "Channels"):
        assert word in page


def test_a_long_list_is_counted_only_so_far(
    household: Household, superuser_page: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lists, "MOST_ROWS", 1)
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
        if label not in SUMS:
            pages.append(page_of(superuser_page, first_row(superuser_page, label)))
        found = [secret for page in pages for secret in forbidden if secret in page]
        assert not found, label
    assert key.prefix in page_of(superuser_page, place("accounts.ApiKey", "change", key.pk))


@pytest.mark.parametrize("role", [one for one in OperatorRole if allowed(one, Permission.GENERATION_READ)])
def test_prompts_and_images_are_for_those_who_may_see_them(role: OperatorRole, household: Household) -> None:
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
    assert ("are sealed" in detail) is not seen
