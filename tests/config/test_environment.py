"""Every environment variable: what it becomes, and the sentence when it makes no sense."""

import os
import stat
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from ipaddress import ip_network
from pathlib import Path

import pytest
from cryptography.fernet import Fernet

from config import environment
from config.environment import Environment, EnvironmentProblem
from config.parsing import FileStorage, S3Storage

ROOT = Path(__file__).parents[2]
LONG = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"


def read(data: Path, **variables: str) -> Environment:
    return environment.read({"EASEL_DATA": str(data), **variables})


def complaint(data: Path, **variables: str) -> str:
    with pytest.raises(EnvironmentProblem) as caught:
        read(data, **variables)
    return str(caught.value)


def production(**more: str) -> dict[str, str]:
    return {
        "EASEL_ENV": "production",
        "EASEL_URL": "https://easel.example",
        "DATABASE_URL": "postgres://easel:secret@db/easel",
        "EASEL_SECRET_KEY": LONG,
        "EASEL_KEY_PEPPERS": LONG,
        "EASEL_SEAL_KEY": LONG,
        "EASEL_ENCRYPTION_KEYS": Fernet.generate_key().decode(),
        **more,
    }


def test_an_empty_environment_is_a_working_development_machine(tmp_path: Path) -> None:
    ours = read(tmp_path)
    assert (ours.env, ours.url, ours.host, ours.port) == (
        "development",
        "http://localhost:8000",
        "127.0.0.1",
        8000,
    )
    assert (ours.broker, ours.concurrency, ours.workers, ours.cluster) == ("orm", 200, 3, "easel-1")
    assert ours.storage == FileStorage(tmp_path / "storage")
    assert not ours.secure


def test_doors_get_host_names_of_their_own_on_the_demo(tmp_path: Path) -> None:
    ours = read(tmp_path, PORT="9001")
    assert ours.door_hosts == {
        f"{door}.localhost:9001": door for door in ("evolink", "openai", "toapis", "gemini", "gmi")
    }


def test_door_hosts_are_pairs_in_lower_case(tmp_path: Path) -> None:
    ours = read(tmp_path, EASEL_DOOR_HOSTS="EvoLink.Example.com=evolink, api.example.com:8443=openai")
    assert ours.door_hosts == {"evolink.example.com": "evolink", "api.example.com:8443": "openai"}


def test_development_makes_its_secrets_once_and_keeps_them_private(tmp_path: Path) -> None:
    first, second = read(tmp_path), read(tmp_path)
    assert first == second
    assert len(first.secret_key) >= 50
    assert all(len(pepper) >= 32 for pepper in (*first.key_peppers, *first.seal_keys))
    Fernet(first.encryption_keys[0])
    assert stat.S_IMODE((tmp_path / "secrets.json").stat().st_mode) == 0o600


def test_many_processes_at_the_first_start_agree_on_the_secrets(tmp_path: Path) -> None:
    with ThreadPoolExecutor(16) as pool:
        found = set(pool.map(lambda _: read(tmp_path).secret_key, range(64)))
    assert len(found) == 1
    assert [file.name for file in tmp_path.iterdir()] == ["secrets.json"]


def test_no_secret_shows_in_the_environments_repr(tmp_path: Path) -> None:
    ours = read(tmp_path, **production(EASEL_GEMINI_API_KEY="upstream-key", EASEL_BROKER="redis://:pw@r/0"))
    for secret in (LONG, "upstream-key", "secret@db", ":pw@", ours.encryption_keys[0]):
        assert secret not in repr(ours)


def test_production_names_everything_that_is_missing_at_once(tmp_path: Path) -> None:
    said = complaint(tmp_path, EASEL_ENV="production")
    for name in environment.REQUIRED_IN_PRODUCTION:
        assert f"{name} is not set" in said
    assert not (tmp_path / "secrets.json").exists(), "production makes no secrets"


def test_production_with_everything_set_starts(tmp_path: Path) -> None:
    ours = read(tmp_path, **production(EASEL_KEY_PEPPERS=f"{LONG}new,{LONG}old"))
    assert ours.production
    assert ours.secure
    assert ours.key_peppers == (f"{LONG}new".encode(), f"{LONG}old".encode())
    assert ours.door_hosts == {}
    assert ours.operator_factors == "required"
    lenient = read(tmp_path, **production(EASEL_OPERATOR_FACTORS="optional"))
    assert lenient.operator_factors == "optional"


def test_secret_lists_are_newest_first(tmp_path: Path) -> None:
    new, old = Fernet.generate_key().decode(), Fernet.generate_key().decode()
    assert read(tmp_path, EASEL_ENCRYPTION_KEYS=f"{new}, {old}").encryption_keys == (new, old)


def test_s3_storage_takes_endpoint_region_and_path_style(tmp_path: Path) -> None:
    ours = read(
        tmp_path,
        EASEL_STORAGE="s3://pictures/easel/live?endpoint=http://127.0.0.1:9000&region=eu-1&path_style=1",
    )
    assert ours.storage == S3Storage(
        "pictures", "easel/live", "http://127.0.0.1:9000", "eu-1", path_style=True
    )


@pytest.mark.parametrize(
    ("text", "path"),
    [("file:", "storage"), ("file:pictures", "pictures"), ("file:///srv/pictures", "/srv/pictures")],
)
def test_file_storage_is_under_the_data_folder_unless_absolute(tmp_path: Path, text: str, path: str) -> None:
    assert read(tmp_path, EASEL_STORAGE=text).storage == FileStorage(tmp_path / path)


def test_proxies_and_egress_are_networks_and_exact_pairs(tmp_path: Path) -> None:
    ours = read(
        tmp_path,
        EASEL_ENV="test",
        EASEL_TRUSTED_PROXIES="10.0.0.0/8, 192.0.2.7",
        EASEL_TEST_EGRESS="127.0.0.1:9443,[::1]:9444",
    )
    assert ours.trusted_proxies == (ip_network("10.0.0.0/8"), ip_network("192.0.2.7/32"))
    assert ours.test_egress == (("127.0.0.1", 9443), ("::1", 9444))


def test_clocks_can_be_shortened_by_name(tmp_path: Path) -> None:
    ours = read(tmp_path, EASEL_LEASE_SECONDS="3", EASEL_RENEW_SECONDS="0.5", EASEL_STOP_SECONDS="7")
    assert (ours.lease_seconds, ours.renew_seconds, ours.stop_seconds) == (3, 0.5, 7)
    assert (ours.attempt_seconds, ours.sync_wait_seconds, ours.silence_seconds) == (90, 120, 45)


@pytest.mark.parametrize(
    ("name", "value", "remedy"),
    [
        ("EASEL_ENV", "prod", "set it to one of development, test, production"),
        ("PORT", "http", "a whole number from 1 to 65535"),
        ("PORT", "70000", "a whole number from 1 to 65535"),
        ("EASEL_URL", "easel.example", "an address like https://easel.example"),
        ("EASEL_URL", "https://easel.example/app", "scheme, host and port only"),
        ("EASEL_DOOR_HOSTS", "evolink.example.com", "write host=dialect pairs"),
        ("EASEL_DOOR_HOSTS", "a.example=evolink,a.example=openai", "one host opens one door"),
        ("DATABASE_URL", "mysql://u@h/d", "only PostgreSQL is supported"),
        ("DATABASE_URL", "postgres://u:p%zz@h/d", "escape special characters"),
        ("EASEL_SECRET_KEY", "short", "50 or more random characters"),
        ("EASEL_KEY_PEPPERS", f"{LONG},short", "32 or more random characters"),
        ("EASEL_ENCRYPTION_KEYS", LONG, "must be a Fernet key"),
        ("EASEL_SEAL_KEY", ",", "32 or more random characters"),
        ("EASEL_STORAGE", "gs://bucket", "file:PATH or s3://"),
        ("EASEL_STORAGE", "s3://bucket?acl=public", "acl is not one of"),
        ("EASEL_BROKER", "rabbit://x", "a Redis like redis://localhost"),
        ("EASEL_TRUSTED_PROXIES", "10.0.0.1/8", "list networks"),
        ("EASEL_EGRESS_ALLOW", "intranet", "list networks"),
        ("EASEL_SIGNUP", "closed", "set it to one of open, invited"),
        ("EASEL_OPERATOR_FACTORS", "no", "set it to one of required, optional"),
        ("EASEL_SUPPORT_EMAIL", "me", "one e-mail address"),
        ("EASEL_CONCURRENCY", "0", "a whole number from 1 to 5000"),
        ("EASEL_WORKERS", "1", "a whole number from 2 to 64"),
        ("EASEL_LEASE_SECONDS", "-3", "a number of seconds above 0"),
        ("EASEL_RENEW_SECONDS", "30", "must be less than EASEL_LEASE_SECONDS"),
        ("EASEL_GEMINI_BASE_URL", "not a url", "an address like"),
        ("EMAIL_URL", "pigeon://x", "set it to smtp://"),
        ("EASEL_AS_OWNER", "1", "DATABASE_ADMIN_URL is not set"),
    ],
)
def test_a_bad_value_is_refused_in_a_sentence_with_the_remedy(
    tmp_path: Path, name: str, value: str, remedy: str
) -> None:
    said = complaint(tmp_path, **{name: value})
    assert name in said or "DATABASE_ADMIN_URL" in said
    assert remedy in said


def test_a_bad_secret_is_not_repeated_in_the_complaint(tmp_path: Path) -> None:
    said = complaint(tmp_path, EASEL_SECRET_KEY="my-weak-secret", DATABASE_URL="mysql://u:pass-word@h/d")
    assert "my-weak-secret" not in said
    assert "pass-word" not in said


def test_production_refuses_plain_http_except_on_this_machine(tmp_path: Path) -> None:
    assert "https" in complaint(tmp_path, **production(EASEL_URL="http://easel.example"))
    assert not read(tmp_path, **production(EASEL_URL="http://localhost:8000")).secure


@pytest.mark.parametrize("env", ["development", "production"])
def test_test_egress_anywhere_else_ends_the_start_with_code_1(tmp_path: Path, env: str) -> None:
    variables = production() if env == "production" else {"EASEL_ENV": env}
    started = subprocess.run(
        [sys.executable, "-c", "import config.settings"],
        env={
            **variables,
            "EASEL_DATA": str(tmp_path),
            "EASEL_TEST_EGRESS": "127.0.0.1:9443",
            "PYTHONPATH": f"{ROOT / 'platform'}:{ROOT}",
            "PATH": os.environ["PATH"],
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert started.returncode == 1
    assert "EASEL_TEST_EGRESS" in started.stderr
    assert "Traceback" not in started.stderr


def test_a_data_folder_that_cannot_be_written_is_a_sentence(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.touch()
    assert "set EASEL_DATA to a folder you own" in complaint(file / "data")


ROBOT = '{"type": "service_account", "private_key": "x", "client_email": "a@b", "project_id": "atelier"}'


def test_a_service_account_is_its_json_or_the_path_of_it(tmp_path: Path) -> None:
    file = tmp_path / "robot.json"
    file.write_text(ROBOT)
    for value in (ROBOT, str(file)):
        ours = read(tmp_path, EASEL_VERTEX_CREDENTIALS=value, EASEL_VERTEX_LOCATION="us-central1")
        assert (ours.vertex_credentials, ours.vertex_project) == (ROBOT, "atelier")
        assert ours.vertex_location == "us-central1"
        assert "private_key" not in repr(ours)
    assert read(tmp_path, EASEL_VERTEX_CREDENTIALS=ROBOT, EASEL_VERTEX_PROJECT="b").vertex_project == "b"


@pytest.mark.parametrize("value", ["AIza-a-key", "/nowhere.json", "{}", '{"type": "authorized_user"}', "{"])
def test_what_is_no_service_account_is_refused_without_a_word_of_it(tmp_path: Path, value: str) -> None:
    told = complaint(tmp_path, EASEL_VERTEX_CREDENTIALS=value)
    assert told.startswith(
        "EASEL_VERTEX_CREDENTIALS: set it to the JSON key of a Google Cloud service account"
    )
