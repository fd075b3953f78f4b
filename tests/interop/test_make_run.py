"""What a newcomer types first: `make run`, and ctrl-C."""

import os
import pty
import select
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.peers import free_port

ROOT = Path(__file__).parents[2]
# A make around this test is none of its business.
ENVIRONMENT = {name: value for name, value in os.environ.items() if not name.startswith("MAKE") and name != "MFLAGS"}


def read_until(terminal: int, mark: bytes) -> bytes:
    """What the terminal shows, up to and with the mark, or to the end of the program."""
    shown = b""
    while mark not in shown and select.select([terminal], [], [], 60)[0]:
        try:
            part = os.read(terminal, 65536)
        except OSError:  # the other end is closed
            break
        if not part:
            break
        shown += part
    return shown


def test_it_serves_until_ctrl_c(tmp_path: Path) -> None:
    if shutil.which("make") is None or subprocess.run(["make", "-q", "build"], cwd=ROOT, env=ENVIRONMENT).returncode:
        pytest.skip("nothing was built by make, or not since the last change")
    port = free_port()
    child, terminal = pty.fork()
    if child == 0:
        os.chdir(ROOT)
        words = ["make", "run", f"PORT={port}", f"ARGS=--dir {tmp_path}"]
        os.execvpe(words[0], words, ENVIRONMENT)
    try:
        how = f"redis-cli -p {port}".encode()
        assert how in read_until(terminal, how)
        os.write(terminal, b"\x03")
        rest = read_until(terminal, b"bye bye...")
        assert b"Received SIGINT" in rest
        assert b"ready to exit" in rest
        rest += read_until(terminal, b"(not shown)")
    finally:
        _, status = os.waitpid(child, 0)
        os.close(terminal)
    # make itself ends by the signal, or tells that the server did; neither is a failure of the server.
    assert b"Error" not in rest
    assert os.waitstatus_to_exitcode(status) in (0, 2, -2, 130)
