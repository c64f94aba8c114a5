"""Scripts that are stored and forms that are forged, over every page there is: A12, A17."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterator
from html import unescape
from typing import Any
from urllib.parse import urljoin, urlsplit

import psycopg
import pytest
from django.apps import apps
from django.conf import settings
from django.db import models
from django.test import Client
from django.urls import get_resolver
from django.utils.html import escape

from accounts.access import OperatorRole
from accounts.models import Organization
from runtime import ids
from runtime.tenancy import operator
from tests.abuses.attacker import JSON
from tests.accounts.visits import Visitor
from tests.cast import Cast
from tests.config.office import an_operator, visitor
from tests.flows.wire import CLIENT, OPENAI
from tests.law.house_of_rows import Household
from tests.law.test_isolation import walk

pytestmark = pytest.mark.filterwarnings("ignore:No directory at")  # static files, in production only

# ---- A12: what is stored -----------------------------------------------------------------------

PAYLOAD = "'\"><script>xss()</script>"
ALIVE = ("<script>xss", "'\"><")
HOUSES_OWN = {
    *(
        "slug",
        "storage_key",
        "public_id",
        "mime",
        "extension",
        "sha256",
        "timezone",
        "session_key",
        "password",
    ),
}
"""What no customer words, and pages build addresses from."""
PROMPT = """UPDATE generations_generation SET "order" = jsonb_set("order", '{prompt}', to_jsonb(%s::text))"""


def wordable() -> Iterator[tuple[str, str]]:
    """Table and column of every text that is no word of ours."""
    for model in apps.get_models():
        if model._meta.app_label not in ("accounts", "billing", "generations"):
            continue
        for field in model._meta.concrete_fields:
            text = isinstance(field, models.CharField | models.TextField) and not field.choices
            if text and not field.unique and not field.primary_key and field.column not in HOUSES_OWN:
                yield model._meta.db_table, field.column


def poison(admin: psycopg.Connection[Any]) -> set[tuple[str, str]]:
    """The payload in every column that takes it, past all of our own checks of what goes in."""
    taken = set()
    admin.execute("SET session_replication_role = replica")  # no trigger defends what may not be changed
    for table, column in wordable():
        try:
            admin.execute(f'UPDATE {table} SET "{column}" = %s', [PAYLOAD])
        except psycopg.Error:
            continue  # a form, a length or a list of words that the database itself keeps
        taken.add((table, column))
    quoted = "jsonb_build_object(%(p)s::text, %(p)s::text)"
    admin.execute(f"UPDATE accounts_auditevent SET before = {quoted}, after = {quoted}", {"p": PAYLOAD})
    admin.execute(PROMPT, [PAYLOAD])
    admin.execute("RESET session_replication_role")
    return taken


@pytest.fixture(scope="module")
def household(quiet_database: str) -> Household:
    """An organization that has done everything once, with the payload wherever it fits."""
    settled = Household.settle()
    with psycopg.connect(quiet_database, autocommit=True) as admin:
        taken = poison(admin)
    assert len(taken) > 40, "most of the columns do take it"
    return settled


def crawl(client: Client, start: str, most: int) -> dict[str, str]:
    """The HTML of every page that links lead to, from one on; nothing is sent but GET."""
    waiting, found = deque([start]), dict[str, str]()
    seen = {start}
    while waiting and len(found) < most:
        path = waiting.popleft()
        answer = client.get(path, follow=True)
        assert answer.status_code < 500, path
        if not answer.get("Content-Type", "").startswith("text/html") or answer.streaming:
            continue
        found[path] = answer.content.decode()
        for link in re.findall(r'(?:href|hx-get|src)="([^"#]+)', found[path]):
            target = urlsplit(urljoin(path, unescape(link)))
            following = target.path + (f"?{target.query}" if target.query else "")
            if not target.netloc and following not in seen and worth(target.path):
                seen.add(following)
                waiting.append(following)
    return found


def worth(path: str) -> bool:
    return not re.search(r"logout|/static/|/docs/|/export|\.(css|js|png|svg|csv|zip)$|/events/$|/i/", path)


def dead(pages: dict[str, str]) -> None:
    assert {path for path, page in pages.items() if any(sign in page for sign in ALIVE)} == set()


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_what_a_customer_wrote_is_text_on_every_page_of_his_team(household: Household) -> None:
    """A12: as far as links lead from his first page."""
    with operator():
        team = Organization.objects.across().get(pk=household.id)
    client = Visitor(household.owner, team).client
    pages = crawl(client, f"/o/{team.slug}/", 150)
    dead(pages)
    assert len(pages) > 20
    assert sum(escape(PAYLOAD) in page for page in pages.values()) > 10, "it did get there"


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_what_a_customer_wrote_is_text_on_every_page_of_the_operators(household: Household) -> None:
    """A12: as far as links lead from the admin's first page."""
    pages = crawl(visitor(an_operator(OperatorRole.SUPERUSER)), "/admin/", 200)
    dead(pages)
    assert len(pages) > 30
    assert sum(escape(PAYLOAD) in page for page in pages.values()) > 10, "it did get there"


@pytest.mark.usefixtures("database")
def test_no_page_would_run_a_script_that_got_in(cast: Cast) -> None:
    """A12: the policy of every page; the admin's framework evaluates, and still runs nothing in place."""
    client = Visitor(cast.owner, cast.organization).client
    for path in ("/", f"/o/{cast.organization.slug}/", "/login/", "/docs/", "/nowhere", "/admin/login/"):
        policy = client.get(path)["Content-Security-Policy"]
        scripts = re.search(r"script-src ([^;]+)", policy)
        assert scripts
        assert "'unsafe-inline'" not in scripts[1]
        assert not re.search(r"\*|https?:|data:", scripts[1])
        if not path.startswith("/admin/"):
            assert "unsafe" not in policy, path
        for rule in ("frame-ancestors 'none'", "base-uri 'none'", "default-src 'none'"):
            assert rule in policy, path


# ---- A17: what is forged -----------------------------------------------------------------------

PARAMETER = re.compile(r"<(\w+):(\w+)>")
EXEMPT = {"inbox/<str:token>": "programs post to it; the token in its address is what opens it"}
"""Addresses that take a POST without a token of the page, and why they may."""


def addresses() -> list[str]:
    """Every address of a page, as the table of addresses has it."""
    return [path for path, _ in walk(get_resolver().url_patterns) if not path.startswith("api/v1/")]


def at(pattern: str, team: str) -> str:
    """An address with something in its place of every parameter."""
    if "(?P<" in pattern or pattern.startswith("^"):
        pattern = pattern.replace("^", "").replace("$", "")
        pattern = re.sub(r"\(\?P<\w+>\[[^\]]*\][+*]?\)|\(\?P<\w+>\.\+\)", "a", pattern).replace("\\", "")
    fill = {"uuid": str(ids.uuid7()), "int": "1", "slug": team, "str": "a", "path": "a"}
    return "/" + PARAMETER.sub(lambda found: fill[found[1]], pattern)


@pytest.fixture
def forger(cast: Cast) -> Client:
    """The owner's browser, led by another site: his session goes along, a token does not."""
    client = Visitor(cast.owner, cast.organization).client
    client.handler.enforce_csrf_checks = True
    return client


@pytest.mark.usefixtures("database")
@pytest.mark.parametrize("pattern", addresses())
def test_no_page_takes_a_form_of_another_site(forger: Client, cast: Cast, pattern: str) -> None:
    """A17: every address there is, by every verb that changes something, log-in included."""
    path = at(pattern, cast.organization.slug)
    for method in ("post", "put", "patch", "delete"):
        for media in ("application/x-www-form-urlencoded", "text/plain", "application/json"):
            answer = getattr(forger, method)(path, data="a=1", content_type=media)
            if pattern in EXEMPT:
                assert answer.status_code in (204, 404, 405)
            else:
                assert answer.status_code in (403, 404), (method, media)
    assert forger.post(path, headers={"Origin": "https://evil.example"}).status_code in (403, 404)


@pytest.mark.usefixtures("database")
def test_the_pages_did_refuse_for_that_reason(forger: Client, cast: Cast) -> None:
    """A17: 403 is what the walk above mostly met, and not an address that is not there."""
    met = [forger.post(at(pattern, cast.organization.slug)).status_code for pattern in addresses()]
    assert met.count(403) > 0.9 * len(met)


@pytest.mark.usefixtures("database")
@pytest.mark.parametrize("media", ["application/json", "text/plain", "application/x-www-form-urlencoded"])
def test_the_management_api_takes_no_request_of_another_site(forger: Client, cast: Cast, media: str) -> None:
    """A17: a session alone changes nothing there either."""
    for method, path in (
        ("post", "keys"),
        ("patch", "organization"),
        ("put", "budgets"),
        ("delete", "budgets"),
    ):
        send = getattr(forger, method)
        answer = send(f"/api/v1/{path}", data='{"name": "x"}', content_type=media)
        assert answer.status_code in (403, 405, 415), (path, answer.content)
    assert forger.get("/api/v1/keys").status_code == 200, "reading is what he may"


@pytest.mark.usefixtures("database")
def test_a_session_says_nothing_at_the_doors(url: str, cast: Cast, client: Client) -> None:
    """A17: a door knows keys and nothing else."""
    browser = Visitor(cast.owner, cast.organization).client
    cookie = {"Cookie": f"{settings.SESSION_COOKIE_NAME}={browser.session.session_key}"}
    answer = CLIENT.post(f"{url}/openai/v1/images/generations", json=OPENAI.order(), headers=JSON | cookie)
    assert answer.status_code == 401


def test_cookies_stay_at_home() -> None:
    """A17: no script reads them, and no other site sends them with a form."""
    assert (settings.SESSION_COOKIE_HTTPONLY, settings.CSRF_COOKIE_HTTPONLY) == (True, True)
    assert (settings.SESSION_COOKIE_SAMESITE, settings.CSRF_COOKIE_SAMESITE) == ("Lax", "Lax")
    assert set(settings.CSRF_TRUSTED_ORIGINS) == {settings.EASEL.url}
