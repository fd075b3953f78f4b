"""JavaScript's clients; `tests/interop/node` holds their tests, `make peers` installs them."""

import subprocess
from pathlib import Path

import pytest

from tests.peers import PeerMissing, Server, find_tool

FOLDER = Path(__file__).with_name("node")


def test_ioredis(any_server: Server) -> None:
    try:
        node = find_tool("node")
    except PeerMissing as missing:
        pytest.skip(str(missing))
    if not (FOLDER / "node_modules" / "ioredis").is_dir():
        pytest.skip("ioredis is not installed (`make peers` brings it)")
    done = subprocess.run(
        [node, "ioredis_test.js", str(any_server.port)],
        cwd=FOLDER,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("ok ") == 7
