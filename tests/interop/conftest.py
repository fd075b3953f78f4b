"""`any_server`, `networked_server`: each test runs against Redpoll and against every real server that is installed."""

import pytest

from tests.peers import NAMES, PeerMissing, Pool, Server
from tests.peers import installed as installed_servers


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    for fixture in {"any_server", "networked_server"} & set(metafunc.fixturenames):
        chosen = [name for word in metafunc.config.getoption("--peer") for name in word.split(",")]
        names = chosen or [name for name in NAMES if name in installed_servers()]
        if fixture == "networked_server":
            names = [name for name in names if name != "embedded"]
        metafunc.parametrize(fixture, names, indirect=True)


@pytest.fixture
def any_server(request: pytest.FixtureRequest, server_pool: Pool) -> Server:
    """Return Redpoll or a real server, with empty databases."""
    try:
        return server_pool.get(request.param)
    except PeerMissing as missing:
        pytest.skip(str(missing))


@pytest.fixture
def networked_server(request: pytest.FixtureRequest, server_pool: Pool) -> Server:
    """Return a server that listens on a port: a store within this process does not."""
    try:
        return server_pool.get(request.param)
    except PeerMissing as missing:
        pytest.skip(str(missing))
