"""schemathesis finds nothing: what it makes up from the description, right and wrong, is answered as the
description says."""

from __future__ import annotations

import re
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import GenerationMode
from schemathesis.specs.openapi.checks import positive_data_acceptance

from tests.api.conftest import MANAGE
from tests.cast import make_cast
from tests.house import Servers
from tests.law.test_isolation import operations

pytestmark = pytest.mark.slow

OPERATIONS = [(method, re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", path)) for method, path in operations()]
RULES = {
    "POST keys": "an expiry lies ahead, a network is one, a member is a member",
    "PATCH keys/{key}": "the same",
    "PUT budgets": "a budget is above zero",
    "POST webhooks": "a URL leads somewhere public",
    "PATCH webhooks/{webhook}": "the same",
    "POST deliveries/redeliver": "a range ends after it begins",
    "POST leaked-keys": "twenty a minute",
}
"""Operations with a rule that no schema can say: there, what fits the schema may still be refused."""
TOLD = ("cursor", "timezone", "from", "to", "by")
"""Parameters that have such a rule (a cursor is signed, a timezone exists, a range ends after it begins):
left away where everything has to be right."""
MODES = [GenerationMode.POSITIVE, GenerationMode.NEGATIVE]
HASTE = settings(
    max_examples=12,
    deadline=None,
    derandomize=True,
    database=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)


@schemathesis.serializer("application/jsonl")
def lines(context: Any, value: Any) -> bytes:
    """A file, as it is."""
    return value if isinstance(value, bytes) else str(value).encode("utf-8", "replace")


@pytest.fixture(scope="module")
def described(servers: Servers) -> Any:
    """The description of the running server."""
    return schemathesis.openapi.from_url(f"{servers.shared().url}/api/v1/schema")


@pytest.fixture(scope="module")
def bearer(database: str) -> dict[str, str]:
    """A management key of an organization made for this."""
    cast = make_cast()
    cast.credit(3)
    return {"Authorization": f"Bearer {cast.key(scopes=MANAGE)}"}


@pytest.mark.parametrize("mode", MODES, ids=["right", "wrong"])
@pytest.mark.parametrize("method, path", OPERATIONS, ids=lambda value: str(value))
def test_the_server_does_what_its_description_says(
    described: Any, bearer: dict[str, str], method: str, path: str, mode: GenerationMode
) -> None:
    operation = described[f"/api/v1/{path}"][method]
    excused = [positive_data_acceptance] if f"{method} {path}" in RULES else []

    @HASTE
    @given(case=operation.as_strategy(generation_mode=mode))
    def holds(case: Any) -> None:
        if mode is GenerationMode.POSITIVE:
            case.query = {name: value for name, value in (case.query or {}).items() if name not in TOLD}
        case.call_and_validate(headers=bearer, excluded_checks=excused)

    holds()
