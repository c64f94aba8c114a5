"""The doors' dialects by name. A new one is its file and one word here."""

from __future__ import annotations

from generations.dialect import Dialect
from generations.dialects.evolink import Evolink
from generations.dialects.openai import OpenAI

_ALL: tuple[Dialect, ...] = (Evolink(), OpenAI())

DIALECTS: dict[str, Dialect] = {dialect.name: dialect for dialect in _ALL}
