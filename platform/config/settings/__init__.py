"""Django's settings, built from the environment and nothing else. Ours are at `settings.EASEL`."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Any

from csp.constants import NONE, SELF, UNSAFE_EVAL, UNSAFE_INLINE
from psycopg.conninfo import conninfo_to_dict

from config.settings.house import EASEL, HOST
from config.settings.interfaces import *  # noqa: F403  settings are names in one module
from config.settings.people import *  # noqa: F403

BASE_DIR = Path(__file__).resolve().parents[3]
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
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "allauth.usersessions",
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
    "generations.api.history.history",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "accounts.sessions.SessionAges",
    "config.middleware.operator_factors",
    "allauth.account.middleware.AccountMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
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
                "accounts.shell.frame",
            ]
        },
    }
]

MESSAGE_TAGS = {10: "info", 20: "info", 25: "good", 30: "warn", 40: "bad"}  # the banners' words

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
if EASEL.broker == "orm":
    Q_CLUSTER |= {"orm": "default"}
else:
    Q_CLUSTER |= {"redis": EASEL.broker, "broker_class": "runtime.redis_queue.BriefRedis"}

# ---- what browsers may do ----------------------------------------------------------------------

_LOCAL = [] if EASEL.production else ["localhost", ".localhost", "127.0.0.1", "[::1]"]
ALLOWED_HOSTS = sorted({HOST, *(host.partition(":")[0] for host in EASEL.door_hosts)}) + _LOCAL
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
