"""Errors of the floor.

RuntimeProblem
  ScopeError            tenant rows were asked for outside a tenant
  DatabaseUnavailable   the database does not answer (tell the client to come back)
"""

from __future__ import annotations


class RuntimeProblem(Exception):
    """The base of all errors the floor raises."""


class ScopeError(RuntimeProblem):
    """Tenant rows were asked for outside `tenant()`, or of another tenant than the open one."""


class DatabaseUnavailable(RuntimeProblem):
    """The database did not answer; nothing was committed, or the commit is not known."""
