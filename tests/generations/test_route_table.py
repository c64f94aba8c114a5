"""How a path finds its route: segments, the rest of a path, and versions put right."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from generations.dialect import Answer, Desk, Incoming, Route
from generations.doors.selection import RouteTable


async def answer(request: Incoming, desk: Desk) -> Answer:
    return Answer(200, {})


@dataclass
class Vendor:
    """A dialect of which only the routes matter."""

    paths: tuple[str, ...]
    name: str = "vendor"
    title: str = "Vendor"
    prefixes: tuple[str, ...] = ("/vendor",)
    body_limit: int = 0

    def routes(self) -> tuple[Route, ...]:
        return tuple(Route("GET", path, answer) for path in self.paths)

    def keys(self, request: Incoming) -> tuple[str, ...]:
        return ()

    def word(self, problem: Exception, request: Incoming) -> Answer:
        return Answer(500, {})


def found(path: str, *routes: str) -> tuple[str, dict[str, str]] | None:
    """The route that a path finds, and its parameters."""
    matched = RouteTable(Vendor(routes)).match("GET", path)
    return (routes[matched.index], dict(matched.params)) if matched.params is not None else None


def test_a_parameter_is_one_segment() -> None:
    route = "/v1/tasks/{task_id}"
    assert found("/v1/tasks/a.b-c", route) == (route, {"task_id": "a.b-c"})
    assert found("/v1/tasks/a/b", route) is None
    assert found("/v1/tasks", route) is None


def test_a_starred_parameter_is_the_rest_of_the_path() -> None:
    route = "/v1/models/{model*}"
    assert found("/v1/models/google/gemini", route) == (route, {"model": "google/gemini"})
    assert found("/v1/models", route) is None


def test_what_follows_a_starred_parameter_is_its_last_occurrence() -> None:
    call, model = "/v1/models/{model*}:count", "/v1/models/{model*}"
    assert found("/v1/models/a/b:count:count", call, model) == (call, {"model": "a/b:count"})
    assert found("/v1/models/a:counts", call, model) == (model, {"model": "a:counts"})


@pytest.mark.parametrize(
    "path", ["/v1beta/models", "/v1/v1beta/models", "/v1beta/v1beta/models", "/v1alpha/v1beta/models"]
)
def test_of_two_versions_the_clients_own_counts(path: str) -> None:
    assert found(path, "/v1/models", "/v1beta/models") == ("/v1beta/models", {})


def test_a_missing_version_is_the_first() -> None:
    assert found("/models", "/v1beta/models", "/v1/models") == ("/v1/models", {})
    assert found("/v10/models", "/v1/{version}/models") == ("/v1/{version}/models", {"version": "v10"})


@pytest.mark.parametrize("path", ["/v2/models", "/v1/v1/v1/models", "/v1x/models", "/v1beta/models/x"])
def test_what_cannot_be_put_right_is_not_found(path: str) -> None:
    assert found(path, "/v1/models", "/v1beta/models") is None


def test_another_method_of_a_known_path_is_told() -> None:
    table = RouteTable(Vendor(("/v1/models/{model*}",)))
    assert table.match("POST", "/models/a/b").allowed == ("GET",)
