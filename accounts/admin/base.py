"""What every page of the operators' admin is built on: it reads, as the role `easel_operator`, and
changes nothing.

Sessions, log-ins and Django's own tables belong to the login role, the tenants' rows to the operator's:
so the scope is opened around a page's own view, after it is known who asks, and closed when the page
is rendered.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import cached_property
from typing import Any, ClassVar
from uuid import UUID

from django.contrib.admin import ShowFacets
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied, ValidationError
from django.core.paginator import Paginator
from django.db.models import Model, Q, QuerySet
from django.http import HttpRequest, HttpResponseBase
from django.template.response import TemplateResponse
from django.urls import reverse
from unfold.admin import ModelAdmin

from accounts.access import OperatorRole, Permission, allowed
from accounts.actions import operators
from accounts.admin.columns import Column
from accounts.models import Organization, User
from runtime.tenancy import current_scope, operator

Finder = Callable[[str], Q | None]
"""What somebody typed, as a condition on rows found by an index; None if it cannot mean that."""

Group = tuple[str, Sequence[Column]]
"""A titled group of values on the page of one row."""

MOST_ROWS = 5_000


class BoundedPaginator(Paginator):  # type: ignore[type-arg]  # of whatever the page lists
    """Counts to 5,000 and no further: nobody turns a hundred pages, and counting millions takes seconds."""

    template_name = "admin/pager.html"

    @cached_property
    def _counted(self) -> int:
        rows: Any = self.object_list
        return int(rows[: MOST_ROWS + 1].count())

    @cached_property
    def count(self) -> int:
        return min(self._counted, MOST_ROWS)

    @cached_property
    def more(self) -> bool:
        """Whether there are rows beyond those that can be paged to."""
        return self._counted > MOST_ROWS


def role_of(request: HttpRequest) -> OperatorRole | None:
    """The role of who asks, read once per request; None for everybody who is no operator."""
    if "operator_role" not in request.__dict__:
        user = request.user
        request.__dict__["operator_role"] = operators.role_of(user) if isinstance(user, User) else None
    kept: OperatorRole | None = request.__dict__["operator_role"]
    return kept


def may(request: HttpRequest, permission: Permission) -> bool:
    """Whether who asks is an operator whose role allows this."""
    role = role_of(request)
    return role is not None and allowed(role, permission)


class ReadOnlyAdmin(ModelAdmin):  # type: ignore[misc]  # unfold publishes no types
    """Pages that list and show the rows of a model.

    `heading` and `icon` are what people see, `permission` who may. `joins` are read with each row,
    `secrets` are columns that never leave the database. `private` columns are for those who may see
    prompts and images. `groups` make the page of one row, between `before_template` and
    `after_template`; `called` is the field that names it. `finders` understand what is typed into the search
    field; a model without them has none. `of_organization` is the lookup that narrows a list to one
    organization.
    """

    heading: ClassVar[str]
    icon: ClassVar[str]
    permission: ClassVar[Permission]
    joins: ClassVar[tuple[str, ...]] = ()
    secrets: ClassVar[tuple[str, ...]] = ()
    private: ClassVar[tuple[Column, ...]] = ()
    groups: ClassVar[tuple[Group, ...]] = ()
    finders: ClassVar[tuple[Finder, ...]] = ()
    of_organization: ClassVar[str] = "organization__id__exact"
    called: ClassVar[str] = ""
    before_template: ClassVar[str] = ""
    after_template: ClassVar[str] = ""

    actions = None
    ordering: Sequence[str] = ("-pk",)
    sortable_by: Sequence[str] = ()  # a sort without an index is a scan of everything
    list_per_page = 50
    list_max_show_all = 0
    show_full_result_count = False
    show_facets = ShowFacets.NEVER  # they count everything, once per choice
    paginator = BoundedPaginator
    list_fullwidth = True
    list_filter_submit = False
    list_before_template = "admin/narrowed.html"
    change_form_template = "admin/detail.html"

    def has_module_permission(self, request: HttpRequest) -> bool:
        return may(request, self.permission)

    def has_view_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return may(request, self.permission)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        scope = current_scope()
        if scope is None or scope.role != "easel_operator":
            raise PermissionDenied  # by way of a view that is not one of the two below
        rows: QuerySet[Any] = super().get_queryset(request).defer(*self.secrets)
        if extras := self.extras():
            rows = rows.annotate(**extras)
        return rows.select_related(*self.joins) if self.joins else rows

    def extras(self) -> dict[str, Any]:
        """What is read with each row where no relation leads to it, by name."""
        return {}

    def get_search_fields(self, request: HttpRequest) -> Sequence[str]:
        return ("pk",) if self.finders else ()

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        if not (term := search_term.strip()):
            return queryset, False
        found = [condition for find in self.finders if (condition := find(term)) is not None]
        return (queryset.filter(_any_of(found)) if found else queryset.none()), False

    def get_list_display(self, request: HttpRequest) -> Sequence[Any]:
        return self._seen(request, super().get_list_display(request))

    def get_fieldsets(self, request: HttpRequest, obj: Model | None = None) -> list[Any]:
        return []  # nothing is edited here: the page of a row is made of `groups`

    def _seen(self, request: HttpRequest, columns: Iterable[Any]) -> list[Any]:
        """Without what this operator may not see."""
        if may(request, Permission.IMAGE_READ):
            return list(columns)
        return [column for column in columns if column not in self.private]

    def _page(self, request: HttpRequest, row: Any) -> dict[str, Any]:
        """The groups with the titles and values of their columns, and what is beside them."""
        sections = [
            (title, [(shown.short_description, shown(row)) for shown in self._seen(request, columns)])
            for title, columns in self.groups
        ]
        return {"sections": sections, "crumb": getattr(row, self.called or "pk"), **self.detail(request, row)}

    def detail(self, request: HttpRequest, row: Any) -> dict[str, Any]:
        """What the two templates show beside the row itself."""
        return {}

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponseBase:
        with operator():
            context = {"heading": self.heading, "title": self.heading, "narrowed": self._narrowed(request)}
            return _rendered(super().changelist_view(request, context | (extra_context or {})))

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponseBase:
        with operator():
            context: dict[str, Any] = {"heading": self.heading, "subtitle": None}
            if request.method in ("GET", "HEAD") and self.has_view_permission(request):
                row = self.get_object(request, unquote(object_id or ""))
                context |= self._page(request, row) if row else {}
            context |= extra_context or {}
            return _rendered(super().changeform_view(request, object_id, form_url, context))

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Any:
        """The row of the page, read once although several ask for it."""
        known = request.__dict__.setdefault("admin_rows", {})
        if object_id not in known:
            known[object_id] = super().get_object(request, object_id, from_field)
        return known[object_id]

    def _narrowed(self, request: HttpRequest) -> list[dict[str, str]]:
        """What the address narrows the list to, beside the filters that show it themselves."""
        chips = []
        for lookup, value in request.GET.dict().items():
            if lookup == self.of_organization or "__" in lookup or lookup.endswith("_id"):
                rest = request.GET.copy()
                del rest[lookup]
                name = _organization_name(value) if lookup == self.of_organization else value
                chips.append({"what": _plain(lookup), "value": name, "without": f"?{rest.urlencode()}"})
        return chips

    def address(self, **lookups: Any) -> str:
        """Where the list is, narrowed by these lookups."""
        meta = self.model._meta
        path = reverse(f"admin:{meta.app_label}_{meta.model_name}_changelist")
        return path + "?" + "&".join(f"{lookup}={value}" for lookup, value in lookups.items())


def _any_of(conditions: Sequence[Q]) -> Q:
    either = Q()
    for condition in conditions:
        either |= condition
    return either


def _plain(lookup: str) -> str:
    """`organization__id__exact` as `organization`."""
    return lookup.partition("__")[0].removesuffix("_id").replace("_", " ")


def _organization_name(identifier: str) -> str:
    try:
        found = Organization.objects.across().filter(pk=UUID(identifier)).first()
    except (ValueError, ValidationError):
        return identifier
    return found.name if found else identifier


def _rendered(response: HttpResponseBase) -> HttpResponseBase:
    """A page reads rows while it is rendered: within the scope, then."""
    return response.render() if isinstance(response, TemplateResponse) else response
