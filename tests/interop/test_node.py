"""JavaScript's clients and what is built on them; `tests/interop/node` holds the tests, `make peers` installs all."""

import subprocess
from pathlib import Path

import pytest

from tests.peers import PeerMissing, Server, find_tool

FOLDER = Path(__file__).with_name("node")

#: Each test's file, what it needs, and how many checks it tells of.
TESTS = {
    "ioredis": ("ioredis", 7),
    "ioredis_tracking": ("ioredis", 2),
    "node_redis": ("redis", 6),
    "bullmq": ("bullmq", 4),
    "socketio": ("socket.io", 3),
}


@pytest.mark.parametrize("name", TESTS)
def test_node(networked_server: Server, name: str) -> None:
    package, checks = TESTS[name]
    try:
        node = find_tool("node")
    except PeerMissing as missing:
        pytest.skip(str(missing))
    if not (FOLDER / "node_modules" / package).is_dir():
        pytest.skip(f"{package} is not installed (`make peers` brings it)")
    done = subprocess.run(
        [node, f"{name}_test.js", str(networked_server.port)],
        cwd=FOLDER,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("ok ") == checks
