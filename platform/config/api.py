"""The management API as a whole: its addresses, its description, and the page to try it on."""

from __future__ import annotations

from typing import Any

from django.urls import include, path, re_path
from drf_spectacular.views import SpectacularJSONAPIView, SpectacularSwaggerSplitView, SpectacularYAMLAPIView

from accounts.api import description  # noqa: F401  registers how the API is opened
from accounts.api.problems import nowhere


class Description(SpectacularJSONAPIView):
    """What there is, as OpenAPI 3.1 in JSON."""

    authentication_classes = ()


class DescriptionYAML(SpectacularYAMLAPIView):
    """The same in YAML."""

    authentication_classes = ()


class Explorer(SpectacularSwaggerSplitView):
    """The page that shows it, with nothing in it that the Content-Security-Policy would refuse."""

    authentication_classes = ()
    template_name = "api/explorer.html"
    template_name_js = "api/explorer.js"
    url_name = "api-schema"


def operations_only(endpoints: list[Any], **_: Any) -> list[Any]:
    """A pre-processing hook: only what is marked as an operation is described."""
    return [found for found in endpoints if _marked(found)]


def _marked(endpoint: tuple[str, str, str, Any]) -> bool:
    _, _, method, view = endpoint
    return hasattr(getattr(view.cls, method.lower(), None), "operation")


urlpatterns = [
    path("schema", Description.as_view(), name="api-schema"),
    path("schema.yaml", DescriptionYAML.as_view()),
    path("docs/", Explorer.as_view(), name="api-docs"),
    path("", include("accounts.api.urls")),
    path("", include("billing.api.urls")),
    path("", include("generations.api.urls")),
    re_path("", nowhere),
]
