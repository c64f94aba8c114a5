"""Every environment variable, read once, typed, and refused in a sentence when it makes no sense.

`read(environ)` is the only place that knows their names' meaning; everybody else asks
`settings.EASEL`. A development or test machine gets its secrets made for it, once, in
`$EASEL_DATA/secrets.json`; production must bring its own.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TypeVar

from config import parsing
from config.parsing import Address, FileStorage, Network, Refused, S3Storage
from config.secrets import Secrets, made_secrets
from runtime import embedded

CLONE = Path(__file__).resolve().parents[2]
DOORS = ("evolink", "openai", "toapis", "gemini", "gmi")  # the demo's host names
REQUIRED_IN_PRODUCTION = {
    "EASEL_SECRET_KEY": "50 or more random characters",
    "EASEL_KEY_PEPPERS": "32 or more random characters, newest first, separated by commas",
    "EASEL_ENCRYPTION_KEYS": "Fernet keys (32 bytes in URL-safe base64), newest first, separated by commas",
    "EASEL_SEAL_KEY": "32 or more random characters, newest first, separated by commas",
    "EASEL_URL": "the https address of this installation",
    "DATABASE_URL": "postgres://user:password@host/database, the login role that owns nothing",
}

T = TypeVar("T")


class EnvironmentProblem(Exception):
    """The environment cannot be used. The message has one sentence for each bad value."""


@dataclass(frozen=True, kw_only=True)
class Clocks:
    """The periods of DESIGN's table of clocks that an operator or a test may change, in seconds. Each
    is the variable of its name in capitals, `EASEL_LEASE_SECONDS` and so on."""

    attempt_seconds: float = 90
    sync_wait_seconds: float = 120
    lease_seconds: float = 30
    renew_seconds: float = 10
    reap_seconds: float = 5
    slice_seconds: float = 60
    beat_seconds: float = 5
    silence_seconds: float = 45
    stop_seconds: float = 130


@dataclass(frozen=True, kw_only=True)
class Environment(Clocks):
    """What the process was told. Lists of secrets are newest first; nothing secret is in the repr.

    `database_url` is empty when development has no server yet; `database_admin_url` is empty where
    only serving is allowed. `door_hosts` maps a lower-case `host[:port]` to the dialect it opens.
    """

    env: str
    url: str
    host: str
    port: int
    data: Path
    door_hosts: Mapping[str, str]
    cluster: str
    workers: int
    concurrency: int
    lane_cap: int  # generations of one organization and mode that may run at once
    rate_limit: int  # requests a minute and organization
    bad_key_limit: int  # bad keys a minute and network address
    retention_days: int
    signup: str
    operator_factors: str  # "required": no admin without a second factor
    support_email: str
    storage: FileStorage | S3Storage
    broker: str = field(repr=False)  # "orm" or a Redis URL
    trusted_proxies: tuple[Network, ...]
    egress_allow: tuple[Network, ...]
    test_egress: tuple[Address, ...]
    gemini_base_url: str
    openai_base_url: str
    vertex_base_url: str
    vertex_project: str
    vertex_location: str
    as_owner: bool
    database_url: str = field(repr=False)
    database_admin_url: str = field(repr=False)
    email_url: str = field(repr=False)
    gemini_api_key: str = field(repr=False)
    openai_api_key: str = field(repr=False)
    vertex_credentials: str = field(repr=False)  # the JSON key of a service account
    secret_key: str = field(repr=False)
    key_peppers: tuple[bytes, ...] = field(repr=False)
    encryption_keys: tuple[str, ...] = field(repr=False)
    seal_keys: tuple[bytes, ...] = field(repr=False)

    @property
    def production(self) -> bool:
        return self.env == "production"

    @property
    def secure(self) -> bool:
        """Whether people reach us by https: cookies and redirects follow it."""
        return self.url.startswith("https://")


class _Reader:
    """Reads one variable after the other and collects what is wrong with them."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self.environ, self.problems = environ, list[str]()

    def get(self, name: str, default: str = "") -> str:
        return self.environ.get(name, "").strip() or default

    def read(self, name: str, parse: Callable[[str], T], default: T) -> T:
        """The parsed value, or the default when the variable is unset, empty or bad."""
        text = self.get(name)
        if not text:
            return default
        try:
            return parse(text)
        except Refused as refused:
            shown = "" if name in _SECRET else f"={text[:80]!r}"
            self.problems.append(f"{name}{shown}: {refused}.")
            return default


_SECRET = {
    *("DATABASE_URL", "DATABASE_ADMIN_URL", "EMAIL_URL", "EASEL_BROKER", "EASEL_GEMINI_API_KEY"),
    *("EASEL_OPENAI_API_KEY", "EASEL_SECRET_KEY", "EASEL_KEY_PEPPERS", "EASEL_ENCRYPTION_KEYS"),
    *("EASEL_SEAL_KEY", "EASEL_VERTEX_CREDENTIALS"),
}


def data_directory(environ: Mapping[str, str]) -> Path:
    """EASEL_DATA, or the default for this clone and user. Makes nothing."""
    told = environ.get("EASEL_DATA", "").strip()
    return Path(told).expanduser().absolute() if told else embedded.default_data(CLONE)


def read(environ: Mapping[str, str]) -> Environment:
    """The environment as typed values. Raises EnvironmentProblem naming everything that is wrong."""
    reader = _Reader(environ)
    env = reader.read("EASEL_ENV", parsing.one_of("development", "test", "production"), "development")
    _check_presence(reader, env)
    data = data_directory(environ)
    port = reader.read("PORT", parsing.whole(1, 65535), 8000)
    secrets = _secrets(reader, env, data)
    doors = {} if env == "production" else {f"{door}.localhost:{port}": door for door in DOORS}
    robot = reader.read("EASEL_VERTEX_CREDENTIALS", parsing.service_account, parsing.NO_ACCOUNT)
    environment = Environment(
        **_clocks(reader),
        env=env,
        url=reader.read("EASEL_URL", parsing.origin(loopback_only=env == "production"), _local_url(port)),
        host=reader.get("HOST", "127.0.0.1"),
        port=port,
        data=data,
        door_hosts=reader.read("EASEL_DOOR_HOSTS", parsing.door_hosts, doors),
        cluster=reader.read("EASEL_CLUSTER", parsing.name, "easel-1"),
        workers=reader.read("EASEL_WORKERS", parsing.whole(2, 64), 3),
        concurrency=reader.read("EASEL_CONCURRENCY", parsing.whole(1, 5000), 200),
        lane_cap=reader.read("EASEL_LANE_CAP", parsing.whole(1, 100_000), 1000),
        retention_days=reader.read("EASEL_RETENTION_DAYS", parsing.whole(1, 36_500), 30),
        rate_limit=reader.read("EASEL_RATE_LIMIT", parsing.whole(1, 1_000_000), 300),
        bad_key_limit=reader.read("EASEL_BAD_KEY_LIMIT", parsing.whole(1, 1_000_000), 20),
        signup=reader.read("EASEL_SIGNUP", parsing.one_of("open", "invited"), "open"),
        operator_factors=reader.read("EASEL_OPERATOR_FACTORS", _FACTORS, _usual_factors(env)),
        support_email=reader.read("EASEL_SUPPORT_EMAIL", parsing.email, ""),
        storage=reader.read("EASEL_STORAGE", parsing.storage(data), parsing.files_in(data)),
        broker=reader.read("EASEL_BROKER", parsing.broker, "orm"),
        trusted_proxies=reader.read("EASEL_TRUSTED_PROXIES", parsing.networks, ()),
        egress_allow=reader.read("EASEL_EGRESS_ALLOW", parsing.networks, ()),
        test_egress=reader.read("EASEL_TEST_EGRESS", parsing.addresses, ()),
        gemini_base_url=reader.read("EASEL_GEMINI_BASE_URL", parsing.base_url, ""),
        openai_base_url=reader.read("EASEL_OPENAI_BASE_URL", parsing.base_url, ""),
        vertex_base_url=reader.read("EASEL_VERTEX_BASE_URL", parsing.base_url, ""),
        vertex_project=reader.get("EASEL_VERTEX_PROJECT", robot.project),
        vertex_location=reader.read("EASEL_VERTEX_LOCATION", parsing.name, "global"),
        as_owner=reader.get("EASEL_AS_OWNER") == "1",
        database_url=reader.read("DATABASE_URL", parsing.database, ""),
        database_admin_url=reader.read("DATABASE_ADMIN_URL", parsing.database, ""),
        email_url=reader.read("EMAIL_URL", parsing.email_url, _usual_mail(env, data)),
        gemini_api_key=reader.get("EASEL_GEMINI_API_KEY"),
        openai_api_key=reader.get("EASEL_OPENAI_API_KEY"),
        vertex_credentials=robot.json,
        secret_key=secrets.secret_key,
        key_peppers=secrets.key_peppers,
        encryption_keys=secrets.encryption_keys,
        seal_keys=secrets.seal_keys,
    )
    if reader.problems:
        raise EnvironmentProblem("\n".join(reader.problems))
    return environment


_FACTORS = parsing.one_of("required", "optional")


def _usual_factors(env: str) -> str:
    """Operators of the real thing need more than a password; a laptop's demonstration opens with one."""
    return "required" if env == "production" else "optional"


def _usual_mail(env: str, data: Path) -> str:
    """A laptop keeps its mail as files, for whoever signs up there to read."""
    return "consolemail://" if env == "production" else f"filemail://{data / 'mail'}"


def _local_url(port: int) -> str:
    return f"http://localhost:{port}"


def _check_presence(reader: _Reader, env: str) -> None:
    """What must be set, and what must not be."""
    if env == "production":
        for name, what in REQUIRED_IN_PRODUCTION.items():
            if not reader.get(name):
                reader.problems.append(f"{name} is not set: production needs {what}.")
    if reader.get("EASEL_AS_OWNER") == "1" and not reader.get("DATABASE_ADMIN_URL"):
        reader.problems.append("DATABASE_ADMIN_URL is not set: this command changes the schema and needs it.")
    if env != "test" and reader.get("EASEL_TEST_EGRESS"):
        reader.problems.append(
            "EASEL_TEST_EGRESS opens holes for tests: unset it, or set EASEL_ENV=test if this is a test."
        )
    if env != "test" and reader.get("FAILPOINTS"):
        reader.problems.append(
            "FAILPOINTS kills processes on purpose: unset it, or set EASEL_ENV=test if this is a test."
        )


def _secrets(reader: _Reader, env: str, data: Path) -> Secrets:
    """The secrets of the environment, over those made for this machine (none in production)."""
    made = Secrets()
    if env != "production":
        try:
            made = made_secrets(data)
        except (embedded.EmbeddedProblem, OSError) as error:
            reader.problems.append(f"The secrets in {data} cannot be read or made: {error}")
    return Secrets(
        secret_key=reader.read("EASEL_SECRET_KEY", parsing.secret_key, made.secret_key),
        key_peppers=reader.read("EASEL_KEY_PEPPERS", parsing.secret_list, made.key_peppers),
        encryption_keys=reader.read("EASEL_ENCRYPTION_KEYS", parsing.fernet_keys, made.encryption_keys),
        seal_keys=reader.read("EASEL_SEAL_KEY", parsing.secret_list, made.seal_keys),
    )


def _clocks(reader: _Reader) -> dict[str, float]:
    """The fields of Clocks."""
    clocks = {
        name: reader.read(f"EASEL_{name.upper()}", parsing.seconds, default)
        for name, default in asdict(Clocks()).items()
    }
    for shorter, longer in (("renew_seconds", "lease_seconds"), ("beat_seconds", "silence_seconds")):
        if clocks[shorter] >= clocks[longer]:
            reader.problems.append(f"EASEL_{shorter.upper()} must be less than EASEL_{longer.upper()}.")
    return clocks
