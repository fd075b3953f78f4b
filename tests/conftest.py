"""Servers as fixtures, and transcripts as tests.

- `server`: a Redpoll server shared by the whole run, with empty databases at each test's beginning.
- `client`: a raw connection to it (`tests/resp.py`).
- `make_server(**options)`: starts more, or others (`make_server("redis82")`); stopped after the test.
- `peer_server`: the test runs once for each real server that is installed.

`pytest --peer redis82` (again, or with commas, for more) keeps transcripts and `peer_server` to those; Redpoll
itself is `--peer redpoll`.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

from tests import peers, transcript
from tests.peers import NAMES, PeerMissing, Pool, Server
from tests.resp import Connection

_POOL = pytest.StashKey[Pool]()

# The same examples in every run, however busy the machine: a run that fails, fails again. Others are looked for by
# `pytest --hypothesis-profile=exploring`. A fixture that all examples of a test share is what these tests are about.
_COMMON = settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
settings.register_profile("repeatable", _COMMON, derandomize=True, database=None)
settings.register_profile("exploring", _COMMON)
settings.load_profile("repeatable")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--peer",
        action="append",
        default=[],
        metavar="NAME",
        help=f"only these servers for transcripts and peer tests: {', '.join(NAMES)} (all)",
    )


def pytest_configure(config: pytest.Config) -> None:
    unknown = set(_chosen(config)) - set(NAMES)
    if unknown:
        raise pytest.UsageError(f"--peer: there is no {', '.join(sorted(unknown))}; there are {', '.join(NAMES)}")
    config.stash[_POOL] = Pool()


def pytest_unconfigure(config: pytest.Config) -> None:
    if pool := config.stash.get(_POOL, None):
        pool.close()


def pytest_report_header(config: pytest.Config) -> list[str]:
    lines = []
    for name in _chosen(config):
        try:
            target = peers.find(name)
        except PeerMissing as missing:
            lines.append(f"server: {missing}")
        else:
            lines.append(f"server: {name}: {' '.join(target.command)} {'.'.join(map(str, target.version))}".rstrip())
    return lines


def _chosen(config: pytest.Config) -> list[str]:
    words = [name for word in config.getoption("--peer") for name in word.split(",")]
    return words or list(NAMES)


def _available(config: pytest.Config) -> list[str]:
    """Return the chosen servers; missing ones only where their absence has to be told."""
    explicit = bool(config.getoption("--peer")) or peers.peers_are_required()
    here = peers.installed()
    return [name for name in _chosen(config) if explicit or name in here]


def missing(problem: PeerMissing) -> None:
    """Skip the test, or fail where peers are required."""
    if peers.peers_are_required():
        pytest.fail(str(problem), pytrace=False)
    pytest.skip(str(problem))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Generator[None, Any, Any]:
    """Where peers are required, let no test pass over one that is missing."""
    report = yield
    if report.skipped and peers.peers_are_required() and "installed" in str(report.longrepr):
        report.outcome = "failed"
        report.longrepr = f"REDPOLL_REQUIRE_PEERS is set, and the test was skipped: {report.longrepr[2]}"
    return report


# -- transcripts -------------------------------------------------------------------


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    if file_path.suffix == ".txt" and file_path.parent.name == "commands":
        return TranscriptFile.from_parent(parent, path=file_path)
    return None


class TranscriptFile(pytest.File):
    """A transcript; each section, server and protocol version is a test."""

    def collect(self) -> Iterator[pytest.Item]:
        try:
            sections = transcript.parse_file(self.path)
        except transcript.TranscriptError as error:
            raise self.CollectError(str(error)) from error
        for section in sections:
            for name in _available(self.config):
                for protocol in section.protocols:
                    label = f"{section.title} [{name}-resp{protocol}]"
                    try:
                        if not section.runs_on(peers.find(name)):
                            continue
                    except PeerMissing:
                        pass
                    yield TranscriptItem.from_parent(self, name=label, section=section, target=name, protocol=protocol)


class TranscriptItem(pytest.Item):
    """One section against one server."""

    def __init__(self, *, section: transcript.Section, target: str, protocol: int, **words: Any) -> None:
        super().__init__(**words)
        self.section, self.target, self.protocol = section, target, protocol
        if section.todo and target in ("redpoll", "embedded"):
            self.add_marker(pytest.mark.xfail(reason=section.todo, strict=True))

    def runtest(self) -> None:
        try:
            target = peers.find(self.target)
        except PeerMissing as problem:
            missing(problem)
        transcript.run_section(self.section, target, self.protocol, self.config.stash[_POOL])

    def repr_failure(self, excinfo: pytest.ExceptionInfo, style: object = None) -> str:
        if isinstance(excinfo.value, transcript.TranscriptFailure | peers.ServerFailed | pytest.fail.Exception):
            return str(excinfo.value)
        return str(super().repr_failure(excinfo))

    def reportinfo(self) -> tuple[Path, int, str]:
        return self.path, self.section.line - 1, self.name


# -- fixtures ----------------------------------------------------------------------


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "peer_server" in metafunc.fixturenames:
        names = [name for name in _available(metafunc.config) if name not in ("redpoll", "embedded")]
        metafunc.parametrize("peer_server", names, indirect=True)


@pytest.fixture
def server_pool(request: pytest.FixtureRequest) -> Pool:
    """Return the servers that all tests share."""
    return request.config.stash[_POOL]


@pytest.fixture
def server(request: pytest.FixtureRequest) -> Server:
    """Return the shared Redpoll server, with empty databases."""
    return request.config.stash[_POOL].get("redpoll")


@pytest.fixture
def peer_server(request: pytest.FixtureRequest) -> Server:
    """Return a real server, with empty databases."""
    try:
        return request.config.stash[_POOL].get(request.param)
    except PeerMissing as problem:
        missing(problem)
        raise


@pytest.fixture
def make_server() -> Iterator[Callable[..., Server]]:
    """Start servers with options of their own: `make_server(maxmemory="10mb")`, `make_server("redis82")`."""
    started: list[Server] = []

    def start(target: str = "redpoll", **options: str | int) -> Server:
        try:
            started.append(peers.start(target, **options))
        except PeerMissing as problem:
            missing(problem)
        return started[-1]

    yield start
    for one in started:
        one.stop()


@pytest.fixture
def client(server: Server) -> Iterator[Connection]:
    """Open a raw connection to the shared server."""
    with server.connect() as connection:
        yield connection
