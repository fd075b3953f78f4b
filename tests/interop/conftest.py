"""`any_server`: each test runs against Redpoll and against every real server that is installed."""

import pytest

from tests.peers import NAMES, PeerMissing, Pool, Server
from tests.peers import installed as installed_servers


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "any_server" in metafunc.fixturenames:
        chosen = [name for word in metafunc.config.getoption("--peer") for name in word.split(",")]
        names = chosen or [name for name in NAMES if name in installed_servers()]
        metafunc.parametrize("any_server", names, indirect=True)


@pytest.fixture
def any_server(request: pytest.FixtureRequest, server_pool: Pool) -> Server:
    """Return Redpoll or a real server, with empty databases."""
    try:
        return server_pool.get(request.param)
    except PeerMissing as missing:
        pytest.skip(str(missing))
