"""Every option that another client tells of is one of ours, and --help tells of it."""

from __future__ import annotations

import re
import subprocess

import pytest

from redpoll.benchmark import options as benchmark
from redpoll.benchmark import usage as benchmark_usage
from redpoll.cli import options as cli
from redpoll.cli import usage as cli_usage
from tests.conftest import missing
from tests.peers import PeerMissing, find_tool

# What clients newer than the one that is installed here are documented to have (Redis 8.10, Valkey 9.1).
NEWER = {
    "redis-cli": [
        "-4", "-6", "-t", "--name", "--count", "--cursor", "--top", "--keystats", "--keystats-samples",
        "--latency-percentiles", "--vset-recall", "--vset-recall-count", "--vset-recall-ef", "--vset-recall-ele",
        "--hotkeys-count", "--mptcp",
    ],
    "redis-benchmark": [
        "--rps", "--seed", "--warmup", "--duration", "--num-functions", "--num-keys-in-fcall", "--rfr", "--mptcp",
        "--sequential", "--dataset", "--maxdocs", "--xml-root-element",
    ],
}  # fmt: skip
OURS = {"redis-cli": cli_usage.USAGE, "redis-benchmark": benchmark_usage.USAGE}


def documented(tool: str) -> set[str]:
    """The options that a real client's --help begins lines with."""
    try:
        done = subprocess.run([find_tool(tool), "--help"], capture_output=True, text=True, timeout=60, check=False)
    except PeerMissing as problem:
        missing(problem)
    return set(re.findall(r"^ {1,2}(--?[\w-]+)", done.stdout + done.stderr, re.MULTILINE))


@pytest.mark.parametrize("tool", OURS)
def test_every_option(tool: str) -> None:
    usage = OURS[tool]
    theirs = documented(tool) | set(NEWER[tool])
    assert len(theirs) > 30
    ours = set(re.findall(r"(?<![\w-])--?[a-zA-Z0-9][\w-]*", usage))
    assert theirs - ours == set()
    for name in theirs - {"--help", "--version", "--cluster", "-u", "--precision"}:
        # Some go only with others; but all are known.
        refusal = refused(tool, name)
        assert "nrecognized" not in refusal
        assert "Invalid option" not in refusal or name == "--rfr"


def refused(tool: str, name: str) -> str:
    """Why an option is not taken; empty: it is."""
    try:
        if tool == "redis-cli":
            cli.read_options([name, "1"], {}, print)
        else:
            benchmark.read_options([name, "1"], print)
    except (cli.Stop, benchmark.Stop) as stop:
        return stop.text
    return ""


@pytest.mark.parametrize(
    ("environment", "arguments", "place"),
    [
        ({}, [], ("127.0.0.1", 6379)),
        ({"VALKEYCLI_HOST": "there", "VALKEYCLI_PORT": "7000"}, [], ("there", 7000)),
        ({"VALKEYCLI_HOST": "there", "VALKEYCLI_PORT": "7000"}, ["-h", "here"], ("here", 7000)),
        ({"VALKEYCLI_HOST": "there", "VALKEYCLI_PORT": "7000"}, ["-u", "redis://:pw@h:1/2"], ("h", 1)),
        ({"VALKEYCLI_HOST": "", "VALKEYCLI_PORT": ""}, [], ("127.0.0.1", 6379)),
    ],
)
def test_the_place_from_the_environment(environment: dict, arguments: list[str], place: tuple) -> None:
    options = cli.read_options(["--no-auth-warning", *arguments], environment, print)
    assert (options.host, options.port) == place


def test_a_wrong_port_in_the_environment() -> None:
    with pytest.raises(cli.Stop) as caught:
        cli.read_options([], {"VALKEYCLI_PORT": "70000"}, print)
    assert caught.value.text == "Invalid server port.\n"
