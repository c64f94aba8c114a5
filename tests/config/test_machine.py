"""What stops `up` before it starts anything."""

import socket
from pathlib import Path

import pytest

from config import machine


def test_a_taken_port_is_one_sentence_that_names_another() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(machine.MachineProblem, match=rf"Port {port} is taken: .* PORT={port + 1}\.$"):
            machine.refuse_taken_port("127.0.0.1", port)


def test_a_free_port_is_fine() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    machine.refuse_taken_port("127.0.0.1", port)


def test_an_address_of_another_machine_is_refused() -> None:
    with pytest.raises(machine.MachineProblem, match="set HOST and PORT"):
        machine.refuse_taken_port("192.0.2.1", 8000)


def test_two_may_not_run_on_the_same_data(tmp_path: Path) -> None:
    with (
        machine.alone(tmp_path),
        pytest.raises(machine.MachineProblem, match="its own EASEL_DATA"),
        machine.alone(tmp_path),
    ):
        pass
    with machine.alone(tmp_path):
        pass


def test_another_servers_database_is_not_watched(tmp_path: Path) -> None:
    with machine.watched_database(tmp_path / "postgres", "postgres://easel@db.example/easel"):
        assert not (tmp_path / "postgres").exists()
