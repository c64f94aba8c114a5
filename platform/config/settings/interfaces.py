"""The management API, and the operators' admin."""

from __future__ import annotations

from config.settings.house import EASEL

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["rest_framework.authentication.SessionAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "EXCEPTION_HANDLER": "generations.api.problems.handle",
    "URL_FORMAT_OVERRIDE": None,  # `format` is a parameter of ours
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Easel management API",
    "DESCRIPTION": "Organizations, members, keys, generations, usage, money and webhooks, for programs. "
    "A key with the scope `manage:read` or `manage:write` opens it, and makes no images.",
    "VERSION": "1.0.0",
    "OAS_VERSION": "3.1.0",
    "SERVERS": [{"url": EASEL.url}],
    "SCHEMA_PATH_PREFIX": r"/api/v1/",
    "SERVE_INCLUDE_SCHEMA": False,
    "SERVE_PERMISSIONS": ["rest_framework.permissions.AllowAny"],
    "SERVE_AUTHENTICATION": [],
    "COMPONENT_SPLIT_REQUEST": False,
    "COMPONENT_SPLIT_PATCH": False,  # what may be left out says so itself
    "ENUM_GENERATE_CHOICE_DESCRIPTION": False,
    "ENUM_NAME_OVERRIDES": {
        "Door": "accounts.models.Door",
        "Mode": "accounts.models.Mode",
        "OrganizationState": "accounts.models.Organization.State",
        "MessageState": "accounts.api.webhook_shapes.MESSAGE_STATES",
        "EntryKind": "billing.entries.KINDS",
        "GenerationState": "generations.api.shapes.STATES",
        "BatchState": "generations.api.batch_shapes.BATCH_STATES",
        "ItemState": "generations.api.batch_shapes.ITEM_STATES",
    },
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "PREPROCESSING_HOOKS": ["config.api.operations_only"],
    "POSTPROCESSING_HOOKS": [
        "drf_spectacular.hooks.postprocess_schema_enums",
        "accounts.api.description.closed_objects",
    ],
}

# The operators' admin in our colours: paper and ink of `static/css/tokens.css`, one ultramarine.
UNFOLD = {
    "SITE_TITLE": "Easel operators",
    "SITE_HEADER": "Easel",
    "SITE_SUBHEADER": "Operators",
    "SITE_ICON": "config.admin.mark",
    "SITE_FAVICONS": [{"rel": "icon", "type": "image/svg+xml", "href": "config.admin.mark"}],
    "STYLES": ["config.admin.stylesheet"],
    "SCRIPTS": ["config.admin.script"],
    "GLOBAL_CALLBACK": "config.admin.frame",
    "SHOW_HISTORY": False,
    "SHOW_VIEW_ON_SITE": False,
    "DASHBOARD_CALLBACK": "config.admin.dashboard",
    "SIDEBAR": {"navigation": "config.admin.navigation"},
    "BORDER_RADIUS": "8px",
    "COLORS": {
        "base": {
            "50": "oklch(97.8% 0.003 85)",
            "100": "oklch(95.8% 0.004 85)",
            "200": "oklch(90.5% 0.005 85)",
            "300": "oklch(84% 0.006 90)",
            "400": "oklch(70% 0.009 270)",
            "500": "oklch(50% 0.012 270)",
            "600": "oklch(44% 0.012 270)",
            "700": "oklch(35% 0.012 270)",
            "800": "oklch(29% 0.011 270)",
            "900": "oklch(20.5% 0.009 270)",
            "950": "oklch(15% 0.008 270)",
        },
        "primary": {
            "50": "oklch(97.5% 0.012 266)",
            "100": "oklch(95.5% 0.02 266)",
            "200": "oklch(90% 0.045 266)",
            "300": "oklch(84% 0.075 266)",
            "400": "oklch(78% 0.105 266)",
            "500": "oklch(76% 0.115 266)",
            "600": "oklch(44% 0.19 266)",
            "700": "oklch(38% 0.18 266)",
            "800": "oklch(34% 0.15 266)",
            "900": "oklch(30% 0.11 266)",
            "950": "oklch(25% 0.08 266)",
        },
    },
}
