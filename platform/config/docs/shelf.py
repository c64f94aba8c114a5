"""What there is to read, in which order, and from which file."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from django.conf import settings


@dataclass(frozen=True, slots=True)
class Page:
    """One page: its address under `/docs/`, its title in the rail, and its file under `docs/` (empty: it
    is made)."""

    slug: str
    title: str
    file: str = ""

    @property
    def path(self) -> Path:
        return settings.BASE_DIR / "docs" / self.file


SHELF: tuple[tuple[str, tuple[Page, ...]], ...] = (
    ("", (Page("start", "Start here", "start.md"), Page("doors", "Which door", "doors.md"))),
    (
        "Doors",
        (
            Page("evolink", "EvoLink", "doors/evolink.md"),
            Page("openai", "OpenAI", "doors/openai.md"),
            Page("toapis", "ToAPIs", "doors/toapis.md"),
            Page("gemini", "Gemini", "doors/gemini.md"),
            Page("gmi", "GMI Cloud", "doors/gmi.md"),
        ),
    ),
    (
        "Beside the doors",
        (
            Page("callbacks", "Callbacks and webhooks", "callbacks.md"),
            Page("management", "Management API", "management.md"),
            Page("errors", "Errors"),
        ),
    ),
)
PAGES = {page.slug: page for _, pages in SHELF for page in pages}


@dataclass(frozen=True, slots=True)
class Vendor:
    """Where somebody comes from: the client he has, its line as it is, and the line it becomes. `{url}`
    is our address."""

    slug: str
    title: str
    door: str
    language: str
    before: tuple[str, ...]
    after: tuple[str, ...]


VENDORS: dict[str, Vendor] = {
    vendor.slug: vendor
    for vendor in (
        Vendor(
            "evolink", "EvoLink", "evolink", "Python",
            ('BASE_URL = "https://api.evolink.ai"', 'API_KEY = os.environ["EVOLINK_API_KEY"]'),
            ('BASE_URL = "{url}/evolink"', 'API_KEY = os.environ["EASEL_KEY"]'),
        ),
        Vendor(
            "openai", "OpenAI", "openai", "Python",
            ("client = OpenAI(", '    api_key=os.environ["OPENAI_API_KEY"],', ")"),
            (
                "client = OpenAI(", '    base_url="{url}/openai/v1",', '    api_key=os.environ["EASEL_KEY"],',
                ")",
            ),
        ),
        Vendor(
            "llmgateway", "LLM Gateway", "openai", "Python",
            ('    base_url="https://api.llmgateway.io/v1",', '    api_key=os.environ["LLM_KEY"],'),
            ('    base_url="{url}/llmgateway/v1",', '    api_key=os.environ["EASEL_KEY"],'),
        ),
        Vendor(
            "toapis", "ToAPIs", "toapis", "JavaScript",
            ('const base = "https://toapis.com";', "const key = process.env.TOAPIS_KEY;"),
            ('const base = "{url}/toapis";', "const key = process.env.EASEL_KEY;"),
        ),
        Vendor(
            "gemini", "Gemini", "gemini", "Python",
            ("client = genai.Client(", '    api_key=os.environ["GEMINI_API_KEY"],', ")"),
            (
                "client = genai.Client(", '    api_key=os.environ["EASEL_KEY"],',
                '    http_options={{"base_url": "{url}/gemini"}},', ")",
            ),
        ),
        Vendor(
            "tokaify", "Tokaify", "gemini", "Python",
            ('BASE = "https://api.tokaify.com"', 'KEY = os.environ["TOKAIFY_KEY"]'),
            ('BASE = "{url}/tokaify"', 'KEY = os.environ["EASEL_KEY"]'),
        ),
        Vendor(
            "gmi", "GMI Cloud", "gmi", "Python",
            ('BASE = "https://console.gmicloud.ai"', 'KEY = os.environ["GMI_API_KEY"]'),
            ('BASE = "{url}/gmi"', 'KEY = os.environ["EASEL_KEY"]'),
        ),
    )
}  # fmt: skip


def difference(vendor: Vendor, url: str) -> list[tuple[str, str]]:
    """The lines of both, as (sign, text): `-` goes, `+` comes, a space stays."""
    after = [line.format(url=url) for line in vendor.after]
    gone = [("-", line) for line in vendor.before if line not in after]
    kept = [line for line in vendor.before if line in after]
    come = [(" " if line in kept else "+", line) for line in after]
    at = 1 if come and come[0][0] == " " else 0
    return [*come[:at], *gone, *come[at:]]
