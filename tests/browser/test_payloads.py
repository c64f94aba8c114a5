"""A12 in a real browser: scripts that people write where words belong are words, on every page."""

from __future__ import annotations

import base64
from collections import deque
from collections.abc import Callable, Iterator
from urllib.parse import urlsplit

import httpx2
import pytest
from playwright.sync_api import Page

from accounts.actions import invitations, keys, organizations, users, webhooks
from accounts.models import Event
from tests.browser.people import Person
from tests.browser.studio import MODEL
from tests.cast import BY, Cast, make_cast
from tests.config.office import an_operator
from tests.flows.wire import eventually
from tests.generations.inputs import corpus

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]

TELL = "window.xss = () => { window.xssRan = true; console.error('a stored script ran'); };"
"""What a payload would call; the watch over the console makes it a failure, too."""
SCRIPT = "<script>xss()</script>"
IMAGE = "'\"><img src=/x onerror=xss()>"
VECTOR = "\"><svg/onload=xss()><a href='javascript:xss()'>here</a>"
CLOSING = "</title></textarea></script><script>xss()</script>"
FRAMEWORKS = "{{constructor.constructor('xss()')()}}<p x-data x-init='xss()' hx-on:load='xss()'>"
GREW = "img[src='/x'], svg[onload], a[href^='javascript:'], [onerror], [onload], [x-init*='xss']"
"""Elements that only a payload could have made."""
LINKS = "all => all.map(one => one.href)"
LEFT_OUT = ("/logout", "/docs/", "/export", "/events/", "/i/", "/static/", "/language", "csv", "zip")
MOST = 45


@pytest.fixture(scope="module")
def poisoned(site: str, database: str) -> Cast:
    """A team that wrote a script wherever the product takes words, through its own doors and verbs."""
    cast = make_cast()
    cast.credit(50)
    named_by_people(cast)
    worded_by_programs(site, cast)
    return cast


def named_by_people(cast: Cast) -> None:
    """Names of the team, its people, keys and endpoints."""
    organizations.rename(organization=cast.organization, name=f"Team {IMAGE}", by=BY)
    users.rename(user=cast.owner, name=f"Owner {VECTOR}")
    users.rename(user=cast.developer, name=f"Developer {SCRIPT}")
    for name in (SCRIPT, IMAGE, VECTOR, CLOSING, FRAMEWORKS):
        keys.create(organization=cast.organization, mode="live", name=name, by=BY, member=cast.developer)
    invited = f"guest-{cast.organization.slug}@example.test"
    invitations.create(organization=cast.organization, email=invited, role="viewer", by=BY)
    url = f"https://hooks.example.test/{IMAGE}".replace(" ", "%20")
    webhooks.create(organization=cast.organization, mode="live", url=url, events=list(Event.values), by=BY)


def worded_by_programs(site: str, cast: Cast) -> None:
    """Prompts, names of programs and files, ids of requests, errors that repeat what was said."""
    for mode in ("live", "test"):
        headers = {
            "Authorization": f"Bearer {cast.key(mode)}", "User-Agent": f"curl/8 {IMAGE}{SCRIPT}",
            "X-Request-ID": SCRIPT, "Referer": IMAGE,
        }  # fmt: skip
        with httpx2.Client(base_url=site, headers=headers, trust_env=False, timeout=120) as program:
            orders(program, mode)
            program.get(f"/openai/v1/models/{SCRIPT.replace('/', '%2F')}?q={VECTOR}")
            data = base64.b64encode(corpus.png()).decode()
            body = {"base64_data": data, "file_name": f"{IMAGE}.png", "upload_path": SCRIPT}
            program.post("/evolink/api/v1/files/upload/base64", json=body)


def orders(program: httpx2.Client, mode: str) -> None:
    """Some that go well, and some whose error tells again what was asked."""
    path = "/openai/v1/images/generations"
    words = [SCRIPT, IMAGE, VECTOR, CLOSING, FRAMEWORKS]
    words += [f"test:fail {SCRIPT}", f"test:block {IMAGE}", f"test:text {VECTOR}"] if mode == "test" else []
    answers = [program.post(path, json={"model": MODEL, "prompt": word, "user": word}) for word in words]
    assert [answer.status_code for answer in answers[:5]] == [200] * 5, answers[0].text
    for wrong in ({"model": SCRIPT}, {"size": IMAGE}, {"quality": CLOSING}, {SCRIPT: VECTOR}):
        program.post(path, json={"model": MODEL, "prompt": IMAGE, **wrong})


def walk(person: Person, begin: str, under: tuple[str, ...]) -> dict[str, str]:
    """Open what links lead to, from one page on; each must show words and grow nothing. Gives what stands
    on each."""
    waiting, seen, opened = deque(begin.split()), set(begin.split()), dict[str, str]()
    while waiting and len(opened) < MOST:
        path = waiting.popleft()
        answer = person.page.goto(path)
        if answer is None or answer.status != 200 or "text/html" not in answer.headers["content-type"]:
            continue
        is_harmless(person.page, path)
        opened[path] = person.page.locator("body").inner_text()
        for link in links(person.page, under):
            if link not in seen:
                seen.add(link)
                waiting.append(link)
    return opened


def links(page: Page, under: tuple[str, ...]) -> Iterator[str]:
    """Addresses of pages below these, without their filters."""
    for href in page.locator("a[href]").evaluate_all(LINKS):
        where = urlsplit(href)
        inside = where.path.startswith(under) and not any(word in where.path for word in LEFT_OUT)
        if inside and not where.query:
            yield where.path


def is_harmless(page: Page, path: str) -> None:
    assert not page.evaluate("Boolean(window.xssRan)"), path
    assert page.locator(GREW).count() == 0, path


def armed(person: Person) -> Person:
    """His pages know the function that a payload would call."""
    person.context.add_init_script(TELL)
    return person


def test_a_payload_would_be_noticed(stranger: Callable[..., Person]) -> None:
    """So that the walks below are worth something: outside our policy such a text does run."""
    person = armed(stranger())
    person.page.goto("about:blank")
    person.page.set_content(f"<p>{IMAGE}{SCRIPT}</p>")
    eventually(lambda: person.page.evaluate("Boolean(window.xssRan)"))
    assert person.page.locator(GREW).count() > 0
    person.watch.complaints.clear()


def stand(opened: dict[str, str], *texts: str) -> None:
    """Each of these texts is on some page as it was written."""
    assert [text for text in texts if not any(text in page for page in opened.values())] == []


def test_the_teams_pages_show_payloads_as_text(visit: Callable[..., Person], poisoned: Cast) -> None:
    person = armed(visit(poisoned.owner, poisoned.organization))
    home = f"/o/{poisoned.organization.slug}/"
    opened = walk(person, f"{home} {home}requests/ {home}audit/ /sessions/ /profile/", (home,))
    assert len(opened) > 20, opened.keys()
    stand(opened, SCRIPT, IMAGE, VECTOR, CLOSING, FRAMEWORKS, f"curl/8 {IMAGE}{SCRIPT}")
    person.opens("playground/")
    person.types(prompt=CLOSING)
    is_harmless(person.page, "playground/")


def test_the_operators_pages_show_payloads_as_text(visit: Callable[..., Person], poisoned: Cast) -> None:
    person = armed(visit(an_operator("superuser")))
    begin = "/admin/ /admin/generations/generation/ /admin/generations/apirequest/ /admin/accounts/apikey/"
    opened = walk(person, f"{begin} /admin/accounts/organization/", ("/admin/",))
    assert len(opened) > 20, opened.keys()
    stand(opened, SCRIPT, IMAGE, VECTOR, CLOSING, FRAMEWORKS)
