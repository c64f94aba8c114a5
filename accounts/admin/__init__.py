"""The operators' pages of people, keys, messages and traces."""

from accounts.admin import keys, people, traces, webhooks

__all__ = ["keys", "people", "traces", "webhooks"]
