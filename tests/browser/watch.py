"""What a browser complains of while somebody uses the pages: errors, broken policies, strange hosts."""

from __future__ import annotations

from dataclasses import dataclass, field
from urllib.parse import urlsplit

from playwright.sync_api import BrowserContext, ConsoleMessage, Request, Response, WebError

TELL_OF_POLICY = """
addEventListener("securitypolicyviolation", (event) => {
  console.error(`policy ${event.violatedDirective} stopped ${event.blockedURI}`);
});
"""
"""Chromium writes violations to its console by itself; this says them of what it keeps to itself."""

OURS = ("data", "blob", "about")


@dataclass
class Watch:
    """Listens to one browser context. `complaints` is empty when all went as it should."""

    origin: str
    complaints: list[str] = field(default_factory=list)
    _expected: set[tuple[int, str]] = field(default_factory=set)

    def follow(self, context: BrowserContext) -> None:
        """Listen to all pages of this context, those to come too."""
        context.add_init_script(TELL_OF_POLICY)
        context.on("console", self._said)
        context.on("weberror", self._broke)
        context.on("request", self._asked)
        context.on("response", self._answered)

    def expect(self, status: int, path: str) -> None:
        """This address may answer so: a refusal is what the test is about."""
        self._expected.add((status, path))

    def _said(self, message: ConsoleMessage) -> None:
        if message.type not in ("error", "warning") or self._is_expected(message):
            return
        self.complaints.append(f"console {message.type}: {message.text} ({message.location.get('url')})")

    def _is_expected(self, message: ConsoleMessage) -> bool:
        """Chromium notes each refused page as an error of its console."""
        path = urlsplit(message.location.get("url", "")).path
        return any(path == one and f"status of {status}" in message.text for status, one in self._expected)

    def _broke(self, error: WebError) -> None:
        self.complaints.append(f"script error: {error.error}")

    def _asked(self, request: Request) -> None:
        scheme = urlsplit(request.url).scheme
        if scheme not in OURS and not request.url.startswith(f"{self.origin}/"):
            self.complaints.append(f"left the host: {request.method} {request.url}")

    def _answered(self, response: Response) -> None:
        path = urlsplit(response.url).path
        if response.status >= 500 and (response.status, path) not in self._expected:
            self.complaints.append(f"answered {response.status}: {response.request.method} {response.url}")
