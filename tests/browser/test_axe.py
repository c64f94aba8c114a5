"""Every page of the URL table, in light and in dark: axe finds nothing, the console stays silent, no
policy is broken, nothing leaves the host. What is not visited says why in `everything.EXEMPT`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import pytest
from django.conf import settings

from tests.accounts.people import logged_in, person, with_app
from tests.browser.axe import violations
from tests.browser.everything import (
    EXEMPT,
    Stop,
    admin_stops,
    docs_stops,
    furnish,
    hear_a_canary,
    house_stops,
    team_stops,
)
from tests.browser.people import Person
from tests.browser.studio import Studio
from tests.cast import make_cast
from tests.law.addresses import addresses

pytestmark = [pytest.mark.browser, pytest.mark.timeout(400)]


EXPLORER = "/api/v1/docs/"
SWAGGERS = frozenset({"heading-order", "nested-interactive", "region", "select-name"})
"""Rules that Swagger's own markup of the explorer breaks; its colours are ours to mend, and are."""


@dataclass
class Walk:
    """Who goes where, and what was wrong there. `seen` are the patterns that had a page for him."""

    who: Person
    seen: set[str] = field(default_factory=set)
    none: dict[str, str] = field(default_factory=dict)
    wrong: list[str] = field(default_factory=list)

    def go(self, stops: Sequence[Stop]) -> None:
        for stop in stops:
            if why := self._no_page(stop):
                self.none.setdefault(stop.pattern, why)
            else:
                self.seen.add(stop.pattern)
                self.who.page.goto(stop.path)
                self._look(stop.path)

    def refused(self, place: str, status: int) -> None:
        """The page of a refusal."""
        self.who.is_denied(place, status)
        self._look(place)

    def _look(self, path: str) -> None:
        theirs = SWAGGERS if path == EXPLORER else frozenset[str]()
        if theirs:
            self.who.page.wait_for_selector(".opblock")
        told = violations(self.who.page, theirs) + self.who.watch.complaints
        self.who.watch.complaints.clear()
        self.wrong += [f"{path} {one}" for one in told]

    def _no_page(self, stop: Stop) -> str:
        """Why there is nothing to look at; empty if there is."""
        answer = self.who.context.request.get(stop.path, max_redirects=0)
        if answer.status != 200:
            return str(answer.status)
        if not answer.headers["content-type"].startswith("text/html"):
            return "no HTML"
        return "" if "<html" in answer.text() else "a piece of a page"


def fair(none: dict[str, str], *more: str) -> dict[str, str]:
    """What should have had a page: neither for POST only, nor a file, nor a piece of a page."""
    return {
        pattern: why
        for pattern, why in none.items()
        if why not in ("405", "no HTML", "a piece of a page", *more)
    }


@pytest.fixture(scope="module")
def known(studio: Studio, site: str) -> dict[str, str]:
    return furnish(studio, site)


def test_every_page_of_a_team(enter: Callable[..., Person], known: dict[str, str]) -> None:
    walk = Walk(enter("owner"))
    walk.go(team_stops(known))
    assert walk.wrong == []
    assert fair(walk.none) == {}


def test_a_team_that_has_done_nothing_yet(visit: Callable[..., Person]) -> None:
    """Its empty pages."""
    cast = make_cast()
    walk = Walk(visit(cast.owner, cast.organization))
    walk.go([stop for stop in team_stops({"team": cast.organization.slug}) if "<uuid" not in stop.pattern])
    assert walk.wrong == []


def test_every_public_page_and_every_page_of_an_account(
    stranger: Callable[..., Person], enter: Callable[..., Person], site: str
) -> None:
    walks = [
        Walk(stranger()),
        Walk(enter("owner")),
        Walk(_secured(stranger(), site)),
        Walk(enter("operator")),
    ]
    for walk in walks:
        walk.go(house_stops())
    assert [one for walk in walks for one in walk.wrong] == []
    seen = {pattern for walk in walks for pattern in walk.seen}
    assert {pattern: why for pattern, why in fair(walks[1].none).items() if pattern not in seen} == {}


def _secured(who: Person, site: str) -> Person:
    """Somebody with a second factor, a moment after he made it."""
    client = logged_in(person())
    with_app(client)
    cookie = client.cookies[settings.SESSION_COOKIE_NAME].value
    who.context.add_cookies([{"name": settings.SESSION_COOKIE_NAME, "value": cookie, "url": site}])
    return who


def test_every_page_of_the_documentation(stranger: Callable[..., Person]) -> None:
    walk = Walk(stranger())
    walk.go(docs_stops())
    assert walk.wrong == []
    assert walk.none == {}


def test_every_page_of_the_admin(enter: Callable[..., Person], studio: Studio, known: dict[str, str]) -> None:
    hear_a_canary()
    walk = Walk(enter("operator"))
    walk.go(admin_stops(studio.organization))
    assert walk.wrong == []
    assert fair(walk.none, "403") == {}  # nobody adds, changes or deletes rows by hand


def test_pages_that_refuse(enter: Callable[..., Person], stranger: Callable[..., Person]) -> None:
    for who, place, status in (
        (stranger(), "/nothing-here/", 404),
        (enter("owner"), "/o/nobody/", 404),
        (enter("viewer"), "keys/", 403),
    ):
        walk = Walk(who)
        walk.refused(place, status)
        assert walk.wrong == []


def test_no_page_is_forgotten(studio: Studio, known: dict[str, str]) -> None:
    """A new line of the URL table is visited by itself, unless its address names what the studio has not."""
    stops = [*team_stops(known), *house_stops(), *docs_stops(), *admin_stops(studio.organization)]
    there = {one.pattern for one in addresses() if not one.pattern.startswith("api/")}
    forgotten = there - {stop.pattern for stop in stops} - set(EXEMPT)
    assert {pattern for pattern in forgotten if "<path:object_id>" not in pattern} == set()
    assert set(EXEMPT) <= there
