"""The doors' dialects by name. A new one is its file and one word here."""

from __future__ import annotations

from generations.dialect import Dialect
from generations.dialects.evolink import Evolink
from generations.dialects.gemini import Gemini
from generations.dialects.gmi import Gmi
from generations.dialects.openai import OpenAI
from generations.dialects.toapis import ToApis

_ALL: tuple[Dialect, ...] = (Evolink(), OpenAI(), ToApis(), Gemini(), Gmi())

DIALECTS: dict[str, Dialect] = {dialect.name: dialect for dialect in _ALL}
