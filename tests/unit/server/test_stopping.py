"""How a server ends: signals, the pid file, connections, the exit status; and how it does not start."""

import os
import pty
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.peers import free_port
from tests.resp import Connection


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


def test_a_port_that_is_taken_is_told(make_server) -> None:
    server = make_server()
    command = [sys.executable, "-m", "redpoll", "--port", str(server.port), "--bind", "127.0.0.1"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)
    assert done.returncode == 1
    assert f"Failed listening on port {server.port} (tcp), aborting." in done.stdout + done.stderr
