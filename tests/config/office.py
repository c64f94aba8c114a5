"""Short words for the operators' office: who comes, and what the pages say."""

from __future__ import annotations

import re
from typing import Any

from django.contrib import admin
from django.test import Client
from django.urls import reverse

from accounts.actions import operators
from accounts.models import User
from runtime import ids
from tests.cast import BY

PAGES = {page.model._meta.label: page for page in admin.site._registry.values()}
SUMS = ("billing.Usage",)
"""Lists whose lines are no rows: they have no page of one."""
CREDENTIAL = "gAAAA-a-credential-under-encryption"


def an_operator(role: str) -> User:
    user, _ = operators.create(email=f"{ids.word(12, ids.BASE36)}@example.com", role=role, by=BY)
    return user


def visitor(user: User | None = None) -> Client:
    client = Client(SERVER_NAME="localhost")
    if user:
        client.force_login(user)
    return client


def place(label: str, view: str, *arguments: Any) -> str:
    return reverse(f"admin:{label.lower().replace('.', '_')}_{view}", args=arguments)


def page_of(client: Client, address: str, **query: Any) -> str:
    answer = client.get(address, query)
    assert answer.status_code == 200, address
    return answer.content.decode()


def rows(page: str) -> int:
    return page.count("data-row")


def first_row(client: Client, label: str) -> str:
    """The address of the newest row's page."""
    found = re.search(r'<th [^>]*><a href="([^"?]+)', page_of(client, place(label, "changelist")))
    assert found, f"{label} has no row"
    return found[1]
