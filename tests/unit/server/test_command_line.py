"""What `redpoll-server` takes and says: options, files, standard input, daemons, supervisors, logs."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from redpoll.version import REDIS_VERSION, VERSION
from tests.peers import free_port
from tests.resp import Connection
from tests.unit.server.test_stopping import until

COMMAND = [sys.executable, "-m", "redpoll"]


def run(*words: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
    """Run it to its end."""
    return subprocess.run([*COMMAND, *words], input=stdin, capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.parametrize("word", ["-v", "--version"])
def test_its_version(word: str) -> None:
    done = run(word)
    assert done.returncode == 0
    assert done.stdout.startswith(f"Redpoll server v={VERSION} redis={REDIS_VERSION} bits=64 python=3.")


@pytest.mark.parametrize("word", ["-h", "--help"])
def test_its_help(word: str) -> None:
    done = run(word)
    assert done.returncode == 0
    assert "redpoll-server redpoll.conf" in done.stdout
    named = Path(done.stdout.rstrip().rpartition(" ")[2])
    assert named.name == "redpoll.conf"
    assert named.is_file()


def test_the_machine_is_looked_at() -> None:
    done = run("--check-system")
    lines = done.stdout.splitlines()
    assert {line.partition("]")[0] for line in lines} >= {"[clock", "[descriptors"}
    assert all("] OK: " in line or "] WARNING: " in line for line in lines)
    assert done.returncode == int(any("] WARNING: " in line for line in lines))


def test_a_bad_directive_is_told_with_its_place(tmp_path: Path) -> None:
    file = tmp_path / "redpoll.conf"
    file.write_text("# a comment\nport 7000\nmaxmemory lots\n")
    done = run(str(file))
    assert done.returncode == 1
    assert str(file) in done.stderr
    assert "3" in done.stderr
    assert "maxmemory lots" in done.stderr
    assert "argument must be a memory value" in done.stderr


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A short path, for sockets."""
    return tmp_path


def started(words: list[str], port: int, stdin: str = "", **environment: str) -> subprocess.Popen[str]:
    """One that has begun to answer."""
    process = subprocess.Popen(
        [*COMMAND, *words], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=os.environ | environment
    )
    assert process.stdin is not None
    process.stdin.write(stdin)
    process.stdin.close()
    until(lambda: answers(port))
    return process


def answers(port: int) -> bool:
    try:
        with Connection(port) as client:
            return client.call("PING") == "PONG"
    except OSError:
        return False


def ended(process: subprocess.Popen[str]) -> str:
    """What it printed, once it has been told to stop."""
    process.terminate()
    assert process.stdout is not None
    text = process.stdout.read()
    process.stdout.close()
    assert process.wait(20) == 0
    return text


def test_standard_input_and_options(folder: Path) -> None:
    port = free_port()
    text = f'bind 127.0.0.1\nport 1\nsave ""\ndir {folder}\nmaxmemory 1gb\n'
    process = started(["-", "--port", str(port), "--hz", "20", "--save", ""], port, text)
    with Connection(port) as client:
        assert client.call("CONFIG", "GET", "maxmemory", "hz", "save") == [
            *(b"maxmemory", b"1073741824", b"hz", b"20", b"save", b"")
        ]
    assert "Ready to accept connections tcp" in ended(process)


@pytest.mark.parametrize("layout", ["json", "logfmt", "legacy"])
def test_layouts_of_the_log(folder: Path, layout: str) -> None:
    port = free_port()
    file = folder / "server.log"
    words = ["--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", str(folder), "--logfile", str(file)]
    process = started([*words, "--log-format", layout, "--log-timestamp-format", "iso8601"], port)
    assert ended(process) == ""
    lines = file.read_text().splitlines()
    if layout == "json":
        entries = [json.loads(line) for line in lines]
        assert {entry["pid"] for entry in entries} == {process.pid}
        assert {entry["role"] for entry in entries} == {"primary"}
        assert {"notice", "warning"} == {entry["level"] for entry in entries}
        assert entries[-1]["message"] == "Redpoll is now ready to exit, bye bye..."
    elif layout == "logfmt":
        assert all(line.startswith(f"pid={process.pid} role=primary timestamp=") for line in lines)
    else:
        assert all(line.startswith(f"{process.pid}:M ") for line in lines)


def test_a_daemon(folder: Path) -> None:
    port = free_port()
    words = ["--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", str(folder), "--daemonize", "yes"]
    done = run(*words, "--pidfile", str(folder / "pid"), "--logfile", str(folder / "log"))
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    until(lambda: answers(port))
    pid = int((folder / "pid").read_text())
    assert os.getsid(pid) == pid
    with Connection(port) as client:
        assert f"process_id:{pid}\r\n" in client.call("INFO", "server").decode()
    os.kill(pid, signal.SIGTERM)
    until(lambda: not (folder / "pid").exists())


@pytest.mark.parametrize("supervised", ["systemd", "auto"])
def test_systemd_is_told(folder: Path, supervised: str) -> None:
    port = free_port()
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(str(folder / "notify"))
        systemd.settimeout(20)
        words = ["--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", str(folder)]
        # A supervised server stays where it is, whatever `daemonize` says.
        words += ["--supervised", supervised, "--daemonize", "yes", "--pidfile", str(folder / "pid")]
        process = started(words, port, NOTIFY_SOCKET=str(folder / "notify"))
        assert systemd.recv(1000) == b"STATUS=Ready to accept connections\nREADY=1\n"
        with Connection(port) as client:
            text = client.call("INFO", "server").decode()
            assert "process_supervised:systemd\r\n" in text
            assert f"process_id:{process.pid}\r\n" in text
        ended(process)
        assert systemd.recv(1000) == b"STOPPING=1\n"


def test_a_supervisor_that_is_not_there_is_told(folder: Path) -> None:
    port = free_port()
    words = ["--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", str(folder)]
    process = started([*words, "--supervised", "systemd"], port, NOTIFY_SOCKET="")
    assert "supervised is systemd, but NOTIFY_SOCKET is not set" in ended(process)


def test_what_has_no_effect_is_told(folder: Path) -> None:
    port = free_port()
    words = ["--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", str(folder)]
    process = started([*words, "--dynamic-hz", "no", "--replica-priority", "5"], port)
    text = ended(process)
    assert "The directive 'dynamic-hz' is accepted and kept, and changes nothing: the cron does no work for" in text
    assert "The directive 'replica-priority' is accepted and kept, but nothing acts on it yet" in text
