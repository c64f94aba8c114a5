"""What operators change of the catalogue and of channels: forms made of the rows' own fields, a preview of
what will be different, one verb."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from django import forms
from django.db.models import Model as Row
from django.forms import modelform_factory
from django.http import HttpRequest

from accounts.access import Permission
from accounts.admin.deeds import Deed, Reason, Values
from accounts.admin.who import actor
from generations.actions import offering

LABELS = {
    "base_url": "Base URL",
    "upstream_model": "Name there",
    "input_cost": "Cost of input",
    "text_cost": "Cost of words",
    "image_cost": "Cost of pictures",
    "max_count": "Images per request",
    "max_references": "References",
    "reference_bytes": "Bytes per reference",
    "max_input_images": "Input images",
}


class RowForm(Reason, forms.ModelForm):  # type: ignore[type-arg]  # of whatever row the deed is about
    """The fields of a row, and the reason."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name, field in self.fields.items():
            field.label = LABELS.get(name, field.label)
            if not isinstance(field.widget, forms.CheckboxInput | forms.Textarea):
                field.widget.attrs.setdefault("class", "input")

    def _post_clean(self) -> None:
        """The verb validates, and nothing is changed of the row that is shown."""

    def changes(self) -> dict[str, Any]:
        """What was typed, by the names of columns that it differs in."""
        known = self._meta.fields or ()
        return {name: self.cleaned_data[name] for name in self.changed_data if name in known}


def form_for(model: type[Row], fields: Sequence[str], **widgets: Any) -> type[forms.BaseForm]:
    """The form of a model's fields."""
    form: type[forms.BaseForm] = modelform_factory(model, form=RowForm, fields=fields, widgets=widgets)
    return form


class _OfOffer(Deed):
    permission = Permission.CATALOGUE_MANAGE
    many = False
    model: ClassVar[type[Row]]
    fields: ClassVar[tuple[str, ...]]
    widgets: ClassVar[Mapping[str, Any]] = {}

    def form_class(self) -> type[Any]:
        return form_for(self.model, self.fields, **self.widgets)


class Edit(_OfOffer):
    """Change the `fields` of a row."""

    name, title, icon = "edit", "Edit", "edit"
    says = "Every process sees it within seconds. What was ordered before keeps its price."

    def __init__(self, model: type[Row], *fields: str, **widgets: Any) -> None:
        self.model, self.fields, self.widgets = model, fields, widgets  # type: ignore[misc]  # of the instance

    def made_form(self, rows: Sequence[Any], data: Any = None) -> Any:
        return self.form_class()(data, instance=rows[0] if rows else None)

    def effect(self, row: Any, values: Values) -> str:
        if not values:
            return ""
        changed = [
            f"{name.replace('_', ' ')}: {_said(getattr(row, name))} to {_said(values[name])}"
            for name in self.fields
            if name in values and getattr(row, name) != values[name]
        ]
        return "; ".join(changed) or "Nothing is different."

    def do(self, request: HttpRequest, row: Any, values: Values, reference: str) -> None:
        changes = {name: values[name] for name in self.fields if name in values}
        offering.edit(row=row, changes=changes, reason=values["reason"], by=actor(request))

    def done(self, count: int) -> str:
        return "It is changed."


class Add(_OfOffer):
    """A new row of a model."""

    name, icon = "add", "add"
    one, bare = False, True

    def __init__(self, title: str, model: type[Row], *fields: str, **widgets: Any) -> None:
        self.title = title  # type: ignore[misc]  # of the instance
        self.model, self.fields, self.widgets = model, fields, widgets  # type: ignore[misc]  # of the instance

    def made_form(self, rows: Sequence[Any], data: Any = None) -> Any:
        return self.form_class()(data)

    def summary(self, rows: Sequence[Any], values: Values) -> list[str]:
        return [
            f"{name.replace('_', ' ').capitalize()}: {_said(values[name])}"
            for name in self.fields
            if values.get(name) not in (None, "", [], {})
        ]

    def do(self, request: HttpRequest, row: Any, values: Values, reference: str) -> None:
        made = self.model(**{name: values[name] for name in self.fields if name in values})
        offering.add(row=made, reason=values["reason"], by=actor(request))  # type: ignore[type-var]  # an offered one

    def done(self, count: int) -> str:
        return "It is there."


class Remove(Deed):
    """Take a row away that nothing else hangs on."""

    name, title, icon, grave = "remove", "Remove", "delete", True
    permission = Permission.CATALOGUE_MANAGE
    many = False
    says = "Counts from the next request on. What was made before stays."

    def effect(self, row: Any, values: Values) -> str:
        return "It is taken away."

    def do(self, request: HttpRequest, row: Any, values: Values, reference: str) -> None:
        offering.remove(row=row, reason=values["reason"], by=actor(request))

    def done(self, count: int) -> str:
        return "It is taken away."


def _said(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ", ".join(map(str, value)) or "none"
    return "none" if value in (None, "", {}) else str(value)
