"""One contract for every store, kept by local files and by a real S3 server."""

from __future__ import annotations

import asyncio
import http.client
import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import cached_property
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import urlopen

import boto3
import pytest
from botocore.config import Config
from django.conf import settings

from config.parsing import FileStorage, S3Storage
from runtime import storage
from runtime.storage import AlreadyStored, Missing, Storage, StorageError
from runtime.storage.files import Files

ACCESS, SECRET = "tester-access", "tester-secret-key"
KEY = "live/20261120/team/job/1-1-0123456789abcdef.png"
DATA = bytes(range(256)) * 2400  # 614,400 bytes: three chunks


class Rclone:
    """A real S3 server over a folder; each bucket is a folder in it."""

    def __init__(self, root: Path) -> None:
        binary = Path(sys.executable).with_name("rclone")
        command = [
            binary,
            "serve",
            "s3",
            "--config",
            os.devnull,
            "--addr",
            "127.0.0.1:0",
            "--vfs-cache-mode",
            "off",
        ]
        command += ["--auth-key", f"{ACCESS},{SECRET}", root]
        self.root = root
        self.process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
        self.endpoint = next(
            f"http://{found[1]}"
            for line in self.process.stderr
            if (found := re.search(r"http://(127\.0\.0\.1:\d+)", line))
        )
        threading.Thread(target=self.process.stderr.read, daemon=True).start()

    @cached_property
    def client(self):
        return boto3.client(
            "s3", endpoint_url=self.endpoint, region_name="us-east-1", aws_access_key_id=ACCESS,
            aws_secret_access_key=SECRET,
            config=Config(signature_version="s3v4", s3={"addressing_style": "path"},
                          request_checksum_calculation="when_required"),
        )  # fmt: skip

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(10)


@pytest.fixture(scope="session")
def rclone(tmp_path_factory) -> Iterator[Rclone]:
    server = Rclone(tmp_path_factory.mktemp("rclone"))
    yield server
    server.stop()


@pytest.fixture(autouse=True)
def credentials(monkeypatch) -> None:
    for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_REGION", "AWS_DEFAULT_REGION", "AWS_ENDPOINT_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", ACCESS)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    if not settings.configured and "DJANGO_SETTINGS_MODULE" not in os.environ:
        settings.configure()


@pytest.fixture
def bucket(rclone: Rclone, tmp_path: Path) -> str:
    name = re.sub(r"[^a-z0-9]+", "-", tmp_path.name.lower()).strip("-")
    rclone.client.create_bucket(Bucket=name)
    return name


@pytest.fixture
def s3(rclone: Rclone, bucket: str) -> Storage:
    return storage.open_storage(S3Storage(bucket, "kept/here", rclone.endpoint, "us-east-1", path_style=True))


@pytest.fixture(params=["files", "s3"])
def store(request, tmp_path: Path) -> Storage:
    if request.param == "files":
        return storage.open_storage(FileStorage(tmp_path / "storage"))
    return request.getfixturevalue("s3")


async def chunks(store: Storage, *args) -> list[bytes]:
    return [chunk async for chunk in store.open_range(*args)]


def test_an_object_is_read_back_as_it_was_put(store: Storage) -> None:
    store.put(KEY, DATA, "image/png")
    assert store.read(KEY) == DATA
    assert store.size(KEY) == len(DATA)
    assert store.exists(KEY)


def test_an_object_streams_in_small_chunks(store: Storage) -> None:
    store.put(KEY, DATA, "image/png")
    parts = asyncio.run(chunks(store, KEY))
    assert b"".join(parts) == DATA
    assert max(map(len, parts)) <= storage.CHUNK


@pytest.mark.parametrize(
    "start, end", [(0, 1), (0, None), (255, 300_000), (300_000, None), (len(DATA) - 1, None), (5, 10**9)]
)
def test_a_range_is_exactly_its_bytes(store: Storage, start: int, end: int | None) -> None:
    store.put(KEY, DATA, "image/png")
    assert b"".join(asyncio.run(chunks(store, KEY, start, end))) == DATA[start:end]


@pytest.mark.parametrize("start, end", [(-1, 5), (5, 5), (7, 3), (len(DATA), None)])
def test_a_range_without_bytes_is_refused(store: Storage, start: int, end: int | None) -> None:
    store.put(KEY, DATA, "image/png")
    with pytest.raises(StorageError):
        store.open(KEY, start, end)


def test_a_key_is_written_once(store: Storage) -> None:
    store.put(KEY, DATA, "image/png")
    with pytest.raises(AlreadyStored):
        store.put(KEY, b"another", "image/png")
    assert store.read(KEY) == DATA


def test_what_is_not_there_is_said_to_be_missing(store: Storage) -> None:
    assert not store.exists(KEY)
    for call in (store.read, store.size, store.open):
        with pytest.raises(Missing):
            call(KEY)
    with pytest.raises(Missing):
        asyncio.run(chunks(store, KEY))


def test_deleting_removes_one_object_and_may_be_repeated(store: Storage) -> None:
    other = KEY.replace("1-1", "1-2")
    store.put(KEY, DATA, "image/png")
    store.put(other, b"other", "image/png")
    store.delete(KEY)
    store.delete(KEY)
    assert not store.exists(KEY)
    assert store.read(other) == b"other"
    store.delete(other)
    assert list(store.list("")) == []


def test_orphans_are_found_by_listing_the_prefix_of_a_day(store: Storage) -> None:
    old, new = "live/20261119/t/j/1-1-aa.png", "live/20261120/t/j/1-1-bb.webp"
    store.put(old, b"four", "image/png")
    store.put(new, b"sixsix", "image/webp")
    found = list(store.list("live/20261119/"))
    assert [(item.key, item.bytes) for item in found] == [(old, 4)]
    assert abs(found[0].modified - datetime.now(UTC)) < timedelta(minutes=5)
    assert {item.key for item in store.list("live/202611")} == {old, new}
    assert {item.key for item in store.list("")} == {old, new}
    assert list(store.list("test/")) == []


def test_more_objects_than_one_page_are_all_listed(rclone: Rclone, bucket: str, s3: Storage) -> None:
    for number in range(1001):
        rclone.client.put_object(Bucket=bucket, Key=f"kept/here/live/{number}.png", Body=b"x")
    assert len({item.key for item in s3.list("live/")}) == 1001


@pytest.mark.parametrize(
    "key",
    ["", "/a", "a/", "a//b", "..", "../a", "a/../b", "a/./b", ".a", "a/.b", "A", "a b", "a\\b", "a\0", "a\n",
     "ü", "a?b", "a%2fb", "x" * 513],
)  # fmt: skip
def test_a_key_that_is_not_plain_is_refused_everywhere(store: Storage, key: str) -> None:
    calls = [store.read, store.size, store.open, store.delete, lambda key: store.put(key, b"x", "image/png")]
    for call in calls:
        with pytest.raises(StorageError, match="not a storage key"):
            call(key)


@pytest.mark.parametrize("prefix", ["../", "/", "a/../", "A", "a//"])
def test_a_prefix_that_no_key_has_is_refused(store: Storage, prefix: str) -> None:
    with pytest.raises(StorageError, match="not a prefix"):
        list(store.list(prefix))


def test_nothing_is_not_stored(store: Storage) -> None:
    with pytest.raises(StorageError, match="no bytes"):
        store.put(KEY, b"", "image/png")


def test_the_async_twins_do_the_same_many_at_once(store: Storage) -> None:
    keys = [f"test/20261120/t/j/1-{number}-aa.png" for number in range(20)]

    async def journey() -> list[bytes]:
        await asyncio.gather(*(store.aput(key, key.encode(), "image/png") for key in keys))
        assert await store.aexists(keys[0])
        assert await store.asize(keys[0]) == len(keys[0])
        with pytest.raises(AlreadyStored):
            await store.aput(keys[0], b"again", "image/png")
        await store.adelete(keys[19])
        return list(await asyncio.gather(*(store.aread(key) for key in keys[:19])))

    assert asyncio.run(journey()) == [key.encode() for key in keys[:19]]
    assert not store.exists(keys[19])


# ---- files -----------------------------------------------------------------------------------


def test_files_are_private_and_leave_no_drafts(tmp_path: Path) -> None:
    root = tmp_path / "storage"
    Files(root).put(KEY, DATA, "image/png")
    assert [path for path in root.rglob("*") if path.is_file()] == [root / KEY]
    assert all(path.stat().st_mode & 0o077 == 0 for path in [root, *root.rglob("*")])


def test_two_writers_of_one_file_leave_the_first_ones_bytes(tmp_path: Path) -> None:
    store = Files(tmp_path)
    store._write(KEY, b"first", "image/png")
    with pytest.raises(AlreadyStored):
        store._write(KEY, b"second", "image/png")
    assert store.read(KEY) == b"first"


def test_what_a_crash_left_half_written_is_listed_as_an_orphan(tmp_path: Path) -> None:
    store = Files(tmp_path)
    store.put(KEY, DATA, "image/png")
    left = f"{KEY}.00112233.part"
    (tmp_path / left).write_bytes(b"half")
    assert {item.key for item in store.list("live/20261120/")} == {KEY, left}
    store.delete(left)
    assert [item.key for item in store.list("")] == [KEY]


def test_a_folder_that_is_a_file_fails_at_once_and_not_after_the_deadline(tmp_path: Path) -> None:
    (tmp_path / "storage").write_bytes(b"in the way")
    with pytest.raises(StorageError) as caught:
        Files(tmp_path / "storage").put(KEY, DATA, "image/png", deadline=3600)
    assert not caught.value.retryable


def test_a_file_that_shrinks_while_it_is_read_is_no_whole_answer(tmp_path: Path) -> None:
    store = Files(tmp_path)
    store.put(KEY, DATA, "image/png")
    body = store.open(KEY)
    os.truncate(tmp_path / KEY, 1000)
    with pytest.raises(StorageError, match="ended early"):
        b"".join(iter(lambda: body.read(storage.CHUNK), b""))
    body.close()


# ---- S3 --------------------------------------------------------------------------------------


def test_a_stored_object_opens_by_plain_http_with_a_signed_link_and_not_without(
    rclone: Rclone, bucket: str, s3: Storage
) -> None:
    s3.put(KEY, DATA, "image/png")
    place = {"Bucket": bucket, "Key": f"kept/here/{KEY}"}
    link = rclone.client.generate_presigned_url("get_object", Params=place, ExpiresIn=60)
    with urlopen(link) as answer:
        assert answer.read() == DATA
        assert answer.headers["Content-Type"] == "image/png"
    with pytest.raises(HTTPError) as caught:
        urlopen(link.partition("?")[0])
    assert caught.value.code in (400, 403)


def test_a_prefix_is_a_world_of_its_own(rclone: Rclone, bucket: str, s3: Storage) -> None:
    s3.put(KEY, DATA, "image/png")
    other = storage.open_storage(S3Storage(bucket, "kept/other", rclone.endpoint, path_style=True))
    assert not other.exists(KEY)
    assert list(other.list("")) == []


def test_wrong_credentials_fail_at_once(rclone: Rclone, bucket: str, monkeypatch) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "not-the-secret")
    store = storage.open_storage(S3Storage(bucket, "elsewhere", rclone.endpoint, path_style=True))
    with pytest.raises(StorageError) as caught:
        store.put(KEY, DATA, "image/png", deadline=3600)
    assert not caught.value.retryable


class Fault(ThreadingHTTPServer):
    """A proxy before the S3 server that harms what it is told to: `refusals` answers of 503 first;
    `damage` replaces each object behind the 200 that its writer sees."""

    daemon_threads = True
    refusals = 0
    seen = 0

    def __init__(self, rclone: Rclone, damage=None) -> None:
        super().__init__(("127.0.0.1", 0), _Relay)
        self.rclone, self.damage = rclone, damage
        self.behind = rclone.client
        self.endpoint = f"http://127.0.0.1:{self.server_port}"


class _Relay(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Fault

    def relay(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.server.seen += 1
        if self.server.refusals:
            self.server.refusals -= 1
            return self.send_error(503)
        upstream = http.client.HTTPConnection(self.server.rclone.endpoint.removeprefix("http://"))
        upstream.request(self.command, self.path, body, dict(self.headers))
        answer = upstream.getresponse()
        content = answer.read()
        if self.command == "PUT" and self.server.damage:
            bucket, _, key = self.path[1:].partition("/")
            self.server.behind.put_object(Bucket=bucket, Key=key, Body=self.server.damage(body))
        self.send_response_only(answer.status)
        for name, value in answer.getheaders():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)
        upstream.close()
        return None

    do_GET = do_PUT = do_HEAD = do_DELETE = relay

    def log_message(self, *args) -> None:
        pass


@contextmanager
def fault(rclone: Rclone, damage=None) -> Iterator[Fault]:
    proxy = Fault(rclone, damage)
    thread = threading.Thread(target=proxy.serve_forever, daemon=True)
    thread.start()
    yield proxy
    proxy.shutdown()
    proxy.server_close()


def behind(proxy: Fault, bucket: str) -> Storage:
    return storage.open_storage(S3Storage(bucket, "", proxy.endpoint, "us-east-1", path_style=True))


def test_an_undamaged_object_passes_the_proxy(rclone: Rclone, bucket: str) -> None:
    with fault(rclone) as proxy:
        behind(proxy, bucket).put(KEY, DATA, "image/png")
        assert behind(proxy, bucket).read(KEY) == DATA


@pytest.mark.parametrize(
    "damage",
    [lambda body: body[: len(body) // 2], lambda body: body[:-1], lambda body: body[:-1] + b"!"],
    ids=["half", "one byte short", "one byte wrong"],
)
def test_a_store_that_says_200_and_keeps_something_else_is_not_believed(
    rclone: Rclone, bucket: str, damage
) -> None:
    with fault(rclone, damage) as proxy, pytest.raises(StorageError, match="not stored whole") as caught:
        behind(proxy, bucket).put(KEY, DATA, "image/png", deadline=0)
    assert caught.value.retryable


def test_an_object_that_was_truncated_once_is_written_again(rclone: Rclone, bucket: str) -> None:
    with fault(rclone, lambda body: body[:100]) as proxy:
        store = behind(proxy, bucket)
        store._refuse_taken(KEY)
        with pytest.raises(StorageError):
            store._write(KEY, DATA, "image/png")
        proxy.damage = None
        store._write(KEY, DATA, "image/png")
        assert store.read(KEY) == DATA


def test_an_outage_is_waited_out_within_the_deadline(rclone: Rclone, bucket: str) -> None:
    with fault(rclone) as proxy:
        proxy.refusals = 5
        asyncio.run(behind(proxy, bucket).aput(KEY, DATA, "image/png", deadline=60))
        assert proxy.refusals == 0
        assert behind(proxy, bucket).read(KEY) == DATA


def test_an_outage_longer_than_the_deadline_is_an_error_worth_another_attempt(
    rclone: Rclone, bucket: str
) -> None:
    with fault(rclone) as proxy:
        proxy.refusals = 10**6
        with pytest.raises(StorageError) as caught:
            behind(proxy, bucket).put(KEY, DATA, "image/png", deadline=0.5)
        assert caught.value.retryable
        assert proxy.seen < 100


def test_a_server_that_is_not_there_is_an_error_worth_another_attempt(bucket: str) -> None:
    store = storage.open_storage(S3Storage(bucket, "", "http://127.0.0.1:9", path_style=True))
    with pytest.raises(StorageError) as caught:
        store.read(KEY)
    assert caught.value.retryable
