"""The operators' pages of the work: organizations, generations, their histories, the queue, the catalogue,
the channels."""

from generations.admin import catalogue, channels, contests, history, machine, organizations, work

__all__ = ["catalogue", "channels", "contests", "history", "machine", "organizations", "work"]
