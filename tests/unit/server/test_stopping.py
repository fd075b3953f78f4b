"""How a server ends: signals, the pid file, connections, the exit status; and how it does not start."""

import contextlib
import os
import pty
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.peers import free_port
from tests.resp import Connection, ConnectionClosed


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signals_stop_it_cleanly(make_server, tmp_path: Path, number: signal.Signals) -> None:
    pid_file = tmp_path / "pid"
    socket_file = tmp_path / "socket"
    server = make_server(pidfile=pid_file, unixsocket=socket_file)
    assert pid_file.read_text() == f"{server.pid}\n"
    with server.connect() as client:
        assert client.call("SET", "k", "v") == "OK"
        os.kill(server.pid, number)
        assert client.is_closed_by_server()
    assert server.process.wait(10) == 0
    log = server.log()
    assert f"Received {number.name} scheduling shutdown" in log
    assert log.rstrip().endswith("Redpoll is now ready to exit, bye bye...")
    assert not pid_file.exists()
    with pytest.raises(OSError):
        Connection(server.port)


def test_a_terminal_s_interrupt_stops_it(tmp_path: Path) -> None:
    """Ctrl-C reaches every process of the terminal's foreground group."""
    port = free_port()
    command = [sys.executable, "-m", "redpoll", "--port", str(port), "--bind", "127.0.0.1", "--save", ""]
    process, terminal = pty.fork()
    if process == 0:
        os.chdir(tmp_path)
        os.execv(sys.executable, command)
    shown = b""
    while b"Ready to accept connections" not in shown:
        shown += os.read(terminal, 65536)
    os.write(terminal, b"\x03")
    _, status = os.waitpid(process, 0)
    assert os.waitstatus_to_exitcode(status) == 0
    os.close(terminal)


def dump_of(make_server, folder: Path) -> Path:
    """A snapshot of a thousand keys."""
    server = make_server(save="3600 1", dir=folder, enable_debug_command="yes")
    with server.connect() as client:
        client.call("DEBUG", "POPULATE", "1000")
        client.call("SET", "last", "v")
        assert client.call("SAVE") == "OK"
        client.send("SHUTDOWN", "NOSAVE")
        assert client.is_closed_by_server()
    assert server.process.wait(10) == 0
    return folder / "dump.rdb"


@pytest.mark.parametrize("how", ["SIGTERM", "SIGINT", "SHUTDOWN", "SHUTDOWN SAVE"])
def test_whoever_stops_while_loading_writes_over_nothing(make_server, tmp_path: Path, how: str) -> None:
    file = dump_of(make_server, tmp_path)
    before = file.read_bytes()
    command = [sys.executable, "-m", "redpoll", "--bind", "127.0.0.1", "--dir", str(tmp_path), "--save", "1 1"]
    command += ["--port", str(port := free_port()), "--key-load-delay", "100000", "--logfile", str(tmp_path / "log")]
    command += ["--pidfile", str(tmp_path / "pid"), "--unixsocket", str(tmp_path / "socket")]
    process = subprocess.Popen(command, cwd=Path.cwd())
    try:
        until(lambda: (tmp_path / "log").exists() and "Server initialized" in (tmp_path / "log").read_text())
        with Connection(port) as client:
            assert str(client.call("GET", "last")).startswith("LOADING ")
            if how.startswith("SIG"):
                os.kill(process.pid, getattr(signal, how))
            else:
                client.send(*how.split())
            assert client.is_closed_by_server()
        assert process.wait(10) == 0
    finally:
        process.kill()
        process.wait()
    assert file.read_bytes() == before
    assert not (tmp_path / "pid").exists()
    assert not (tmp_path / "socket").exists()
    assert "Ready to accept connections" not in (tmp_path / "log").read_text()


def until(condition) -> None:
    """Wait for something that another process does."""
    end = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < end, "it does not come"
        time.sleep(0.005)


@pytest.mark.parametrize(
    ("number", "directive", "how", "saves"),
    [
        (signal.SIGTERM, "shutdown-on-sigterm", "default", False),
        (signal.SIGTERM, "shutdown-on-sigterm", "save", True),
        (signal.SIGINT, "shutdown-on-sigterm", "save", False),
        (signal.SIGINT, "shutdown-on-sigint", "save now", True),
    ],
)
def test_what_signals_do_is_configured(make_server, number, directive: str, how: str, saves: bool) -> None:
    server = make_server()
    with server.connect() as client:
        assert client.call("CONFIG", "SET", directive, how) == "OK"
        assert client.call("SET", "k", "v") == "OK"
    os.kill(server.pid, number)
    assert server.process.wait(10) == 0
    assert (server.folder / "dump.rdb").exists() == saves


def test_signals_need_not_save(make_server) -> None:
    server = make_server(save="3600 1", shutdown_on_sigterm="nosave")
    with server.connect() as client:
        assert client.call("SET", "k", "v") == "OK"
    os.kill(server.pid, signal.SIGTERM)
    assert server.process.wait(10) == 0
    assert not (server.folder / "dump.rdb").exists()


def test_what_cannot_be_saved_keeps_it_running(make_server) -> None:
    server = make_server(save="3600 1", dbfilename="dump.rdb")
    (server.folder / "dump.rdb").mkdir()
    (server.folder / "dump.rdb" / "in the way").touch()
    with server.connect() as client:
        assert client.call("SET", "k", "v") == "OK"
        for times in (1, 2):
            os.kill(server.pid, signal.SIGTERM)
            until(lambda: server.log().count("Errors trying to save. Can't exit") == times)  # noqa: B023
            assert client.call("GET", "k") == b"v"
        assert client.call("CONFIG", "SET", "shutdown-on-sigterm", "force") == "OK"
        os.kill(server.pid, signal.SIGTERM)
        assert client.is_closed_by_server()
    assert server.process.wait(10) == 0


def test_what_comes_behind_a_shutdown_is_not_run(make_server, tmp_path: Path) -> None:
    """It would be acknowledged, and in no snapshot."""
    server = make_server(save="3600 1", dir=tmp_path, enable_debug_command="yes")
    with server.connect() as client, server.connect() as other:
        assert client.call("SET", "k", "v") == "OK"
        # Both are read in the turn after this one.
        client.send("DEBUG", "SLEEP", "0.3")
        other.send("SHUTDOWN", "SAVE")
        other.send("SET", "k", "behind")
        time.sleep(0.1)
        client.send("SET", "k", "beside")
        answered = []
        with contextlib.suppress(ConnectionClosed, OSError):
            while True:
                answered.append(client.read())
        assert answered in (["OK"], ["OK", "OK"])
        assert other.is_closed_by_server()
    assert server.process.wait(10) == 0
    again = make_server(save="3600 1", dir=tmp_path)
    with again.connect() as client:
        assert client.call("GET", "k") == (b"beside" if len(answered) == 2 else b"v")


def test_a_port_that_is_taken_is_told(make_server) -> None:
    server = make_server()
    command = [sys.executable, "-m", "redpoll", "--port", str(server.port), "--bind", "127.0.0.1"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)
    assert done.returncode == 1
    assert f"Failed listening on port {server.port} (tcp), aborting." in done.stdout + done.stderr
