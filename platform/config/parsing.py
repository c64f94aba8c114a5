"""How one environment variable's text becomes a value. A bad text raises `Refused` with the remedy."""

from __future__ import annotations

import ipaddress
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import psycopg.conninfo
from cryptography.fernet import Fernet
from environ import Env

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Address = tuple[str, int]  # (ip address, port)

SECRET_LENGTH = 32  # characters


class Refused(ValueError):
    """What the value should have been; read after the variable's name and a colon."""


@dataclass(frozen=True, slots=True)
class FileStorage:
    """Objects are files under `path`."""

    path: Path


@dataclass(frozen=True, slots=True)
class S3Storage:
    """Objects are in an S3 bucket under `prefix` (no slash at either end). `endpoint` and `region` are
    empty where the client's own defaults are right; keys come from its usual places."""

    bucket: str
    prefix: str = ""
    endpoint: str = ""
    region: str = ""
    path_style: bool = False


def words(text: str) -> list[str]:
    """The non-empty items of a comma-separated list."""
    return [word.strip() for word in text.split(",") if word.strip()]


def one_of(*allowed: str) -> Callable[[str], str]:
    def parse(text: str) -> str:
        if text not in allowed:
            raise Refused(f"set it to one of {', '.join(allowed)}")
        return text

    return parse


def whole(least: int, most: int) -> Callable[[str], int]:
    def parse(text: str) -> int:
        if not re.fullmatch(r"[0-9]{1,9}", text) or not least <= int(text) <= most:
            raise Refused(f"set it to a whole number from {least} to {most}")
        return int(text)

    return parse


def seconds(text: str) -> float:
    if not re.fullmatch(r"[0-9]{1,6}(\.[0-9]{1,3})?", text) or float(text) <= 0:
        raise Refused("set it to a number of seconds above 0")
    return float(text)


def name(text: str) -> str:
    if not re.fullmatch(r"[a-z0-9][a-z0-9-]{0,39}", text):
        raise Refused("use up to 40 lower-case letters, digits and hyphens")
    return text


def email(text: str) -> str:
    if not re.fullmatch(r"[^@\s]+@[^@\s]+\.[^@\s]+", text):
        raise Refused("set it to one e-mail address")
    return text


def origin(*, loopback_only: bool) -> Callable[[str], str]:
    """An http or https origin without a path; with `loopback_only`, http only on this machine."""

    def parse(text: str) -> str:
        parts = _split(text)
        if parts.path not in ("", "/") or parts.query or parts.fragment or parts.username:
            raise Refused("give scheme, host and port only, like https://easel.example")
        local = parts.hostname in ("localhost", "127.0.0.1", "::1")
        if loopback_only and parts.scheme == "http" and not local:
            raise Refused("production is served over https: put a reverse proxy with TLS before it")
        return f"{parts.scheme}://{parts.netloc.lower()}"

    return parse


def base_url(text: str) -> str:
    _split(text)
    return text.rstrip("/")


def _split(text: str):  # type: ignore[no-untyped-def]  # urllib's own result type
    try:
        parts = urlsplit(text)
        good = parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port or 1) > 0
    except ValueError:
        good = False
    if not good:
        raise Refused("set it to an address like https://easel.example")
    return parts


@dataclass(frozen=True, slots=True)
class ServiceAccount:
    """A robot of Google Cloud: its JSON key as text, and the project it is at home in."""

    json: str = ""
    project: str = ""


NO_ACCOUNT = ServiceAccount()


def service_account(text: str) -> ServiceAccount:
    """The JSON key of a service account, or the path of the file that has it."""
    try:
        found = text if text.startswith("{") else Path(text).expanduser().read_text()
        told = json.loads(found)
        if told["type"] != "service_account" or not told["private_key"] or not told["client_email"]:
            raise KeyError("type")
    except (OSError, ValueError, KeyError, TypeError):
        raise Refused(
            "set it to the JSON key of a Google Cloud service account, or to the path of its file"
        ) from None
    return ServiceAccount(found, str(told.get("project_id") or ""))


def door_hosts(text: str) -> Mapping[str, str]:
    """`host[:port]=dialect,...` as a mapping; host names in lower case."""
    found: dict[str, str] = {}
    for pair in words(text):
        host, _, dialect = pair.partition("=")
        host, dialect = host.strip().lower(), dialect.strip()
        if not re.fullmatch(r"[a-z0-9.-]+(:[0-9]{1,5})?", host) or not re.fullmatch(r"[a-z]+", dialect):
            raise Refused(
                "write host=dialect pairs, like evolink.example.com=evolink,openai.example.com=openai"
            )
        if host in found:
            raise Refused(f"{host} is named twice; one host opens one door")
        found[host] = dialect
    return found


def networks(text: str) -> tuple[Network, ...]:
    try:
        return tuple(ipaddress.ip_network(word) for word in words(text))
    except ValueError as error:
        raise Refused(f"list networks like 10.0.0.0/8,fd00::/8 ({error})") from None


def addresses(text: str) -> tuple[Address, ...]:
    """Exact `ip:port` pairs; no names, no ranges."""
    return tuple(_address(word) for word in words(text))


def _address(word: str) -> Address:
    host, _, port = word.rpartition(":")
    try:
        address = ipaddress.ip_address(host.strip("[]"))
        if not 0 < int(port) < 65536:
            raise ValueError
    except ValueError:
        raise Refused("list exact pairs like 127.0.0.1:9443,[::1]:9443") from None
    return str(address), int(port)


def files_in(data: Path) -> FileStorage | S3Storage:
    """Where objects are kept when nothing is said."""
    return FileStorage(data / "storage")


def storage(data: Path) -> Callable[[str], FileStorage | S3Storage]:
    """`file:` (under `data`), `file:PATH`, or `s3://bucket/prefix?endpoint=&region=&path_style=1`."""

    def parse(text: str) -> FileStorage | S3Storage:
        parts = urlsplit(text)
        if parts.scheme == "file":
            return FileStorage(data / (parts.path or "storage"))
        if parts.scheme == "s3" and parts.netloc:
            return _s3(parts.netloc, parts.path.strip("/"), parse_qs(parts.query))
        raise Refused("set it to file:PATH or s3://bucket/prefix?endpoint=&region=&path_style=1")

    return parse


def _s3(bucket: str, prefix: str, query: Mapping[str, list[str]]) -> S3Storage:
    unknown = set(query) - {"endpoint", "region", "path_style"}
    if unknown:
        raise Refused(f"{', '.join(sorted(unknown))} is not one of endpoint, region, path_style")
    endpoint = query.get("endpoint", [""])[0]
    if endpoint:
        _split(endpoint)
    return S3Storage(
        bucket=bucket,
        prefix=prefix,
        endpoint=endpoint.rstrip("/"),
        region=query.get("region", [""])[0],
        path_style=query.get("path_style", ["0"])[0] == "1",
    )


def broker(text: str) -> str:
    if text != "orm" and urlsplit(text).scheme not in ("redis", "rediss", "unix"):
        raise Refused("set it to orm, or to a Redis like redis://localhost:6379/0")
    return text


def database(text: str) -> str:
    """A libpq URL, checked by libpq itself."""
    if urlsplit(text).scheme not in ("postgres", "postgresql"):
        raise Refused("only PostgreSQL is supported: set it to postgres://user:password@host/database")
    try:
        psycopg.conninfo.conninfo_to_dict(text)
    except psycopg.Error:
        raise Refused("this is no PostgreSQL URL: escape special characters with %XX") from None
    return text


def email_url(text: str) -> str:
    if urlsplit(text).scheme not in Env.EMAIL_SCHEMES:
        raise Refused("set it to smtp://user:password@host:25, smtp+tls://... or consolemail://")
    return text


def secret_key(text: str) -> str:
    if len(text) < 50 or len(set(text)) < 5:
        raise Refused("use 50 or more random characters")
    return text


def secret_list(text: str) -> tuple[bytes, ...]:
    found = words(text)
    if not found or any(len(word) < SECRET_LENGTH for word in found):
        raise Refused(
            f"each secret needs {SECRET_LENGTH} or more random characters; newest first, commas between"
        )
    return tuple(word.encode() for word in found)


def fernet_keys(text: str) -> tuple[str, ...]:
    try:
        for key in words(text):
            Fernet(key)
    except ValueError:
        raise Refused("each must be a Fernet key: 32 random bytes in URL-safe base64") from None
    return tuple(words(text))
