"""The description (DX2): valid, complete, and what the server really does."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator, validate

from tests.api.office import Office
from tests.flows.wire import CLIENT
from tests.law.test_isolation import operations

VERBS = ("get", "put", "post", "delete", "patch")


@pytest.fixture
def description(nobody: Office) -> dict[str, Any]:
    """As it is served, to everybody."""
    answer = nobody.send("GET", "schema")
    assert answer.status_code == 200
    found: dict[str, Any] = answer.json()
    return found


def described(description: dict[str, Any]) -> dict[tuple[str, str], dict[str, Any]]:
    return {
        (verb, path): told
        for path, verbs in description["paths"].items()
        for verb, told in verbs.items()
        if verb in VERBS
    }


def test_it_is_valid_openapi_31(description: dict[str, Any], nobody: Office) -> None:
    assert description["openapi"] == "3.1.0"
    validate(description, cls=OpenAPIV31SpecValidator)
    assert nobody.send("GET", "schema.yaml").status_code == 200


def test_every_operation_is_in_it(description: dict[str, Any]) -> None:
    told = {(verb, path.removeprefix("/api/v1/")) for verb, path in described(description)}
    shape = lambda path: "".join("{}" if part[0] in "<{" else f"/{part}" for part in path.split("/"))  # noqa: E731
    assert {(verb, shape(path)) for verb, path in told} == {
        (method.lower(), shape(path)) for method, path in operations()
    }


def test_every_operation_is_explained_with_an_example(description: dict[str, Any]) -> None:
    for (verb, path), told in described(description).items():
        where = f"{verb} {path}"
        assert told["operationId"], where
        assert told["summary"], where
        assert len(told["description"]) > 30, where
        for content in bodies(told):
            assert "examples" in content or "example" in content.get("schema", {}), where
        for parameter in told.get("parameters", ()):
            assert "schema" in parameter, where


def bodies(told: dict[str, Any]) -> list[dict[str, Any]]:
    """The JSON of the request and of its fine answer."""
    fine = next(answer for status, answer in told["responses"].items() if status.startswith("2"))
    found = [fine.get("content", {}).get("application/json")]
    found += list(told.get("requestBody", {}).get("content", {}).values())
    return [content for content in found if content]


def test_refusals_are_problems_and_promised(description: dict[str, Any]) -> None:
    for (verb, path), told in described(description).items():
        refusals = {status: answer for status, answer in told["responses"].items() if status[0] == "4"}
        assert {"400", "429"} <= set(refusals), f"{verb} {path}"
        for answer in refusals.values():
            schema = answer["content"]["application/problem+json"]["schema"]
            assert schema == {"$ref": "#/components/schemas/Problem"}


def test_examples_fit_what_they_are_examples_of(description: dict[str, Any]) -> None:
    from jsonschema import Draft202012Validator

    for (verb, path), told in described(description).items():
        for content in bodies(told):
            for example in content.get("examples", {}).values():
                schema = {**content["schema"], "components": description["components"]}
                problems = list(Draft202012Validator(schema).iter_errors(example["value"]))
                assert problems == [], f"{verb} {path}: {problems[0].message}"


def test_the_page_keeps_the_policy(url: str) -> None:
    page = CLIENT.get(f"{url}/api/v1/docs/")
    assert page.status_code == 200
    policy = page.headers["content-security-policy"]
    assert "unsafe" not in policy
    assert "<style" not in page.text
    assert "style=" not in page.text
    sources = [part.split('"')[0] for part in page.text.replace('href="', 'src="').split('src="')[1:]]
    assert sources
    for source in sources:
        assert not urlsplit(source).netloc, source
        found = CLIENT.get(f"{url}{source.replace('&amp;', '&')}")
        assert (found.status_code, bool(found.content)) == (200, True), source
    assert "<script>" not in page.text
