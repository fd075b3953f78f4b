"""`redis-cli` and `redis-benchmark`, as Debian brings them."""

import csv
import io
import subprocess

import pytest

from tests.peers import PeerMissing, Server, find_tool


def run(tool: str, server: Server, *words: str, input: bytes = b"", seconds: float = 60) -> str:  # noqa: A002
    """Run a tool against a server and return what it printed."""
    try:
        path = find_tool(tool)
    except PeerMissing as missing:
        pytest.skip(str(missing))
    command = [path, "-h", server.host, "-p", str(server.port), *words]
    done = subprocess.run(command, input=input, capture_output=True, timeout=seconds, check=False)
    assert done.returncode == 0, done.stderr.decode() + done.stdout.decode()
    return done.stdout.decode("utf-8", "surrogateescape")


def test_cli_runs_one_command(networked_server: Server) -> None:
    assert run("redis-cli", networked_server, "SET", "key", "value") == "OK\n"
    assert run("redis-cli", networked_server, "GET", "key") == "value\n"
    assert run("redis-cli", networked_server, "-3", "GET", "key") == "value\n"


def test_cli_reads_commands_from_its_input(networked_server: Server) -> None:
    told = run("redis-cli", networked_server, input=b'SET key "a b"\nGET key\nINCR n\nNOSUCH\n')
    assert told.startswith("OK\na b\n1\nERR")


def test_cli_loads_a_million_bytes_of_pipe(networked_server: Server) -> None:
    commands = b"".join(b"*3\r\n$3\r\nSET\r\n$8\r\n%08d\r\n$5\r\nvalue\r\n" % number for number in range(25_000))
    assert "errors: 0, replies: 25000" in run("redis-cli", networked_server, "--pipe", input=commands)
    assert run("redis-cli", networked_server, "DBSIZE") == "25000\n"


def test_cli_scans(networked_server: Server) -> None:
    run("redis-cli", networked_server, "MSET", *[word for number in range(100) for word in (f"key:{number}", "v")])
    found = run("redis-cli", networked_server, "--scan", "--pattern", "key:*").split()
    assert sorted(set(found)) == sorted(f"key:{number}" for number in range(100))


@pytest.mark.parametrize("pipeline", [1, 16, 64])
def test_benchmark_runs(networked_server: Server, pipeline: int) -> None:
    words = ["-n", "5000", "-c", "20", "-r", "1000", "-P", str(pipeline), "-t", "ping,set,get,incr,mset", "--csv"]
    rows = list(csv.DictReader(io.StringIO(run("redis-benchmark", networked_server, *words))))
    assert [row["test"].split()[0] for row in rows] == ["PING_INLINE", "PING_MBULK", "SET", "GET", "INCR", "MSET"]
    assert all(float(row["rps"]) > 0 for row in rows)


def test_benchmark_runs_its_own_commands(networked_server: Server) -> None:
    words = ["-n", "4800", "-r", "100", "-P", "16", "SET", "key:__rand_int__", "value"]
    assert "4800 requests completed" in run("redis-benchmark", networked_server, *words)
    assert 1 <= int(run("redis-cli", networked_server, "DBSIZE")) <= 100
