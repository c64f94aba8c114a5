"""The pages' addresses. The doors have their own table: `generations.doors`."""

from __future__ import annotations

from django.contrib import admin
from django.urls import include, path

from config import gallery, health, icon, inbox, verify
from config.admin import finding
from config.docs import views as docs

urlpatterns = [
    path("healthz", health.healthz, name="healthz"),
    path("readyz", health.readyz, name="readyz"),
    path("metrics", health.metrics, name="metrics"),
    path("favicon.ico", icon.favicon, name="favicon"),
    path("inbox/", inbox.page, name="inbox"),
    path("inbox/<str:token>", inbox.receive),
    path("admin/find/", admin.site.admin_view(finding.find), name="operators_find"),
    path("admin/seal/", admin.site.admin_view(finding.mend), name="operators_seal"),
    path("admin/", admin.site.urls),
    path("api/v1/", include("config.api")),
    path("docs/", docs.index, name="docs"),
    path("docs/migrate/<slug:vendor>/", docs.migrate, name="migrate"),
    path("docs/<slug:slug>.md", docs.source),
    path("docs/<slug:slug>/", docs.doc, name="doc"),
    path("llms.txt", docs.llms, name="llms"),
    path("gallery/", gallery.gallery, name="gallery"),
    path("o/<slug:team>/billing/verify/", verify.page, name="verify"),
    path("", include("billing.urls")),
    path("", include("accounts.urls")),
    path("", include("allauth.urls")),
    path("", include("generations.urls")),
]
