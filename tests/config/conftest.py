"""What the operators look at: a database of the module's own, in which everything happened once."""

from __future__ import annotations

import psycopg
import pytest
from django.test import Client

from accounts.access import OperatorRole
from generations import beats
from generations.models import Channel
from runtime import ids
from runtime.tenancy import operator
from tests.config.office import CREDENTIAL, an_operator, visitor
from tests.law.house_of_rows import Household


@pytest.fixture(scope="module")
def household(quiet_database: str) -> Household:
    """An organization that has done everything once, and a row in each table that belongs to none."""
    settled = Household.settle()
    name = ids.word(8)
    beats.beat(f"cluster-{name}", "drain", "a-process")
    with operator():
        Channel.objects.create(name=name, provider="gemini", credential=CREDENTIAL)
        (model,) = Channel.objects.filter(name=name)
        model.serves.create(model_id="gemini-2.5-flash-image", upstream_model="upstream")
    with psycopg.connect(quiet_database, autocommit=True) as superuser:
        superuser.execute(
            'INSERT INTO billing_seal ("table", first_id, last_id, count, digest, previous, signature)'
            " VALUES (%s, 1, 1, 1, %s, %s, %s)",
            (name, b"\x01" * 32, b"\x02" * 32, b"\x03" * 32),
        )
        superuser.execute(
            "UPDATE generations_apirequest SET request_id = %s WHERE generation_id = %s",
            (f"req-{name}", settled.generation),
        )
    return settled


@pytest.fixture(scope="module")
def superuser_page(quiet_database: str) -> Client:
    """The browser of an operator who may see everything."""
    return visitor(an_operator(OperatorRole.SUPERUSER))
