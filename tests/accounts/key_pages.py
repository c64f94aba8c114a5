"""What the tests of the keys' pages share: keys, and the forms that make and change them."""

from __future__ import annotations

import re
from typing import Any

from accounts import directory
from accounts.actions import keys
from accounts.models import ApiKey, Organization
from runtime.tenancy import tenant
from tests.accounts.visits import Visitor, words
from tests.cast import BY

CENT = 10_000_000
"""Nano-dollars."""
SECRET = re.compile(r"easel_(?:live|test)_[0-9A-Za-z]{48}")


def new_key(organization: Organization, mode: str = "live", **more: Any) -> ApiKey:
    key, _ = keys.create(
        organization=organization, mode=mode, name=more.pop("name", "Website"), by=BY, **more
    )
    return key


def as_stored(key: ApiKey) -> ApiKey:
    return directory.key_of(key.organization, key.mode, key.pk)


def form(visitor: Visitor, **more: Any) -> dict[str, Any]:
    """What the page that makes keys sends, with its defaults."""
    holder = "me" if 'value="team"' not in visitor.look("create_key") else "team"
    fields = {"name": "Website", "home_door": "openai", "holder": holder, "expires": "365"}
    return {**fields, "once": visitor.once("create_key"), **more}


def make(visitor: Visitor, **more: Any) -> tuple[str, ApiKey]:
    """The page of a new key, and the key."""
    answer = visitor.send("create_key", form(visitor, **more))
    assert answer.status_code == 200
    source = answer.content.decode()
    found = SECRET.search(source)
    assert found, words(source)[-500:]
    with tenant(visitor.team):
        key = ApiKey.objects.of(visitor.team).select_related("member").latest("created_at")
    return source, key
