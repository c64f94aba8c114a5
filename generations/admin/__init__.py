"""The operators' pages of the work: generations, their histories, the queue, and the catalogue."""

from generations.admin import catalogue, history, machine, work

__all__ = ["catalogue", "history", "machine", "work"]
