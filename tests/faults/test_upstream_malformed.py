"""F17: twelve answers that are no image. Each fails with a stable code, free of charge, and what the
upstream said is for operators only."""

from __future__ import annotations

from uuid import UUID

import httpx2
import pytest

from tests.faults.ground import Customer, Ground
from tests.faults.proof import prove, prove_calls
from tests.house import Program

CASES = {
    "bad JSON": "badjson",
    "JSON nested without end": "deep",
    "no candidate": "empty",
    "not an image's type": "wrongmime",
    "half of the base64": "truncated",
    "bytes that are no image": "notimage",
    "300 million pixels": "bomb",
    "a page": "html",
    "another content type": "wrongtype",
    "more than 40 MB": "huge",
    "one colour": "plain",
    "another shape": "shape",
}
LEAKS = ("stub", "candidates", "JSON", "html", "Malformed", "pixel", "base64", "one_colour", "127.0.0.1")
KEPT = "SELECT detail, calls::text FROM generations_attempt WHERE generation_id = %s"


@pytest.fixture(scope="module")
def web(ground: Ground) -> Program:
    return ground.started(clusters=1)


@pytest.fixture(scope="module")
def customer(web: Program) -> Customer:
    return Customer.with_credit()


@pytest.mark.parametrize("case", CASES)
def test_it_fails_with_a_stable_code_and_costs_nothing(
    ground: Ground, web: Program, customer: Customer, case: str
) -> None:
    prompt = f"{case} stub:{CASES[case]}"
    made = customer.submit(web, prompt)
    ground.until(lambda: ground.state(made) == "failed", 40)

    assert ground.one("SELECT kind FROM generations_generation WHERE id = %s", made) == "upstream_error"
    assert ground.attempts(made) == ["retried", "retried", "failed"]
    assert ground.entries(made) == ["hold", "release"]
    for detail, calls in ground.rows(KEPT, made):
        assert 0 < len(detail) <= 2000
        assert len(calls) < 2000
    told = seen(web, customer, made)
    assert told["status"] == "failed"
    assert not [word for word in LEAKS if word in str(told["error"])]
    prove(ground)
    prove_calls(ground)


def test_an_image_of_another_format_than_it_claims_is_an_image(
    ground: Ground, web: Program, customer: Customer
) -> None:
    made = customer.submit(web, "A JPEG stub:otherformat")
    ground.until(lambda: ground.state(made) == "succeeded")
    assert ground.one("SELECT mime FROM generations_output WHERE generation_id = %s", made) == "image/jpeg"
    prove(ground)


def seen(web: Program, customer: Customer, generation: UUID) -> dict[str, object]:
    """The task as its customer sees it."""
    headers = {"Authorization": f"Bearer {customer.key}"}
    answer = httpx2.get(f"{web.url}/evolink/v1/tasks/{generation}", headers=headers)
    found: dict[str, object] = answer.json()
    return found
