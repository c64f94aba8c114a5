"""What every page of the operators' admin is built on: it reads, as the role `easel_operator`. What changes
something is a deed (`accounts.admin.deeds`), done by the verb that everybody else calls.

Sessions, log-ins and Django's own tables belong to the login role, the tenants' rows to the operator's:
so the scope is opened around a page's own view, after it is known who asks, and closed when the page
is rendered.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, ClassVar
from urllib.parse import urlencode

from django.contrib.admin import ShowFacets
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied
from django.db.models import Model, Q, QuerySet
from django.http import HttpRequest, HttpResponseBase
from django.template.response import TemplateResponse
from django.urls import reverse
from unfold.admin import ModelAdmin

from accounts.access import Permission
from accounts.admin import chips, exporting, glass
from accounts.admin.columns import Column
from accounts.admin.deeds import Deed
from accounts.admin.doing import Doing
from accounts.admin.exporting import Field
from accounts.admin.lists import BoundedPaginator, WindowedList
from accounts.admin.who import may
from runtime.tenancy import current_scope, operator

Finder = Callable[[str], Q | None]
"""What somebody typed, as a condition on rows found by an index; None if it cannot mean that."""

Group = tuple[str, Sequence[Column]]
"""A titled group of values on the page of one row."""


class ReadOnlyAdmin(ModelAdmin):  # type: ignore[misc]  # unfold publishes no types
    """Pages that list and show the rows of a model.

    `heading` and `icon` are what people see, `permission` who may. `joins` are read with each row,
    `secrets` are columns that never leave the database. `private` columns are for those who may see
    prompts and images. `groups` make the page of one row, between `before_template` and
    `after_template`; `called` is the field that names it. `finders` understand what is typed into the search
    field; a model without them has none. `of_organization` is the lookup that narrows a list to one
    organization, `keyset` the column that orders it (default: the primary key). `deeds` are what can be done
    to rows, `export` the columns of a CSV file.
    """

    heading: ClassVar[str]
    icon: ClassVar[str]
    permission: ClassVar[Permission]
    joins: ClassVar[tuple[str, ...]] = ()
    secrets: ClassVar[tuple[str, ...]] = ()
    private: ClassVar[tuple[Column, ...]] = ()
    groups: ClassVar[tuple[Group, ...]] = ()
    finders: ClassVar[tuple[Finder, ...]] = ()
    deeds: ClassVar[tuple[Deed, ...]] = ()
    export: ClassVar[tuple[Field, ...]] = ()
    of_organization: ClassVar[str] = "organization__id__exact"
    keyset: ClassVar[str] = ""
    called: ClassVar[str] = ""
    before_template: ClassVar[str] = ""
    after_template: ClassVar[str] = ""

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

    # ---- who may ---------------------------------------------------------------------------------

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

    # ---- which rows ------------------------------------------------------------------------------

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        scope = current_scope()
        if scope is None or scope.role != "easel_operator":
            raise PermissionDenied  # by way of a view that is not one of ours
        rows: QuerySet[Any] = self.model._default_manager.get_queryset().defer(*self.secrets)
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

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[Any]:
        return WindowedList

    def get_changelist_instance(self, request: HttpRequest) -> Any:
        changes = super().get_changelist_instance(request)
        if self.private:
            changes.result_list = list(changes.result_list)
            self.mark(request, changes.result_list)
        return changes

    def mark(self, request: HttpRequest, rows: Sequence[Any]) -> None:
        """Say of each row whether it is sealed from who asks."""
        if self.private:
            glass.mark(request, rows)

    # ---- how they look ---------------------------------------------------------------------------

    def get_list_display(self, request: HttpRequest) -> Sequence[Any]:
        return self._seen(request, super().get_list_display(request))

    def get_fieldsets(self, request: HttpRequest, obj: Model | None = None) -> list[Any]:
        return []  # nothing is edited here: the page of a row is made of `groups`

    def _seen(self, request: HttpRequest, columns: Iterable[Any]) -> list[Any]:
        """Without what this operator sees of no row."""
        if not self.private or glass.sees_any(request):
            return list(columns)
        return [column for column in columns if column not in self.private]

    def _page(self, request: HttpRequest, row: Any) -> dict[str, Any]:
        """The groups with the titles and values of their columns, and what is beside them."""
        self.mark(request, [row])
        sections = [
            (title, [(shown.short_description, shown(row)) for shown in self._seen(request, columns)])
            for title, columns in self.groups
        ]
        return {
            "sections": sections,
            "crumb": getattr(row, self.called or "pk"),
            "doable": [(deed, self.deed_address(deed)) for deed in self._doable(request, row)],
            **self.detail(request, row),
        }

    def detail(self, request: HttpRequest, row: Any) -> dict[str, Any]:
        """What the two templates show beside the row itself."""
        return {}

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponseBase:
        with operator():
            context = {
                "heading": self.heading,
                "title": self.heading,
                "narrowed": chips.of(request, self.of_organization),
                "bare_deeds": [
                    (deed, self.deed_address(deed)) for deed in self._allowed(request) if deed.bare
                ],
                "csv": self._csv(request),
            }
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

    # ---- what can be done ------------------------------------------------------------------------

    def _allowed(self, request: HttpRequest) -> list[Deed]:
        return [deed for deed in self.deeds if may(request, deed.permission)]

    def _doable(self, request: HttpRequest, row: Any) -> list[Deed]:
        """What this operator may do to this row now."""
        deeds = [deed for deed in self._allowed(request) if deed.one]
        for deed in deeds:
            deed.prepare([row])
        return [deed for deed in deeds if not deed.problem(row)]

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        """The deeds of lists, in Django's words."""
        return {
            deed.name: (_begin(deed), deed.name, deed.title) for deed in self._allowed(request) if deed.many
        }

    def deed_address(self, deed: Deed) -> str:
        """Where a deed is asked for and done."""
        meta = self.model._meta
        return reverse(f"admin:{meta.app_label}_{meta.model_name}_do", args=[deed.name])

    def get_custom_urls(self) -> tuple[tuple[str, str, Any], ...]:
        label = f"{self.model._meta.app_label}_{self.model._meta.model_name}"
        urls: list[tuple[str, str, Any]] = []
        if self.deeds:
            urls.append(("do/<slug:deed>/", f"{label}_do", _do))
        if self.export:
            urls.append(("csv/", f"{label}_csv", exporting.view))
        return tuple(urls)

    def _csv(self, request: HttpRequest) -> str:
        """The address of the current filter as a file, for those who may take one."""
        if not (self.export and may(request, Permission.EXPORT_MAKE)):
            return ""
        label = f"{self.model._meta.app_label}_{self.model._meta.model_name}"
        query = request.GET.copy()
        query.pop("p", None)
        return reverse(f"admin:{label}_csv") + (f"?{query.urlencode()}" if query else "")

    def address(self, **lookups: Any) -> str:
        """Where the list is, narrowed by these lookups."""
        meta = self.model._meta
        path = reverse(f"admin:{meta.app_label}_{meta.model_name}_changelist")
        return f"{path}?{urlencode(lookups)}" if lookups else path


def _any_of(conditions: Sequence[Q]) -> Q:
    either = Q()
    for condition in conditions:
        either |= condition
    return either


def _begin(deed: Deed) -> Callable[..., HttpResponseBase]:
    """Django's word for a deed of a list: the rows were chosen, now its page."""

    def begin(page: ReadOnlyAdmin, request: HttpRequest, rows: QuerySet[Any]) -> HttpResponseBase:
        return Doing(page, request, deed).begin(rows)

    return begin


def _do(request: HttpRequest, model_admin: ReadOnlyAdmin, deed: str) -> HttpResponseBase:
    return Doing.answer(request, model_admin, deed)


def _rendered(response: HttpResponseBase) -> HttpResponseBase:
    """A page reads rows while it is rendered: within the scope, then."""
    return response.render() if isinstance(response, TemplateResponse) else response
