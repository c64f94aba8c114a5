"""The engines, one word each: the provider of a channel, and the class that speaks to it."""

from __future__ import annotations

from collections.abc import Mapping

PROVIDERS: Mapping[str, str] = {
    "gemini": "generations.providers.gemini.Gemini",
    "openai": "generations.providers.openai.OpenAI",
    "sandbox": "generations.providers.sandbox.Sandbox",
}
