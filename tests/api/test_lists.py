"""Lists: whole when their pages are put together, and closed to every foreign cursor."""

from __future__ import annotations

import pytest

from tests.api.office import Office
from tests.cast import Cast


@pytest.fixture
def many(office: Office) -> list[str]:
    """The ids of seven keys, newest first, with the office's own last."""
    for number in range(6):
        office.do("POST", "keys", {"name": f"key {number}"}, 201)
    return [key["id"] for key in office.get("keys", limit=100)["data"]]


@pytest.mark.parametrize("size", [1, 2, 3, 7, 50])
def test_pages_put_together_are_the_list(office: Office, many: list[str], size: int) -> None:
    assert [key["id"] for key in office.pages("keys", limit=size)] == many


def test_what_is_made_meanwhile_moves_nothing(office: Office, many: list[str]) -> None:
    first = office.get("keys", limit=3)
    office.do("POST", "keys", {"name": "late"}, 201)
    second = office.get("keys", limit=100, cursor=first["next_cursor"])
    assert [key["id"] for key in (*first["data"], *second["data"])] == many


def test_a_cursor_opens_its_own_list_only(office: Office, stranger: Office, many: list[str]) -> None:
    cursor = office.get("keys", limit=2)["next_cursor"]
    for whose, path, more in (
        (stranger, "keys", {}),
        (office, "members", {}),
        (office, "generations", {}),
        (office, "keys", {"state": "all"}),
    ):
        query = {"cursor": cursor, **more}
        problem = whose.refused(400, "bad_request", "GET", path, params=query)
        assert problem["errors"][0]["field"] == "cursor"


SPOILT = {
    "another letter": lambda cursor: cursor[:-1] + ("A" if cursor[-1] != "A" else "B"),
    "a letter more": lambda cursor: f"x{cursor}",
    "no signature": lambda cursor: cursor.partition(".")[0],
    "padding": lambda cursor: f"{cursor}=",
    "nothing": lambda cursor: ".",
    "no ASCII": lambda cursor: "\u00e9",
}


@pytest.mark.parametrize("how", SPOILT)
def test_a_forged_cursor_opens_nothing(office: Office, many: list[str], how: str) -> None:
    forged = SPOILT[how](office.get("keys", limit=2)["next_cursor"])
    office.refused(400, "bad_request", "GET", "keys", params={"cursor": forged})


@pytest.mark.parametrize("limit", ["0", "101", "-1", "ten", "1.5", ""])
def test_a_page_has_one_to_a_hundred(office: Office, limit: str) -> None:
    office.refused(400, "bad_request", "GET", "keys", params={"limit": limit})


def test_a_stranger_sees_his_own_only(cast: Cast, office: Office, stranger: Office, many: list[str]) -> None:
    assert not set(many) & {key["id"] for key in stranger.pages("keys")}
    assert {one["email"] for one in stranger.pages("members")} == {cast.stranger.email}
