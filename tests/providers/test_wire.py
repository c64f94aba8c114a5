"""Reading answers: broken, bottomless and large JSON."""

from __future__ import annotations

import base64
import json
import random

import pytest

from generations.provider.failures import Malformed
from generations.provider.wire import DEEPEST, LONG, parsed

BIG = base64.b64encode(random.Random(1).randbytes(2 * LONG)).decode()
OTHER = base64.b64encode(random.Random(2).randbytes(2 * LONG)).decode()


def read(tree: object, **how: object) -> object:
    return parsed(json.dumps(tree, **how).encode(), "data")  # type: ignore[arg-type]


def texts(tree: object) -> object:
    """The tree with its bytes as text."""
    if isinstance(tree, dict):
        return {name: texts(value) for name, value in tree.items()}
    if isinstance(tree, list):
        return [texts(value) for value in tree]
    return tree.decode() if isinstance(tree, bytes) else tree


TREES: list[object] = [
    {"data": "short"},
    {"data": BIG},
    {"a": [{"data": BIG, "mimeType": "image/png"}, {"data": OTHER}, {"data": "x"}], "text": "data"},
    [{"inlineData": {"data": BIG}}, {"text": '"data": "' + "y" * 2 * LONG}],
    {"data": {"data": BIG}},
    {"text": BIG, "data": None},
    {"data": "\0text 0", "b": {"data": "\0text 7"}},
    {"data": BIG[:-1] + "\\"},
    {"data": "\N{SNOWMAN}" * LONG},
    {"data": 5, "text": BIG},
]


@pytest.mark.parametrize("tree", TREES, ids=range(len(TREES)))
@pytest.mark.parametrize(
    "how", [{}, {"separators": (",", ":")}, {"indent": 2}, {"ensure_ascii": False}], ids=str
)
def test_whatever_is_lifted_out_the_meaning_is_the_same(tree: object, how: dict[str, object]) -> None:
    assert texts(read(tree, **how)) == tree


def test_a_long_text_comes_as_bytes_and_a_short_one_as_text() -> None:
    tree = read({"a": {"data": BIG}, "b": {"data": "aGk="}})
    assert tree == {"a": {"data": BIG.encode()}, "b": {"data": "aGk="}}


@pytest.mark.parametrize(
    "body", [b"", b"{", b'{"data": "' + BIG.encode(), b'{"data": "' + BIG.encode() + b'"', b"\xff"]
)
def test_broken_json_is_malformed(body: bytes) -> None:
    with pytest.raises(Malformed):
        parsed(body, "data")


@pytest.mark.parametrize("depth", [DEEPEST + 1, 100, 100_000])
@pytest.mark.parametrize("opens", ['{"a":', "["])
def test_json_without_a_bottom_is_malformed(depth: int, opens: str) -> None:
    closes = "}" if opens[0] == "{" else "]"
    body = opens * depth + "1" + closes * depth
    with pytest.raises(Malformed):
        parsed(body.encode(), "data")


def test_json_as_deep_as_answers_may_be_is_read() -> None:
    assert parsed(("[" * DEEPEST + "]" * DEEPEST).encode())
