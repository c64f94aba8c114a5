"""`script/screenshots`: the main pages of a throw-away demonstration at three widths, light and dark.

Each page is watched too: an error in the console, a broken policy, a request to another host or a page
that scrolls sideways ends the run with 1.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from tests.browser.stand import Stand, stand
from tests.browser.watch import Watch

WIDTHS = {1440: 900, 768: 1024, 390: 844}
TALLEST = 3_000
SCHEMES = ("light", "dark")
SETTLE_MILLISECONDS = 150
"""Charts, thumbnails and the boxes that htmx fetches."""
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
TEAM = {
    "overview": "", "playground": "playground/", "images": "images/", "tasks": "tasks/",
    "task": "tasks/ > tbody a.row-name", "requests": "requests/", "request": "requests/ > tbody a",
    "keys": "keys/", "key": "keys/ > tbody a", "key-new": "keys/new/", "webhooks": "webhooks/",
    "webhook-new": "webhooks/new/", "signature": "webhooks/signature/", "usage": "usage/",
    "billing": "billing/", "entries": "billing/entries/", "prices": "billing/prices/",
    "budgets": "billing/budgets/", "statements": "billing/statements/",
    "statement": "billing/statements/ > tbody a", "credit": "billing/request/", "members": "members/",
    "invite": "invitations/new/", "audit": "audit/", "settings": "settings/",
}  # fmt: skip
"""Below `/o/demo/`; what stands behind `>` is the link to follow from there."""
PERSON = {
    "profile": "/profile/",
    "team-new": "/teams/new/",
    "two-factors": "/2fa/",
    "gallery": "/gallery/",
}
PUBLIC = {
    "sign-up": "/signup/", "log-in": "/login/", "password": "/password/reset/", "report-key": "/report-key/",
    "docs": "/docs/", "docs-door": "/docs/openai/", "not-found": "/nothing-here/",
}  # fmt: skip
ADMIN = {
    "admin": "/admin/", "admin-tasks": "/admin/generations/generation/",
    "admin-task": "/admin/generations/generation/ > #result_list a[href*='/generation/']",
    "admin-requests": "/admin/generations/apirequest/", "admin-queue": "/admin/generations/lane/",
    "admin-organizations": "/admin/accounts/organization/",
    "admin-organization": "/admin/accounts/organization/ > #result_list a[href*='/organization/']",
    "admin-keys": "/admin/accounts/apikey/", "admin-entries": "/admin/billing/entry/",
    "admin-channels": "/admin/generations/channel/", "admin-models": "/admin/generations/model/",
    "admin-audit": "/admin/accounts/auditevent/", "admin-find": "/admin/find/?q=demo",
}  # fmt: skip


@dataclass
class Run:
    """What was photographed, and what was wrong with it."""

    folder: Path
    only: str
    taken: int = 0
    wrong: list[str] = field(default_factory=list)

    def wanted(self, pages: Mapping[str, str]) -> Mapping[str, str]:
        return {name: place for name, place in pages.items() if self.only in name}

    def photograph(self, name: str, page: Page, watch: Watch) -> None:
        """The whole page, and its complaints."""
        page.evaluate("document.fonts.ready")
        page.wait_for_timeout(SETTLE_MILLISECONDS)
        _grow(page)
        page.screenshot(path=self.folder / f"{name}.png", animations="disabled")
        self.taken += 1
        wide = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        if wide > 0:
            watch.complaints.append(f"scrolls sideways by {wide} pixels")
        self.wrong += [f"{name}: {complaint}" for complaint in watch.complaints]
        watch.complaints.clear()


def _grow(page: Page) -> None:
    """Make the window as high as what scrolls in it, so that what sticks to its edges stays there."""
    size = page.viewport_size
    assert size is not None
    for _ in range(2):  # what fills the window grows with it
        high = page.evaluate("Math.max(document.documentElement.scrollHeight, innerHeight)")
        page.set_viewport_size({"width": size["width"], "height": min(high, TALLEST)})


@dataclass
class Visitor:
    """A page in a browser context, and whatever it complains of."""

    page: Page
    watch: Watch
    here: str

    def open(self, place: str, size: tuple[int, int]) -> bool:
        """Go to an address, and through one of its links where one is named. False: there is none."""
        self.page.set_viewport_size({"width": size[0], "height": size[1]})
        path, _, link = place.partition(" > ")
        address = path if path.startswith("/") else self.here + path
        if address == "/nothing-here/":
            self.watch.expect(404, address)
        self.page.goto(address, wait_until="load")
        if not link:
            return True
        found = self.page.locator(link)
        if not found.count():
            return False
        self.page.goto(str(found.first.get_attribute("href")), wait_until="load")
        return True

    def log_in(self, who: Mapping[str, str]) -> None:
        self.page.goto("/login/")
        self.page.locator("input[type=email], input[name=login], input[name=username]").first.fill(
            who["email"]
        )
        self.page.locator("input[type=password]").first.fill(who["password"])
        self.page.keyboard.press("Enter")
        self.page.wait_for_url(lambda url: "/login" not in url)


def main(arguments: Iterable[str] | None = None) -> int:
    """Photograph everything. The exit code: 0, or 1 if a page is not as it should be."""
    asked = _asked(arguments)
    program = shutil.which("chromium")
    if program is None:
        print("There is no chromium on this machine: install it.", file=sys.stderr)
        return 2
    asked.folder.mkdir(parents=True, exist_ok=True)
    run = Run(asked.folder, asked.only)
    began = time.monotonic()
    with stand(print, asked.url, asked.logins) as demo, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=ARGUMENTS)
        for visit in _rounds(browser, demo, asked.width, asked.scheme):
            visit(run)
        browser.close()
    return _told(run, time.monotonic() - began)


def _rounds(
    browser: Browser, demo: Stand, widths: list[int], schemes: list[str]
) -> Iterator[Callable[[Run], None]]:
    for width in widths:
        for scheme in schemes:
            yield lambda run, w=width, s=scheme: _round(browser, demo, run, w, s)


def _round(browser: Browser, demo: Stand, run: Run, width: int, scheme: str) -> None:
    """All pages at one width in one scheme: as nobody, as the owner, as the operator."""
    wrong = len(run.wrong)
    for who, pages in ((None, PUBLIC), ("owner", TEAM), ("operator", {**PERSON, **ADMIN})):
        if not (wanted := run.wanted(pages)):
            continue
        context = _context(browser, demo, width, scheme)
        visitor = Visitor(context.new_page(), Watch(demo.url), f"/o/{demo.secrets['organization']}/")
        visitor.watch.follow(context)
        if who:
            visitor.log_in(demo.secrets[who])
        for name, place in wanted.items():
            if visitor.open(place, (width, WIDTHS[width])):
                run.photograph(f"{name}-{width}-{scheme}", visitor.page, visitor.watch)
            else:
                run.wrong.append(f"{name}-{width}-{scheme}: no link {place}")
        context.close()
    print(f"  {width} px {scheme}: {run.taken} pictures so far, {len(run.wrong) - wrong} complaints")


def _context(browser: Browser, demo: Stand, width: int, scheme: str) -> BrowserContext:
    return browser.new_context(
        base_url=demo.url,
        viewport={"width": width, "height": WIDTHS[width]},
        color_scheme="dark" if scheme == "dark" else "light",
        reduced_motion="reduce",
    )


def _asked(arguments: Iterable[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="script/screenshots", description="Photograph the main pages.")
    parser.add_argument("folder", nargs="?", type=Path, default=Path("var/screenshots"))
    parser.add_argument("--only", default="", help="only pages whose name has this in it")
    parser.add_argument("--width", type=int, choices=list(WIDTHS), nargs="+", default=list(WIDTHS))
    parser.add_argument("--scheme", choices=SCHEMES, nargs="+", default=list(SCHEMES))
    parser.add_argument("--url", help="a demonstration that runs already; with --logins, its demo.json")
    parser.add_argument("--logins", type=Path)
    return parser.parse_args(None if arguments is None else list(arguments))


def _told(run: Run, seconds: float) -> int:
    for line in run.wrong:
        print(f"  WRONG {line}", file=sys.stderr)
    print(f"{run.taken} pictures in {run.folder} in {seconds:.0f} s, {len(run.wrong)} complaints.")
    return 1 if run.wrong else 0


if __name__ == "__main__":
    sys.exit(main())
