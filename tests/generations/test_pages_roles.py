"""Who may what at the pages about generations."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.test import Client

from accounts.models import Role, User
from runtime import ids
from tests.accounts.people import person
from tests.accounts.visits import Visitor
from tests.cast import Cast
from tests.generations.gallery import called, drawn, failed, ordered

pytestmark = [
    pytest.mark.usefixtures("quiet_database"),
    pytest.mark.filterwarnings("ignore:No directory at"),
]

EVERYBODY = {"owner", "developer", "viewer", "billing"}
SEES, ORDERS = {"owner", "developer", "viewer"}, {"owner", "developer"}
PAGES: dict[str, tuple[str, set[str], set[str]]] = {
    "overview": ("get", set(), EVERYBODY),
    "first_steps": ("get", set(), EVERYBODY),
    "playground": ("get", set(), ORDERS),
    "playground_price": ("get", set(), ORDERS),
    "playground_settings": ("get", set(), ORDERS),
    "playground_references": ("post", set(), ORDERS),
    "playground_run": ("get", {"generation"}, ORDERS),
    "playground_stage": ("get", {"generation"}, ORDERS),
    "images": ("get", set(), SEES),
    "zip_images": ("post", set(), SEES),
    "delete_images": ("post", set(), ORDERS),
    "tasks": ("get", set(), SEES),
    "task": ("get", {"generation"}, SEES),
    "cancel_task": ("get", {"generation"}, ORDERS),
    "contest_task": ("post", {"generation"}, ORDERS),
    "requests": ("get", set(), SEES),
    "request": ("get", {"call"}, SEES),
}
NAMED = [name for name, (_, parts, _) in PAGES.items() if parts]


def parts_of(page: str, generation: Any, call: Any) -> dict[str, Any]:
    known = {"generation": generation, "call": call}
    return {name: known[name] for name in PAGES[page][1]}


@pytest.mark.parametrize("page", PAGES)
@pytest.mark.parametrize("role", ["owner", "developer", "viewer", "billing", "stranger"])
def test_each_role_at_each_page(cast: Cast, role: str, page: str) -> None:
    live = ordered(cast, runs=False).generation
    user: User = person(cast.organization, Role.BILLING) if role == "billing" else getattr(cast, role)
    method, _, may = PAGES[page]
    status = Visitor(user, cast.organization).status(method, page, **parts_of(page, live.pk, called(cast).pk))
    if role == "stranger":
        assert status == 404
    elif role in may:
        assert status in (200, 302)
    else:
        assert status == 403


@pytest.mark.parametrize("page", NAMED)
def test_what_belongs_to_another_team_or_mode_is_not_found(cast: Cast, owner: Visitor, page: str) -> None:
    theirs = Cast(cast.strangers, cast.stranger, cast.developer, cast.viewer, cast.owner, cast.organization)
    foreign = parts_of(page, drawn(theirs).pk, called(theirs).pk)
    none = parts_of(page, ids.uuid7(), ids.uuid7())
    in_test = parts_of(page, drawn(cast, mode="test").pk, called(cast, mode="test").pk)
    method = PAGES[page][0]
    for parts in (foreign, none, in_test):
        assert owner.status(method, page, **parts) == 404


@pytest.mark.parametrize("page", [name for name, (method, _, _) in PAGES.items() if method == "get"])
def test_nobody_in_particular_is_led_to_log_in(cast: Cast, owner: Visitor, page: str) -> None:
    address = owner.address(page, **parts_of(page, ids.uuid7(), ids.uuid7()))
    answer = Client(SERVER_NAME="localhost").get(address)
    assert (answer.status_code, answer["Location"].partition("?")[0]) == (302, "/login/")


def test_the_pictures_of_an_order_are_for_those_who_may_see_pictures(cast: Cast) -> None:
    generation = ordered(cast).generation.pk
    for user, status in (
        (cast.viewer, 404),
        (cast.stranger, 404),
        (person(cast.organization, "billing"), 403),
    ):
        visitor = Visitor(user, cast.organization)
        assert visitor.status("get", "reference", generation=generation, number=0) == status


def test_a_viewer_is_offered_nothing_that_he_may_not_do(cast: Cast, viewer: Visitor) -> None:
    live = ordered(cast, runs=False).generation
    done = drawn(cast)
    for source in (
        viewer.look("overview"),
        viewer.look("images"),
        viewer.look("tasks"),
        viewer.look("task", generation=live.pk),
        viewer.look("task", generation=done.pk),
    ):
        work = source[source.index('<main class="work"') :]
        assert not re.search(r"/playground/|/cancel/|/images/delete/|/keys/", work)


def test_pages_bring_no_script_or_style_of_their_own(cast: Cast, owner: Visitor) -> None:
    failed(cast)
    done = drawn(cast)
    call = called(cast)
    for page in ("overview", "playground", "images", "tasks", "requests"):
        _plain(owner.look(page))
    for source in (
        owner.look("task", generation=done.pk),
        owner.look("playground_run", generation=done.pk),
        owner.look("request", call=call.pk),
    ):
        _plain(source)


def _plain(source: str) -> None:
    assert not re.search(r"<style|\sstyle=|<script(?![^>]*\ssrc=)|\son[a-z]+=|javascript:", source)
    assert not re.search(r"""(?:src|srcset)=["']?(?:https?:)?//""", source)
