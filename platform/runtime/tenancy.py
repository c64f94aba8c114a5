"""Who may see which rows: scopes, the manager that insists on one, and the migration operations
that build the walls in the database.

Four scopes, each a database role entered for one transaction with `set_config(..., true)`:

    tenant(organization)   easel_web       rows of one organization
    work()                 easel_worker    the queue, over all organizations
    operator()             easel_operator  reads everything, for the admin
    audit()                easel_audit     reads everything, for proofs
    history()              easel_history   inserts request history, reads nothing

The login role owns nothing and may read no tenant table, so a query outside a scope is refused
by the database itself.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, Generic, Self, TypeVar
from uuid import UUID

from django.db import connection, models, transaction
from django.db.migrations.operations.base import Operation

from runtime.errors import ScopeError

ROLES = ("easel_web", "easel_worker", "easel_operator", "easel_audit", "easel_history")
SETTINGS = (
    *("easel.organization", "easel.key_digest", "easel.user", "easel.generation", "easel.upload"),
    "easel.invitation",
)


@dataclass(frozen=True, slots=True)
class Scope:
    """An entered role with its settings: ids of organization, user, generation, upload, and the digests of a
    key and of an invitation."""

    role: str
    organization: str = ""
    key_digest: str = ""
    user: str = ""
    generation: str = ""
    upload: str = ""
    invitation: str = ""

    def enter(self) -> None:
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT set_config('role', %s, true), set_config('easel.organization', %s, true),"
                " set_config('easel.key_digest', %s, true), set_config('easel.user', %s, true),"
                " set_config('easel.generation', %s, true), set_config('easel.upload', %s, true),"
                " set_config('easel.invitation', %s, true)",
                (
                    self.role,
                    self.organization,
                    self.key_digest,
                    self.user,
                    self.generation,
                    self.upload,
                    self.invitation,
                ),
            )


NOBODY = Scope("none")
_scope: ContextVar[Scope | None] = ContextVar("scope", default=None)


def current_scope() -> Scope | None:
    """The scope this code runs in, or None."""
    return _scope.get()


@contextmanager
def _entered(scope: Scope) -> Iterator[None]:
    """Enter a scope for one transaction; inside an open one, put the outer scope back at the end,
    since `set_config` survives a released savepoint."""
    outer = _scope.get()
    if outer is not None and outer.role == "easel_web" and outer.organization not in ("", scope.organization):
        raise ScopeError("A tenant is open already: another one cannot be opened inside it.")
    nested = connection.in_atomic_block
    with transaction.atomic():
        scope.enter()
        token = _scope.set(scope)
        try:
            yield
        finally:
            _scope.reset(token)
        if nested:
            (outer or NOBODY).enter()


def tenant(organization: UUID | Any) -> Any:
    """A transaction in which only the rows of this organization (an id or the object) exist."""
    identifier = getattr(organization, "pk", organization)
    return _entered(Scope("easel_web", organization=str(identifier)))


def possession(
    *,
    key_digest: bytes | None = None,
    user: Any = None,
    generation: Any = None,
    upload: Any = None,
    invitation: bytes | None = None,
) -> Any:
    """A transaction that sees only what is opened by holding something: the key with this digest,
    the memberships of this user, the outputs of this generation, this upload, the invitation with this
    digest."""
    return _entered(
        Scope(
            "easel_web",
            key_digest=key_digest.hex() if key_digest else "",
            user=str(user) if user else "",
            generation=str(generation) if generation else "",
            upload=str(upload) if upload else "",
            invitation=invitation.hex() if invitation else "",
        )
    )


def work() -> Any:
    """A transaction over the queue of all organizations, for claiming, renewing and reaping."""
    return _entered(Scope("easel_worker"))


def operator() -> Any:
    """A transaction that reads all organizations, for the admin."""
    return _entered(Scope("easel_operator"))


def audit() -> Any:
    """A transaction that reads all organizations, for proofs."""
    return _entered(Scope("easel_audit"))


def history() -> Any:
    """A transaction that may insert request history and read nothing."""
    return _entered(Scope("easel_history"))


M = TypeVar("M", bound=models.Model, covariant=True)


class TenantQuerySet(models.QuerySet[M], Generic[M]):
    """Rows of tenants. Start every query with `.of(organization)`, or `.across()` where the scope
    is not a tenant's. A model names its `tenant_column` if that is not `organization_id`."""

    def of(self, organization: Any) -> Self:
        """The rows of one organization. Raises ScopeError outside `with tenant(organization):`."""
        scope = _scope.get()
        wanted = str(getattr(organization, "pk", organization))
        if scope is None or (scope.role == "easel_web" and scope.organization != wanted):
            raise ScopeError(f"{self.model.__name__}: open `with tenant(organization):` first.")
        return self.filter(**{getattr(self.model, "tenant_column", "organization_id"): wanted})

    def across(self) -> Self:
        """The rows of all organizations. Raises ScopeError in a tenant's scope."""
        scope = _scope.get()
        if scope is None or (scope.role == "easel_web" and scope.organization):
            raise ScopeError(f"{self.model.__name__}: open `work()`, `operator()` or `audit()` first.")
        return self.all()


TenantManager = models.Manager.from_queryset(TenantQuerySet)


# ---- the walls, as migration operations ------------------------------------------------------

_LETTERS = {"S": "SELECT", "I": "INSERT", "U": "UPDATE", "D": "DELETE"}
MINE = "{column} = (SELECT nullif(current_setting('easel.organization', true), '')::uuid)"


class _SQL(Operation, ABC):
    """A reversible-to-nothing operation that runs SQL and changes no Django state."""

    reduces_to_sql = True
    reversible = True

    @abstractmethod
    def statements(self) -> Sequence[str]: ...

    def state_forwards(self, app_label: str, state: Any) -> None:
        """Nothing that Django knows of changes."""

    def database_forwards(self, app_label: str, schema_editor: Any, from_state: Any, to_state: Any) -> None:
        for statement in self.statements():
            schema_editor.execute(statement, params=None)

    def database_backwards(self, app_label: str, schema_editor: Any, from_state: Any, to_state: Any) -> None:
        """The table goes with the migration that made it."""


class TenantTable(_SQL):
    """Row-level security, forced, and the grants of one tenant table.

    `web`, `worker`, `operator`, `audit`, `history`: letters of S(elect) I(nsert) U(pdate)
    D(elete), or a raw grant such as `UPDATE (status)`. `opened_by` adds a SELECT policy for what
    must be read before the tenant is known. `column` names the organization's column; pass
    `target=False` where no row will ever point at this table.
    """

    def __init__(
        self,
        table: str,
        *,
        web: str = "SIU",
        worker: str = "",
        history: str = "",
        opened_by: str = "",
        column: str = "organization_id",
        target: bool = True,
    ) -> None:
        self.table, self.column, self.target, self.opened_by = table, column, target, opened_by
        self.grants = {"web": web, "worker": worker, "operator": "S", "audit": "S", "history": history}

    def deconstruct(self) -> tuple[str, list[Any], dict[str, Any]]:
        return (type(self).__name__, [self.table], {})

    def statements(self) -> list[str]:
        table, mine = self.table, MINE.format(column=self.column)
        made = [
            f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY",
            f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY",
            f"REVOKE ALL ON {table} FROM easel",
            f"CREATE POLICY web ON {table} TO easel_web USING ({mine}) WITH CHECK ({mine})",
            f"CREATE POLICY worker ON {table} TO easel_worker USING (true) WITH CHECK (true)",
            f"CREATE POLICY operator ON {table} FOR SELECT TO easel_operator USING (true)",
            f"CREATE POLICY audit ON {table} FOR SELECT TO easel_audit USING (true)",
            f"CREATE POLICY history ON {table} FOR INSERT TO easel_history WITH CHECK (true)",
        ]
        if self.opened_by:
            made.append(
                f"CREATE POLICY possession ON {table} FOR SELECT TO easel_web USING ({self.opened_by})"
            )
        if self.target:
            made.append(f"ALTER TABLE {table} ADD CONSTRAINT {table}_tenant UNIQUE ({self.column}, id)")
        return made + [
            _grant(table, f"easel_{role}", letters) for role, letters in self.grants.items() if letters
        ]

    def describe(self) -> str:
        return f"Wall in the tenant table {self.table}"


class SharedTable(_SQL):
    """The grants of a table that belongs to no tenant (the catalogue, users, the queue)."""

    def __init__(self, table: str, **grants: str) -> None:
        self.table, self.grants = table, grants

    def deconstruct(self) -> tuple[str, list[Any], dict[str, Any]]:
        return (type(self).__name__, [self.table], self.grants)

    def statements(self) -> list[str]:
        return [_grant(self.table, f"easel_{role}", letters) for role, letters in self.grants.items()]

    def describe(self) -> str:
        return f"Grants of {self.table}"


class TenantForeignKey(_SQL):
    """A foreign key over (organization, id), so that a row cannot point into another tenant.

    A single-column key would: PostgreSQL checks references without row-level security.
    """

    def __init__(self, table: str, column: str, target: str, *, deferred: bool = False) -> None:
        self.table, self.column, self.target, self.deferred = table, column, target, deferred

    def deconstruct(self) -> tuple[str, list[Any], dict[str, Any]]:
        return (type(self).__name__, [self.table, self.column, self.target], {})

    def statements(self) -> list[str]:
        return [
            f"ALTER TABLE {self.table} ADD CONSTRAINT {self.table}_{self.column}_tenant_fk"
            f" FOREIGN KEY (organization_id, {self.column}) REFERENCES {self.target} (organization_id, id)"
            + (" DEFERRABLE INITIALLY DEFERRED" if self.deferred else "")
        ]

    def describe(self) -> str:
        return f"Tie {self.table}.{self.column} to {self.target} within its tenant"


class OrganizationKey(_SQL):
    """An ordinary foreign key from a tenant table to its organization."""

    def __init__(self, table: str) -> None:
        self.table = table

    def deconstruct(self) -> tuple[str, list[Any], dict[str, Any]]:
        return (type(self).__name__, [self.table], {})

    def statements(self) -> list[str]:
        return [
            f"ALTER TABLE {self.table} ADD CONSTRAINT {self.table}_organization_fk"
            " FOREIGN KEY (organization_id) REFERENCES accounts_organization (id)"
        ]

    def describe(self) -> str:
        return f"Tie {self.table} to its organization"


class AppendOnly(_SQL):
    """Triggers that refuse UPDATE, DELETE and TRUNCATE on a table, whoever asks."""

    def __init__(self, table: str) -> None:
        self.table = table

    def deconstruct(self) -> tuple[str, list[Any], dict[str, Any]]:
        return (type(self).__name__, [self.table], {})

    def statements(self) -> list[str]:
        return [
            f"""CREATE FUNCTION {self.table}_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
            BEGIN
                RAISE EXCEPTION '{self.table} is append-only' USING ERRCODE = 'insufficient_privilege';
            END $$""",
            f"CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON {self.table}"
            f" FOR EACH ROW EXECUTE FUNCTION {self.table}_append_only()",
            f"CREATE TRIGGER append_only_truncate BEFORE TRUNCATE ON {self.table}"
            f" FOR EACH STATEMENT EXECUTE FUNCTION {self.table}_append_only()",
        ]

    def describe(self) -> str:
        return f"Make {self.table} append-only"


def _grant(table: str, role: str, letters: str) -> str:
    """`letters` as SIUD, or a comma-separated raw list such as `SELECT, UPDATE (status)`."""
    plain = letters.isalpha() and letters.isupper() and set(letters) <= set(_LETTERS)
    rights = ", ".join(_LETTERS[letter] for letter in letters) if plain else letters
    return f"GRANT {rights} ON {table} TO {role}"
