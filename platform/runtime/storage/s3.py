"""Objects in a private bucket of S3, or of any server that speaks its protocol.

django-storages makes the connection (endpoint, addressing, the standard AWS credentials). Its file
objects are not used: they spool, upload in parts and never read back.
"""

from __future__ import annotations

import base64
import hashlib
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, TypedDict

from botocore.config import Config
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    NoCredentialsError,
    ParamValidationError,
    PartialCredentialsError,
)
from urllib3.exceptions import HTTPError

from runtime.storage.base import (
    Body,
    Bucket,
    Missing,
    Storage,
    StorageError,
    Stored,
    check_key,
    check_prefix,
    check_range,
)

if TYPE_CHECKING:
    from botocore.response import StreamingBody
    from mypy_boto3_s3 import S3Client

CONNECT_SECONDS, READ_SECONDS = 3.0, 10.0
_LASTING = (NoCredentialsError, PartialCredentialsError, ParamValidationError)
# Client errors that a second try may pass: a damaged or slow upload, a conflict, a busy server.
_PASSING = frozenset({"BadDigest", "IncompleteBody", "RequestTimeout", "SlowDown", "OperationAborted"})


class _Place(TypedDict):
    Bucket: str
    Key: str


class S3(Storage):
    """A bucket, or the part of it below a prefix. No object gets an ACL, a public URL or metadata."""

    def __init__(self, place: Bucket) -> None:
        self._place = place
        self._bucket = place.bucket
        self._below = f"{place.prefix.strip('/')}/" if place.prefix.strip("/") else ""
        self._lock = threading.Lock()
        self._connected: S3Client | None = None

    def _write(self, key: str, data: bytes, mime: str) -> None:
        place, digest = self._place_of(key), hashlib.md5(data, usedforsecurity=False).digest()
        declared = base64.b64encode(digest).decode()
        with _told(key):
            self._client.put_object(**place, Body=data, ContentType=mime, ContentMD5=declared)
            head = self._client.head_object(**place)
        whole = head["ContentLength"] == len(data)
        # The ETag is the MD5 on most servers, not on all (nor under a KMS key): then compare bytes.
        if not whole or (head["ETag"].strip('"') != digest.hex() and self.read(key) != data):
            raise StorageError(f"{key} was not stored whole.", retryable=True)

    def read(self, key: str) -> bytes:
        place = self._place_of(key)
        with _told(key):
            return self._client.get_object(**place)["Body"].read()

    def open(self, key: str, start: int = 0, end: int | None = None) -> Body:
        place = self._place_of(key)
        check_range(key, start, end)
        with _told(key):
            answer = self._client.get_object(**place, Range=f"bytes={start}-{'' if end is None else end - 1}")
        whole = "ContentRange" not in answer  # right when the whole was asked for, else a server's fault
        if whole and (start > 0 or (end is not None and answer["ContentLength"] > end)):
            answer["Body"].close()
            raise StorageError("The store does not answer ranges.")
        return _Stream(answer["Body"], key)

    def size(self, key: str) -> int:
        place = self._place_of(key)
        with _told(key):
            return self._client.head_object(**place)["ContentLength"]

    def delete(self, key: str) -> None:
        place = self._place_of(key)
        with _told(key):
            self._client.delete_object(**place)

    def list(self, prefix: str) -> Iterator[Stored]:
        below = self._below + check_prefix(prefix)
        with _told(prefix):
            pages = self._client.get_paginator("list_objects_v2")
            for page in pages.paginate(Bucket=self._bucket, Prefix=below):
                for item in page.get("Contents", ()):
                    yield Stored(item["Key"].removeprefix(self._below), item["Size"], item["LastModified"])

    def _place_of(self, key: str) -> _Place:
        return {"Bucket": self._bucket, "Key": self._below + check_key(key)}

    @property
    def _client(self) -> S3Client:
        """One client for all threads: it may be shared, only its making may not."""
        with self._lock:
            if self._connected is None:
                self._connected = _connect(self._place)
            return self._connected


def _connect(place: Bucket) -> S3Client:
    from storages.backends.s3 import S3Storage  # reads Django's settings when it is made

    config = Config(
        signature_version="s3v4",
        s3={"addressing_style": "path" if place.path_style else "auto"},
        # Newer checksums are not understood by every server that speaks S3; Content-MD5 is.
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
        connect_timeout=CONNECT_SECONDS,
        read_timeout=READ_SECONDS,
        retries={"total_max_attempts": 2, "mode": "standard"},
        max_pool_connections=64,
    )
    places: dict[str, Any] = {"endpoint_url": place.endpoint or None, "region_name": place.region or None}
    backend = S3Storage(bucket_name=place.bucket, client_config=config, **places)
    client: S3Client = backend.connection.meta.client
    return client


class _Stream:
    """The body of an answer; botocore itself notices one that ends before its declared length."""

    def __init__(self, body: StreamingBody, key: str) -> None:
        self._body, self._key = body, key

    def read(self, amount: int) -> bytes:
        with _told(self._key):
            return self._body.read(amount)

    def close(self) -> None:
        self._body.close()


@contextmanager
def _told(key: str) -> Iterator[None]:
    """Turns the client's errors into ours."""
    try:
        yield
    except ClientError as error:
        raise _refusal(key, error) from error
    except (BotoCoreError, HTTPError, OSError) as error:
        raise StorageError(f"{key}: {error}", retryable=not isinstance(error, _LASTING)) from error


def _refusal(key: str, error: ClientError) -> StorageError:
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 500)
    code = error.response.get("Error", {}).get("Code", "")
    if status == HTTPStatus.NOT_FOUND and code != "NoSuchBucket":
        return Missing(f"There is no object under {key}.")
    busy = status >= HTTPStatus.INTERNAL_SERVER_ERROR or status == HTTPStatus.TOO_MANY_REQUESTS
    return StorageError(f"{key}: {code} ({status})", retryable=busy or code in _PASSING)
