"""Somebody in front of a browser: what he opens, presses, types and sees."""

from __future__ import annotations

import email
import re
from email.message import EmailMessage
from email.policy import default
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from playwright.sync_api import BrowserContext, Download, Locator, Page, expect

from accounts.models import User
from tests.accounts.people import PASSWORD
from tests.accounts.visits import Visitor
from tests.browser.watch import Watch
from tests.flows.wire import eventually

SECRET = re.compile(r"easel_(?:live|test)_[0-9A-Za-z]{48}")

expect.set_options(timeout=15_000)


class Person:
    """A page in a browser of his own. `team` is the slug that addresses like `keys/` are under."""

    def __init__(self, page: Page, watch: Watch) -> None:
        self.page, self.watch, self.team = page, watch, ""

    @property
    def context(self) -> BrowserContext:
        return self.page.context

    @property
    def path(self) -> str:
        """Where he is, without the origin."""
        return urlsplit(self.page.url).path

    def another_tab(self) -> Person:
        """A second page in the same browser."""
        other = Person(self.context.new_page(), self.watch)
        other.team = self.team
        return other

    # ---- going -----------------------------------------------------------------------------

    def address(self, place: str) -> str:
        """`/profile/` as it stands; `keys/` and ``  (the overview) under his team."""
        return place if place.startswith("/") else f"/o/{self.team}/{place}"

    def opens(self, place: str) -> None:
        """Go to a page that is there."""
        answer = self.page.goto(self.address(place))
        assert answer is not None
        assert answer.status == 200, (answer.status, place)

    def is_denied(self, place: str, status: int = 403) -> None:
        """Go to a page that is not for him."""
        path = self.address(place)
        self.watch.expect(status, urlsplit(path).path)
        answer = self.page.goto(path)
        assert answer is not None
        assert answer.status == status, (answer.status, place)

    def presses(self, name: str | re.Pattern[str], within: Locator | None = None) -> None:
        """A button, by its name."""
        _first(within or self.page, "button", name).click()

    def follows(self, name: str | re.Pattern[str], within: Locator | None = None) -> None:
        """A link, by its name."""
        _first(within or self.page, "link", name).click()

    def types(self, **fields: str) -> None:
        """Into fields, by the names that their forms send."""
        for name, text in fields.items():
            self.page.locator(f"[name={name}]:not([type=hidden])").first.fill(text)

    def chooses(self, label: str) -> None:
        """A radio button or a box, by its label."""
        self.page.get_by_label(label).first.check()

    def fetches(self, url: str) -> bytes:
        """The file at an address, with his cookies."""
        answer = self.context.request.get(url)
        assert answer.status == 200, (answer.status, url)
        return answer.body()

    def downloads(self, press: Locator) -> Download:
        """What a link or button saves."""
        with self.page.expect_download() as saved:
            press.click()
        return saved.value

    # ---- seeing ----------------------------------------------------------------------------

    def sees(self, text: str | re.Pattern[str]) -> None:
        """It stands on the page, or will."""
        expect(self.page.get_by_text(text).filter(visible=True).first).to_be_visible()

    def sees_heading(self, text: str | re.Pattern[str]) -> None:
        expect(self.page.get_by_role("heading", level=1)).to_have_text(text)

    def sees_not(self, text: str | re.Pattern[str]) -> None:
        expect(self.page.get_by_text(text).filter(visible=True)).to_have_count(0)

    def has_link(self, name: str) -> bool:
        """Whether the page, which is there already, offers a link of this name."""
        return self.page.get_by_role("link", name=name, exact=True).filter(visible=True).count() > 0

    @property
    def words(self) -> str:
        """All that stands on the page."""
        return re.sub(r"\s+", " ", self.page.locator("body").inner_text())

    @property
    def secret(self) -> str:
        """The secret that the page shows, once."""
        shown = self.page.locator("#secret").inner_text()
        assert SECRET.fullmatch(shown), shown
        return shown

    def sees_after_a_while(self, text: str) -> None:
        """It will stand on the page that he loads anew now and then."""

        def there() -> bool:
            self.page.reload()
            return text in self.words

        eventually(there)

    # ---- coming and going ------------------------------------------------------------------

    def logs_in(self, address: str, password: str = PASSWORD) -> None:
        self.opens("/login/")
        self.types(username=address, password=password)
        self.presses("Log in")
        self.page.wait_for_url(lambda url: urlsplit(url).path != "/login/")

    def logs_out(self) -> None:
        self.page.locator("form[action='/logout/'] button").filter(visible=True).first.click()
        self.page.wait_for_url("**/login/")

    def is_denied_entry(self) -> None:
        """A page for those who are logged in leads him to the log-in."""
        self.page.goto("/profile/")
        assert self.path in ("/login/", "/2fa/authenticate/"), self.path

    def has_logged_in(self, user: User, site: str) -> None:
        """A moment ago, without a page for it."""
        session = Visitor(user, None).client.cookies[settings.SESSION_COOKIE_NAME].value  # type: ignore[arg-type]
        self.context.add_cookies([{"name": settings.SESSION_COOKIE_NAME, "value": session, "url": site}])

    # ---- mail ------------------------------------------------------------------------------

    def finds_in_mail(self, address: str, path: str) -> str:
        """The newest link under a path in the mail to an address, without its origin."""
        pattern = re.compile(rf"https?://[^/\s]+(/{path}\S+)")

        def newest() -> str:
            found = [match[1] for body in mail_to(address) if (match := pattern.search(body))]
            return found[-1] if found else ""

        return eventually(newest)


def _first(within: Page | Locator, role: Any, name: str | re.Pattern[str]) -> Locator:
    """The first of that name that is to be seen."""
    return within.get_by_role(role, name=name, exact=isinstance(name, str)).filter(visible=True).first


def mail_to(address: str) -> list[str]:
    """The bodies of the mail that the servers have written for an address, oldest first."""
    folder = Path(settings.EASEL.data) / "mail"
    files = sorted(folder.glob("*.log"), key=lambda file: file.stat().st_mtime_ns)
    letters = [letter for file in files for letter in _letters(file)]
    return [_body(letter) for letter in letters if address.lower() in str(letter["To"]).lower()]


def _letters(file: Path) -> list[EmailMessage]:
    """A file holds the letters of one connection, with a line of dashes under each."""
    parts = re.split(r"^-{70,}$", file.read_text(), flags=re.MULTILINE)
    return [_letter(part.strip()) for part in parts if part.strip()]


def _letter(text: str) -> Any:
    return email.message_from_string(text, policy=default)


def _body(letter: EmailMessage) -> str:
    part = letter.get_body(("plain",))
    return str(part.get_content()) if part else ""
