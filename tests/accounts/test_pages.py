"""The account pages, as a browser gets them."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.conf import settings
from django.test import Client

from accounts.actions import keys, members, organizations
from accounts.auditing import Actor
from accounts.models import Organization, Role, User
from runtime.ids import BASE36, word

pytestmark = [
    pytest.mark.usefixtures("database"),
    pytest.mark.filterwarnings("ignore:No directory at"),  # static files are collected for production only
]
BY = Actor.system("test")
PASSWORD = "a long and quiet password"


@pytest.fixture
def person(organization: Organization) -> User:
    user = User.objects.create_user(f"{word(12, BASE36)}@example.com", PASSWORD)
    members.add(organization=organization, user=user, role=Role.DEVELOPER, by=BY)
    return user


def visitor(user: User | None = None) -> Client:
    client = Client(enforce_csrf_checks=user is None, SERVER_NAME="localhost")
    if user is not None:
        client.force_login(user)
    return client


def log_in(client: Client, email: str, password: str, **more: str) -> Any:
    page = client.get("/login/").content.decode()
    token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page)
    assert token
    fields = {"username": email, "password": password, "csrfmiddlewaretoken": token[1], **more}
    return client.post("/login/", fields)


def home(user: User) -> str:
    """The page that the start page leads to."""
    answer = visitor(user).get("/", follow=True)
    assert answer.status_code == 200
    return str(answer.content.decode())


def test_nobody_in_particular_is_told_what_this_is() -> None:
    answer = visitor().get("/")
    page = answer.content.decode()
    assert answer.status_code == 200
    assert f"{settings.EASEL.url}/evolink" in page
    assert f"{settings.EASEL.url}/openai/v1" in page
    assert 'href="/login/"' in page
    assert 'href="/signup/"' in page


def test_who_may_not_is_told_why(person: User, organization: Organization) -> None:
    answer = visitor(person).get(f"/o/{organization.slug}/invitations/new/")
    assert answer.status_code == 403
    assert "The role Developer cannot do this. Ask an owner" in answer.content.decode()


def test_a_member_logs_in_and_out(person: User, organization: Organization) -> None:
    client = visitor()
    answer = log_in(client, person.email.upper(), PASSWORD)
    assert (answer.status_code, answer["Location"]) == (302, "/")
    page = client.get("/", follow=True).content.decode()
    assert organization.name in page
    token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page)
    assert token
    answer = client.post("/logout/", {"csrfmiddlewaretoken": token[1]})
    assert answer.status_code == 302
    assert organization.name not in client.get("/").content.decode()


def test_logging_in_gives_the_session_a_new_id(person: User) -> None:
    client = visitor()
    client.get("/login/")
    before = client.cookies.get(settings.SESSION_COOKIE_NAME)
    log_in(client, person.email, PASSWORD)
    after = client.cookies[settings.SESSION_COOKIE_NAME]
    assert before is None or before.value != after.value
    assert after["httponly"]
    assert after["samesite"] == "Lax"


def test_a_wrong_password_and_an_unknown_address_look_the_same(person: User) -> None:
    stranger = f"{word(12, BASE36)}@example.com"
    pages = []
    for email in (person.email, stranger):
        answer = log_in(visitor(), email, "wrong")
        assert answer.status_code == 200
        page = answer.content.decode().replace(email, "EMAIL")
        pages.append(re.sub(r'name="csrfmiddlewaretoken" value="[^"]+"', "", page))
    assert pages[0] == pages[1]
    assert 'role="alert"' in pages[0]


def test_somebody_deactivated_cannot_log_in(person: User) -> None:
    person.is_active = False
    person.save(update_fields=["is_active"])
    assert log_in(visitor(), person.email, PASSWORD).status_code == 200


def test_guessing_is_stopped_for_a_while_even_with_the_right_password(person: User) -> None:
    client = visitor()
    for _ in range(5):
        assert "do not match" in log_in(client, person.email, "wrong").content.decode()
    refused = log_in(client, person.email, PASSWORD)
    assert "Too many tries" in refused.content.decode()
    assert "_auth_user_id" not in client.session


@pytest.mark.parametrize(
    "next_page, goes_to",
    [
        ("/somewhere/?page=2", "/somewhere/?page=2"),
        ("https://evil.example/", "/"),
        ("//evil.example/", "/"),
        ("/\\evil.example/", "/"),
        ("javascript:alert(1)", "/"),
        ("http:evil.example", "/"),
    ],
)
def test_log_in_goes_on_only_to_a_page_of_ours(person: User, next_page: str, goes_to: str) -> None:
    answer = log_in(visitor(), person.email, PASSWORD, next=next_page)
    assert (answer.status_code, answer["Location"]) == (302, goes_to)


def test_forms_without_their_token_are_refused(person: User) -> None:
    client = visitor()
    answer = client.post("/login/", {"username": person.email, "password": PASSWORD})
    assert answer.status_code == 403
    assert "no longer valid" in answer.content.decode()


def test_a_link_cannot_log_anybody_out(person: User) -> None:
    client = visitor(person)
    assert client.get("/logout/").status_code == 405
    assert "Log out" in client.get("/", follow=True).content.decode()


def test_home_leads_to_the_team_and_shows_no_key(person: User, organization: Organization) -> None:
    key, plain = keys.create(organization=organization, mode="live", name="<b>shop</b>", by=BY)
    page = home(person)
    assert organization.name in page
    assert plain not in page
    assert key.prefix not in page


def test_home_leads_back_to_the_team_that_was_looked_at_last(
    person: User, organization: Organization, make_organization: Any
) -> None:
    other = make_organization()
    members.add(organization=other, user=person, role=Role.VIEWER, by=BY)
    client = visitor(person)
    assert client.get("/")["Location"] == f"/o/{organization.slug}/"
    client.get(f"/o/{other.slug}/")
    assert client.get("/")["Location"] == f"/o/{other.slug}/"


def test_a_stranger_sees_nothing_of_another_organization(organization: Organization, cast: Any) -> None:
    assert organization.slug not in home(cast.stranger)


def test_a_member_of_two_organizations_may_go_to_both(
    person: User, organization: Organization, make_organization: Any
) -> None:
    other = make_organization()
    members.add(organization=other, user=person, role=Role.VIEWER, by=BY)
    page = home(person)
    assert f"/o/{organization.slug}/" in page
    assert f"/o/{other.slug}/" in page


def test_somebody_removed_sees_the_organization_no_more(person: User, organization: Organization) -> None:
    client = visitor(person)
    assert organization.slug in client.get("/", follow=True).content.decode()
    members.remove(organization=organization, user=person, by=BY)
    assert organization.slug not in client.get("/", follow=True).content.decode()
    assert "do not belong to a team yet" in home(User.objects.get(pk=person.pk))  # his session ended


def test_a_page_says_when_its_team_is_suspended(person: User, organization: Organization) -> None:
    organizations.suspend(organization=organization, reason="unpaid", by=BY)
    page = home(person)
    assert "This team is suspended" in page
    assert "unpaid" not in page


@pytest.mark.parametrize("path", ["/", "/login/", "/no-such-page/"])
def test_pages_bring_no_script_or_style_of_their_own(path: str) -> None:
    answer = visitor().get(path)
    page = answer.content.decode()
    policy = answer["Content-Security-Policy"]
    assert "unsafe-inline" not in policy
    assert "unsafe-eval" not in policy
    assert not re.search(r"<style|\sstyle=|<script(?![^>]*\ssrc=)|\son[a-z]+=|javascript:", page)
    assert not re.search(r"""(?:src|href)=["']?(?:https?:)?//""", page)


def test_a_page_that_does_not_exist_says_so_in_the_look_of_the_others() -> None:
    answer = visitor().get("/no-such-page/")
    assert answer.status_code == 404
    assert "There is nothing here" in answer.content.decode()


def test_home_is_never_kept_by_a_cache(person: User) -> None:
    assert "no-store" in visitor(person).get("/")["Cache-Control"]
