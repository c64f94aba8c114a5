"""Markdown to HTML. The files are ours; raw HTML in them is shown as text all the same."""

from __future__ import annotations

import re
from functools import lru_cache
from itertools import count
from pathlib import Path

from markdown_it import MarkdownIt

_WRITTEN = re.compile(r"https?://host(?=[/`\"'\s)]|$)|http://localhost:8000|\$EASEL_URL\b")
_MARKDOWN = MarkdownIt("commonmark", {"html": False, "linkify": False}).enable(["table", "strikethrough"])
_HEADING = re.compile(r"<h([23])>(.*?)</h\1>")
_TABLE = re.compile(r"<table>(.*?)</table>", re.DOTALL)
_FRAME = '<div class="scroll" tabindex="0" role="region" aria-label="Table %d"><table class="table">'
_CODE = re.compile(r"<pre><code( class=\"language-(\w+)\")?>")


@lru_cache(maxsize=64)
def render(path: Path, changed: float, url: str) -> tuple[str, str]:
    """Title and HTML of a file that was changed at `changed`, with `url` as the address of this
    installation. Raises FileNotFoundError."""
    text = _WRITTEN.sub(url, path.read_text())
    first, _, rest = text.partition("\n")
    html = _MARKDOWN.render(rest)
    html = _HEADING.sub(lambda found: f'<h{found[1]} id="{_slug(found[2])}">{found[2]}</h{found[1]}>', html)
    number = count(1)  # a page's regions have different names
    html = _TABLE.sub(lambda found: f"{_FRAME % next(number)}{found[1]}</table></div>", html)
    html = _CODE.sub(_code, html).replace("</code></pre>", "</code></pre></div>")
    return first.removeprefix("# ").strip(), html


def _slug(heading: str) -> str:
    words = re.sub(r"<[^>]+>|&\w+;", " ", heading).lower()
    return re.sub(r"[^a-z0-9]+", "-", words).strip("-")


def _code(found: re.Match[str]) -> str:
    name = _NAMES.get(found[2] or "", found[2] or "")
    label = f'<span class="code-name">{name}</span>' if name else ""
    return f'<div class="code-frame">{label}<pre class="code" tabindex="0"><code>'


_NAMES = {"bash": "curl", "python": "Python", "javascript": "JavaScript", "json": "JSON", "diff": "Two lines"}
