"""A real Chromium in front of the real server, and people who are logged in at a team with a past.

Playwright's event loop runs in the thread of the tests for as long as Chromium lives, so it lives for one
file: other folders' tests use loops of their own.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from typing import Any, Protocol

import pytest
from playwright.sync_api import Browser, BrowserContext, sync_playwright

from accounts.models import Organization, User
from tests.browser.people import Person
from tests.browser.studio import Studio, make_studio
from tests.browser.watch import Watch
from tests.cast import Cast, make_cast
from tests.house import Servers

ARGUMENTS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
]  # fmt: skip
WAIT_MILLISECONDS = 15_000
"""For a condition; the machine may be busy. No test measures time."""


class Enter(Protocol):
    def __call__(self, role: str, **options: Any) -> Person: ...


@pytest.fixture(scope="session")
def site(servers: Servers) -> str:
    """Where the server with its cluster and janitor listens."""
    return servers.shared().url


@pytest.fixture(scope="module")
def chromium(site: str) -> Iterator[Browser]:
    """One browser for the file; each context in it is a new, empty profile."""
    program = shutil.which("chromium")
    if program is None:
        pytest.skip("There is no chromium on this machine: install it to try the pages in a browser.")
    with pytest.MonkeyPatch.context() as environ, sync_playwright() as playwright:
        # Django refuses its database under a running loop, and Playwright's runs in this thread.
        environ.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "yes")
        browser = playwright.chromium.launch(executable_path=program, args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture
def watches() -> list[Watch]:
    """One for each browser context of the test."""
    return []


@pytest.fixture(autouse=True)
def _no_complaints(watches: list[Watch]) -> Iterator[None]:
    """Whatever a test is about: no console error, no broken policy, no script error, no strange host."""
    yield
    complaints = [complaint for watch in watches for complaint in watch.complaints]
    assert not complaints, "\n".join(complaints)


@pytest.fixture
def watched(chromium: Browser, site: str, watches: list[Watch]) -> Iterator[Callable[..., BrowserContext]]:
    """Makes watched browser contexts: `watched(viewport=..., java_script_enabled=False, ...)`."""
    opened: list[BrowserContext] = []

    def make(**options: Any) -> BrowserContext:
        context = chromium.new_context(base_url=site, accept_downloads=True, **options)
        context.set_default_timeout(WAIT_MILLISECONDS)
        watches.append(Watch(site))
        watches[-1].follow(context)
        opened.append(context)
        return context

    yield make
    for context in opened:
        context.close()


@pytest.fixture
def stranger(watched: Callable[..., BrowserContext], watches: list[Watch]) -> Callable[..., Person]:
    """Makes somebody with a new browser who is not logged in."""

    def arrive(**options: Any) -> Person:
        context = watched(**options)
        return Person(context.new_page(), watches[-1])

    return arrive


@pytest.fixture
def visit(stranger: Callable[..., Person], site: str) -> Callable[..., Person]:
    """Makes somebody logged in a moment ago: `visit(user, organization, **options of the context)`."""

    def arrive(user: User, organization: Organization | None = None, **options: Any) -> Person:
        person = stranger(**options)
        person.has_logged_in(user, site)
        person.team = organization.slug if organization else ""
        return person

    return arrive


@pytest.fixture
def cast(database: str, site: str) -> Cast:
    """The cast of one test; Chromium comes after it."""
    return make_cast()


@pytest.fixture(scope="session")
def studio(database: str, site: str) -> Studio:
    """A team with a past, to look at and not to change: keys, pictures, money, a webhook, an invitation."""
    return make_studio(site)


@pytest.fixture
def enter(studio: Studio, visit: Callable[..., Person]) -> Enter:
    """Lets somebody of the studio in: `enter("owner" | "developer" | "viewer" | "operator", **options)`."""

    def arrive(role: str, **options: Any) -> Person:
        return visit(studio.people[role], None if role == "operator" else studio.organization, **options)

    return arrive
