"""A27: no regular expression of ours takes more than linear time, whatever it is shown."""

from __future__ import annotations

import ast
import importlib
import re
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from django.core.validators import RegexValidator
from django.urls import URLPattern, URLResolver, get_resolver

from generations.dialects import DIALECTS
from generations.doors.selection import RouteTable

ROOT = Path(__file__).resolve().parents[2]
SOURCES = {"accounts": ROOT, "billing": ROOT, "generations": ROOT,
           "config": ROOT / "platform", "runtime": ROOT / "platform"}  # fmt: skip
LENGTH = 20_000
SECONDS = 0.3
"""A linear pattern takes a millisecond or two, on a busy machine ten; a quadratic one takes seconds, and
a hundred thousand characters would show it no better."""
NOT_IMPORTED = ("config.asgi", "generations.inputs.decode_child")
"""One makes an application by being imported, one is a program."""
OURS_ALONE = {
    "config.docs.render": "only our own pages of documentation are shown to it",
    "config.parsing": "only what the operator sets is shown to it",
}
"""Modules whose patterns see nothing that comes from outside."""
SEARCHES = ("search", "sub", "subn", "split", "findall", "finditer")
USES = re.compile(rf"(\w+)\.({'|'.join((*SEARCHES, 'match', 'fullmatch'))})\(")


def files() -> Iterator[tuple[str, Path]]:
    for package, root in SOURCES.items():
        for path in sorted((root / package).rglob("*.py")):
            parts = path.relative_to(root).with_suffix("").parts
            if not {"migrations", "management"} & set(parts):
                yield ".".join(part for part in parts if part != "__init__"), path


@dataclass(frozen=True)
class Found:
    """A pattern, where it is, and the ways it is used: a search begins anew at every character."""

    name: str
    pattern: re.Pattern[Any]
    ways: frozenset[str]


def uses() -> dict[str, set[str]]:
    """How each name of a pattern is used, wherever that is."""
    found: dict[str, set[str]] = {}
    for _, path in files():
        for name, way in USES.findall(path.read_text()):
            found.setdefault(name, set()).add("search" if way in SEARCHES else way)
    return found


def module_patterns() -> Iterator[Found]:
    """Those that a module compiled and kept, and those of validators. One that is kept within something
    else is taken for a search."""
    ways = uses()
    for name, _ in files():
        if name in (*NOT_IMPORTED, *OURS_ALONE):
            continue
        module = sys.modules.get(name) or importlib.import_module(name)
        for key, value in list(vars(module).items()):
            direct = frozenset(ways.get(key, {"search"}) if isinstance(value, re.Pattern) else {"search"})
            yield from (Found(f"{name}.{key}", pattern, direct) for pattern in _within(value))


def _within(value: Any) -> Iterator[re.Pattern[Any]]:
    if isinstance(value, re.Pattern):
        yield value
    elif isinstance(value, RegexValidator):
        yield re.compile(str(value.regex.pattern))
    elif isinstance(value, tuple | list | frozenset | set):
        for item in value:
            yield from _within(item)
    elif isinstance(value, dict):
        for item in (*value.keys(), *value.values()):
            yield from _within(item)


def literal_patterns() -> Iterator[Found]:
    """Those that are written where they are used."""
    for name, path in files():
        for node in ast.walk(ast.parse(path.read_text())) if name not in OURS_ALONE else ():
            if isinstance(node, ast.Call) and node.args and (way := _way_of_re(node.func)):
                literal = node.args[0]
                if isinstance(literal, ast.Constant) and isinstance(literal.value, str | bytes):
                    flags = re.VERBOSE if "VERBOSE" in ast.dump(node) else 0
                    yield Found(f"{name}:{node.lineno}", re.compile(literal.value, flags), frozenset([way]))


def _way_of_re(function: ast.expr) -> str:
    if not isinstance(function, ast.Attribute) or getattr(function.value, "id", "") != "re":
        return ""
    return {"match": "match", "fullmatch": "fullmatch", "compile": ""}.get(function.attr, "search")


def address_patterns() -> Iterator[Found]:
    """Those that addresses of doors and pages are matched with."""
    for name, dialect in DIALECTS.items():
        table = RouteTable(dialect)
        for route, pattern in zip(table.routes, table._patterns, strict=True):
            yield Found(f"{name} {route.path}", pattern, frozenset(["fullmatch"]))
    yield from _of_pages(get_resolver().url_patterns)


def _of_pages(patterns: Any) -> Iterator[Found]:
    for found in patterns:
        if isinstance(found, URLResolver):
            yield from _of_pages(found.url_patterns)
        if isinstance(found, URLPattern | URLResolver) and hasattr(found.pattern, "regex"):
            yield Found(f"page {found.pattern}", found.pattern.regex, frozenset(["search"]))


def every_pattern() -> list[Found]:
    """Each one once."""
    found = (*module_patterns(), *literal_patterns(), *address_patterns())
    return list({(one.pattern.pattern, one.pattern.flags, one.ways): one for one in found}.values())


ATOMS = (
    *("a", "A", "0", " ", "\t", "\n", "/", "-", ".", ":", "_", "=", "&", "@", "+", "%", "é", "\\", '"', "'"),
    *("a.", "a@", "1x", "a=", "a:", "0:", "/v1", "easel_", "a,", "{", "[", "<a ", "x-", "&key=", "://a:"),
    *("authorization:", "whsec_a", "AIzaa", "sk-a", "cookie=", "data:", "task-"),
)
PREFIXES = (
    *("", "/v1/", "https://", "data:image/png;base64,", "bytes=", "easel_live_", "1:"),
    *("task-unified-1-", "bearer ", "a@"),
)


def texts() -> Iterator[str]:
    """Twenty thousand characters each, which nearly match to their end and then do not."""
    for prefix in PREFIXES:
        for atom in ATOMS:
            yield prefix + atom * (LENGTH // len(atom)) + "!\n"


def slow(found: Found) -> str:
    """The first text on which the pattern takes too long, or nothing."""
    for text in texts():
        shown: Any = text.encode() if isinstance(found.pattern.pattern, bytes) else text
        for way in found.ways:
            began = time.thread_time()
            getattr(found.pattern, way)(shown)
            if time.thread_time() - began > SECONDS:
                return f"{way} of {text[:40]!r}..."
    return ""


def test_there_are_patterns_of_every_source() -> None:
    """A27: so that the walk below is one."""
    names = [found.name for found in every_pattern()]
    for word in ("generations.", "accounts.", "runtime.", "page ", "gemini /"):
        assert any(name.startswith(word) for name in names), word


@pytest.mark.slow
def test_no_pattern_is_slower_than_its_text_is_long() -> None:
    """A27: every pattern of ours against long texts that nearly match to their end and then do not."""
    late = {one.name: (one.pattern.pattern, said) for one in every_pattern() if (said := slow(one))}
    assert late == {}
