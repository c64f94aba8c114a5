"""Django's settings, built from the environment and nothing else. Ours are at `settings.EASEL`."""

from __future__ import annotations

import os
from datetime import timedelta
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from csp.constants import NONE, SELF, UNSAFE_EVAL, UNSAFE_INLINE
from environ import Env
from psycopg.conninfo import conninfo_to_dict

from config import environment

try:
    EASEL = environment.read(os.environ)
except environment.EnvironmentProblem as problem:
    raise SystemExit(f"Easel cannot start.\n{problem}") from None

BASE_DIR = Path(__file__).resolve().parents[2]
SECRET_KEY = EASEL.secret_key
DEBUG = False  # a page of local variables is never the right answer, not even on a laptop
ROOT_URLCONF = "config.urls"
ASGI_APPLICATION = "config.asgi.application"
AUTH_USER_MODEL = "accounts.User"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
USE_TZ, TIME_ZONE = True, "UTC"
LANGUAGE_CODE, USE_I18N = "en", False
LOGGING_CONFIG, LOGGING = "runtime.logs.configure", {"level": "INFO"}

INSTALLED_APPS = [
    "unfold",  # before the admin, whose templates it replaces
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django_q",
    "rest_framework",
    "axes",
    "csp",
    "accounts",
    "billing",
    "generations",
    "config",
]

if not EASEL.production and find_spec("django_migration_linter"):
    INSTALLED_APPS.append("django_migration_linter")  # a command for script/check

# The stack of pages, admin and management; doors have a shorter one of their own.
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "config.middleware.admin_policy",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "axes.middleware.AxesMiddleware",  # last: it answers for a locked log-in
]

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]

# ---- database and queue ------------------------------------------------------------------------


def _database(url: str, *, as_owner: bool) -> dict[str, Any]:
    """Django's words for a libpq URL; whatever they do not know stays an option of libpq's."""
    parts: dict[str, Any] = {k: v for k, v in conninfo_to_dict(url).items() if v is not None}
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": parts.pop("dbname", "easel"),
        "USER": parts.pop("user", ""),
        "PASSWORD": parts.pop("password", ""),
        "HOST": parts.pop("host", ""),
        "PORT": str(parts.pop("port", "")),
        "CONN_MAX_AGE": 0,  # runtime.database keeps the connections that are worth keeping
        "OPTIONS": {
            "connect_timeout": 3,  # a database that is away is told to the client, not waited for
            **parts,
            **({"options": "-c role=easel_owner"} if as_owner else {}),
        },
    }


# Without a server (`manage.py check`, type checks) the embedded one's place is named, not reached.
_NO_SERVER = f"postgres://easel@/easel?host={EASEL.data / 'postgres' / 'run'}"
_URL = EASEL.database_admin_url if EASEL.as_owner else EASEL.database_url
DATABASES = {"default": _database(_URL or _NO_SERVER, as_owner=EASEL.as_owner)}

# A task is a wake-up, not a job: the truth, attempts, timeouts and leases are in our own tables.
Q_CLUSTER: dict[str, Any] = {
    "name": "easel",  # the salt of the payload's signature: the same for all clusters
    "cluster_name": EASEL.cluster,  # the queue that this process's cluster reads
    "workers": EASEL.workers,
    "queue_limit": EASEL.workers,  # nothing is fetched to wait inside a process
    "timeout": 200,
    "retry": 240,  # must be above the timeout, else a running wake-up is given out again
    "ack_failures": True,
    "max_attempts": 1,
    "save_limit": -1,
    "bulk": 1,
    "poll": 0.05,
    "guard_cycle": 0.5,  # with another value a timed-out task is never killed
    "recycle": 200,
    "max_rss": 400_000,  # kilobytes; a worker above it is replaced between two wake-ups
    "catch_up": False,
    "scheduler": False,
    "compress": False,
}
Q_CLUSTER |= {"orm": "default"} if EASEL.broker == "orm" else {"redis": EASEL.broker}

# ---- who signs in ------------------------------------------------------------------------------

AUTHENTICATION_BACKENDS = [
    "axes.backends.AxesStandaloneBackend",
    "django.contrib.auth.backends.ModelBackend",
]
PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.Argon2PasswordHasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]
if EASEL.env == "test":
    # Argon2 is slow on purpose; hundreds of made-up people of a test run need no protection.
    PASSWORD_HASHERS.insert(0, "django.contrib.auth.hashers.MD5PasswordHasher")
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
LOGIN_URL, LOGIN_REDIRECT_URL, LOGOUT_REDIRECT_URL = "/login/", "/", "/login/"

# Five wrong passwords from one address for one account wait a quarter of an hour; the account's
# owner at another address is not locked out by them.
AXES_FAILURE_LIMIT = 5
AXES_COOLOFF_TIME = timedelta(minutes=15)
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_RESET_ON_SUCCESS = True
AXES_RESET_COOL_OFF_ON_FAILURE_DURING_LOCKOUT = False
AXES_USERNAME_FORM_FIELD = "username"
AXES_LOCKOUT_TEMPLATE = "accounts/locked.html"
AXES_SENSITIVE_PARAMETERS = [
    "username",
    "ip_address",
    "key",
    "t",
    "token",
    "signature",
]  # of queries it keeps
AXES_ENABLE_ADMIN = False  # its pages could delete the evidence
AXES_VERBOSE = False

SESSION_COOKIE_AGE = 7 * 24 * 3600
SESSION_COOKIE_NAME = "__Host-sid" if EASEL.secure else "sid"  # the prefix is https only
CSRF_COOKIE_NAME = "__Host-csrf" if EASEL.secure else "csrf"
SESSION_COOKIE_HTTPONLY, CSRF_COOKIE_HTTPONLY = True, True
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = EASEL.secure

# ---- what browsers may do ----------------------------------------------------------------------

_HOST = urlsplit(EASEL.url).hostname or "localhost"
_LOCAL = [] if EASEL.production else ["localhost", ".localhost", "127.0.0.1", "[::1]"]
ALLOWED_HOSTS = sorted({_HOST, *(host.partition(":")[0] for host in EASEL.door_hosts)}) + _LOCAL
CSRF_TRUSTED_ORIGINS = [EASEL.url]

# Scheme and address of the client come from uvicorn, which believes EASEL_TRUSTED_PROXIES only.
SECURE_SSL_REDIRECT = EASEL.secure
SECURE_REDIRECT_EXEMPT = [r"^healthz$", r"^readyz$", r"^metrics$"]  # asked for behind the proxy
SECURE_HSTS_SECONDS = 365 * 24 * 3600 if EASEL.secure else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = EASEL.secure
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"

CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF, "data:"],
        "font-src": [SELF],
        "connect-src": [SELF],
        "form-action": [SELF],
        "frame-ancestors": [NONE],
        "base-uri": [NONE],
    }
}
# django-unfold evaluates expressions in its templates and sets its colours in place.
ADMIN_PATH = "/admin/"
ADMIN_CONTENT_SECURITY = {"script-src": [UNSAFE_EVAL], "style-src": [UNSAFE_INLINE]}

DATA_UPLOAD_MAX_MEMORY_SIZE = 1024 * 1024  # pages and management; doors have their own limits
DATA_UPLOAD_MAX_NUMBER_FIELDS = 200
DATA_UPLOAD_MAX_NUMBER_FILES = 5

STATIC_URL = "/static/"
STATICFILES_DIRS = [BASE_DIR / "static"]
STATIC_ROOT = BASE_DIR / "static-built" if EASEL.production else None  # collected for production only
WHITENOISE_USE_FINDERS = not EASEL.production  # no collectstatic on a laptop
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.InMemoryStorage"},  # images go through runtime.storage
    "staticfiles": {
        "BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"
        if EASEL.production
        else "django.contrib.staticfiles.storage.StaticFilesStorage"
    },
}

# ---- management API, mail, admin -----------------------------------------------------------------

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["rest_framework.authentication.SessionAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
}

_mail = Env.email_url_config(EASEL.email_url)
EMAIL_BACKEND = _mail["EMAIL_BACKEND"]
EMAIL_HOST, EMAIL_PORT = _mail.get("EMAIL_HOST") or "localhost", _mail.get("EMAIL_PORT") or 25
EMAIL_HOST_USER, EMAIL_HOST_PASSWORD = (
    _mail.get("EMAIL_HOST_USER") or "",
    _mail.get("EMAIL_HOST_PASSWORD") or "",
)
EMAIL_USE_TLS, EMAIL_USE_SSL = _mail.get("EMAIL_USE_TLS", False), _mail.get("EMAIL_USE_SSL", False)
EMAIL_TIMEOUT = 10
DEFAULT_FROM_EMAIL = SERVER_EMAIL = EASEL.support_email or f"easel@{_HOST}"

# The operators' admin in our colours: paper and ink of `static/css/tokens.css`, one ultramarine.
UNFOLD = {
    "SITE_TITLE": "Easel operators",
    "SITE_HEADER": "Easel",
    "SITE_SUBHEADER": "Operators",
    "SITE_ICON": "config.admin.mark",
    "SITE_FAVICONS": [{"rel": "icon", "type": "image/svg+xml", "href": "config.admin.mark"}],
    "STYLES": ["config.admin.stylesheet"],
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
