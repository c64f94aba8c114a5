"""The operators' pages of people, keys and traces."""

from accounts.admin import people, traces

__all__ = ["people", "traces"]
