"""The documentation: every page opens, is filled with our address, and knows every error."""

from __future__ import annotations

import re

import pytest
from django.conf import settings
from django.test import Client

from config.docs.catalogue import MANAGEMENT, MEANINGS, known_errors
from config.docs.shelf import PAGES, VENDORS, difference
from generations.dialects import DIALECTS
from generations.spec import Kind

pytestmark = pytest.mark.usefixtures("database")
FILES = [slug for slug, page in PAGES.items() if page.file]


@pytest.mark.parametrize("slug", FILES)
def test_each_page_opens_with_the_readers_own_address(slug: str) -> None:
    answer = Client().get(f"/docs/{slug}/")
    text = answer.content.decode()
    assert answer.status_code == 200
    assert "<h1>" in text
    assert "http://host" not in text
    if slug in DIALECTS:
        assert f"{settings.EASEL.url}/{slug}" in text


@pytest.mark.parametrize("slug", FILES)
def test_each_page_is_there_as_markdown_for_programs(slug: str) -> None:
    answer = Client().get(f"/docs/{slug}.md")
    assert answer.status_code == 200
    assert answer["Content-Type"] == "text/markdown; charset=utf-8"
    assert f"/docs/{slug}.md" in Client().get("/llms.txt").content.decode()


def test_the_shelf_has_a_page_for_every_door() -> None:
    assert set(DIALECTS) <= set(PAGES)
    assert {vendor.door for vendor in VENDORS.values()} == set(DIALECTS)


@pytest.mark.parametrize("slug", list(VENDORS))
def test_coming_from_a_vendor_is_a_difference_of_two_lines(slug: str) -> None:
    lines = difference(VENDORS[slug], settings.EASEL.url)
    assert len([sign for sign, _ in lines if sign == "+"]) == 2
    assert any(settings.EASEL.url in line for sign, line in lines if sign == "+")
    assert Client().get(f"/docs/migrate/{slug}/").status_code == 200


def test_every_error_is_in_the_catalogue_in_every_doors_words() -> None:
    assert set(MEANINGS) == set(Kind)
    for known in known_errors():
        doors = {"management"} if known.kind in MANAGEMENT else set(DIALECTS)
        assert {word.door for word in known.doors} == doors, known.kind
    page = Client().get("/docs/errors/").content.decode()
    assert re.findall(r'<section id="(\w+)">', page) == [*(kind.value for kind in Kind), *MANAGEMENT]


@pytest.mark.parametrize(
    "path", ["/docs/nothing/", "/docs/nothing.md", "/docs/migrate/nobody/", "/docs/errors.md"]
)
def test_what_was_never_written_is_not_found(path: str) -> None:
    assert Client().get(path).status_code == 404


def test_the_start_of_the_docs_leads_on() -> None:
    assert Client().get("/docs/")["Location"] == "/docs/start/"
