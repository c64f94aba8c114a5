"""A27: no regular expression of ours takes more than linear time, whatever it is shown."""

from __future__ import annotations

import ast
import importlib
import re
import sys
import time
from collections.abc import Iterator
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
LENGTH = 100_000
SECONDS = 1.0
"""Twenty times the fifty milliseconds of A27, for a busy machine; a quadratic pattern takes minutes."""
NOT_IMPORTED = ("config.asgi",)
"""It makes an application by being imported."""


def files() -> Iterator[tuple[str, Path]]:
    for package, root in SOURCES.items():
        for path in sorted((root / package).rglob("*.py")):
            parts = path.relative_to(root).with_suffix("").parts
            if not {"migrations", "management"} & set(parts):
                yield ".".join(part for part in parts if part != "__init__"), path


def module_patterns() -> Iterator[tuple[str, re.Pattern[Any]]]:
    """Those that a module compiled and kept, and those of validators."""
    for name, _ in files():
        if name in NOT_IMPORTED or name.endswith("decode_child"):
            continue
        module = sys.modules.get(name) or importlib.import_module(name)
        for key, value in list(vars(module).items()):
            yield from ((f"{name}.{key}", found) for found in _within(value))


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


def literal_patterns() -> Iterator[tuple[str, re.Pattern[Any]]]:
    """Those that are written where they are used."""
    for name, path in files():
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and _is_of_re(node.func) and node.args:
                literal = node.args[0]
                if isinstance(literal, ast.Constant) and isinstance(literal.value, str | bytes):
                    flags = re.VERBOSE if "VERBOSE" in ast.dump(node) else 0
                    yield f"{name}:{node.lineno}", re.compile(literal.value, flags)


def _is_of_re(function: ast.expr) -> bool:
    return isinstance(function, ast.Attribute) and getattr(function.value, "id", "") == "re"


def address_patterns() -> Iterator[tuple[str, re.Pattern[Any]]]:
    """Those that addresses of doors and pages are matched with."""
    for name, dialect in DIALECTS.items():
        table = RouteTable(dialect)
        yield from ((f"{name} {route.path}", p) for route, p in zip(table.routes, table._patterns, strict=True))
    yield from _of_pages(get_resolver().url_patterns)


def _of_pages(patterns: Any) -> Iterator[tuple[str, re.Pattern[Any]]]:
    for found in patterns:
        if isinstance(found, URLResolver):
            yield from _of_pages(found.url_patterns)
        if isinstance(found, URLPattern | URLResolver) and hasattr(found.pattern, "regex"):
            yield f"page {found.pattern}", found.pattern.regex


def every_pattern() -> dict[tuple[Any, int], str]:
    found: dict[tuple[Any, int], str] = {}
    for name, pattern in (*module_patterns(), *literal_patterns(), *address_patterns()):
        found.setdefault((pattern.pattern, pattern.flags), name)
    return found


ATOMS = ("a", "A", "0", " ", "\t", "\n", "/", "-", ".", ":", "_", "=", "&", "@", "+", "%", "é", "\\", '"', "'",
         "a.", "a@", "1x", "a=", "a:", "0:", "/v1", "easel_", "a,", "{", "[", "<a ", "x-", "&key=", "://a:",
         "authorization:", "whsec_a", "AIzaa", "sk-a", "cookie=", "data:", "task-")  # fmt: skip
PREFIXES = ("", "/v1/", "https://", "data:image/png;base64,", "bytes=", "easel_live_", "1:", "task-unified-1-",
            "bearer ", "a@")  # fmt: skip


def texts() -> Iterator[str]:
    """A hundred thousand characters each, which nearly match to their end and then do not."""
    for prefix in PREFIXES:
        for atom in ATOMS:
            yield prefix + atom * (LENGTH // len(atom)) + "!\n"


def slow(pattern: re.Pattern[Any], worst: float) -> str:
    """The first text on which the pattern takes longer, or nothing."""
    for text in texts():
        shown: Any = text.encode("utf-8", "replace") if isinstance(pattern.pattern, bytes) else text
        for use in (pattern.search, pattern.match, pattern.fullmatch):
            began = time.thread_time()
            use(shown)
            if time.thread_time() - began > worst:
                return f"{use.__name__} of {text[:40]!r}..."
    return ""


def test_there_are_patterns_of_every_source() -> None:
    """A27: so that the walk below is one."""
    found = set(every_pattern().values())
    for word in ("generations.", "accounts.", "runtime.", "page ", "gemini /"):
        assert any(name.startswith(word) for name in found), word


@pytest.mark.slow
def test_no_pattern_is_slower_than_its_text_is_long() -> None:
    """A27: every pattern of ours against a hundred thousand characters of every kind."""
    late = {}
    for (pattern, flags), name in every_pattern().items():
        if found := slow(re.compile(pattern, flags), SECONDS):
            late[name] = (pattern, found)
    assert late == {}
