"""Files of users: those of real servers are read here, those written here are read there, and mean the same."""

import pytest

from tests.conftest import missing
from tests.peers import PeerMissing, find
from tests.resp import ErrorReply

PEERS = ("redis70", "redis82", "valkey91")
USERS = (
    ("alice", "on", ">secret", "+@all", "-@dangerous", "~cached:*", "&news:*"),
    ("bob", "on", "nopass", "skip-sanitize-payload", "-@all", "+get", "+config|get", "+select|0", "%R~r*", "%W~w*"),
    ("carol", "off", ">a", ">b", "allkeys", "allchannels", "(+set ~x ~y)", "(%R~z +@read)"),
)
HOSTILE = (
    b"usr a on",
    b"user",
    b"user a on +nope",
    b"user a on\nuser a off",
    b"user a on >",
    b"user a on nonsense",
    b"user a +get|x|y",
    b"# a comment",
    b"user a on  +get",
    b"user\ta on",
    b"  user a on  \r\n\n\nuser b on",
)


def peer(name: str) -> str:
    try:
        return find(name).name
    except PeerMissing as problem:
        missing(problem)
        raise


@pytest.mark.parametrize("name", PEERS)
@pytest.mark.parametrize("ours_first", [True, False])
def test_round_trip(make_server, tmp_path, name: str, ours_first: bool) -> None:
    file = tmp_path / "users.acl"
    file.write_text("")
    first, second = ("redpoll", peer(name)) if ours_first else (peer(name), "redpoll")
    with make_server(first, aclfile=str(file)).connect() as connection:
        for user in USERS:
            assert connection.call("ACL", "SETUSER", *user) == "OK"
        assert connection.call("ACL", "SAVE") == "OK"
        told = connection.call("ACL", "LIST")
    written = file.read_bytes()
    assert written.splitlines() == told
    with make_server(second, aclfile=str(file)).connect() as connection:
        # Older ones tell the one only, Valkey neither.
        untold = {b"sanitize-payload"} | ({b"skip-sanitize-payload"} if name == "valkey91" else set())
        assert [set(line.split()) - untold for line in connection.call("ACL", "LIST")] == [
            set(line.split()) - untold for line in told
        ]
        assert connection.call("ACL", "LOAD") == "OK"
        assert connection.call("AUTH", "alice", "secret") == "OK"
        assert isinstance(connection.call("AUTH", "carol", "a"), ErrorReply)


@pytest.mark.parametrize("text", HOSTILE)
def test_what_is_wrong_with_a_file(make_server, tmp_path, text: bytes) -> None:
    said = {}
    for name in ("redpoll", "redis82"):
        file = tmp_path / f"{name}.acl"
        file.write_text("user before on nopass +@all\n")
        server = make_server(name if name == "redpoll" else peer(name), aclfile=str(file))
        with server.connect() as connection:
            file.write_bytes(text)
            reply = connection.call("ACL", "LOAD")
            said[name] = str(reply).replace(f"{name}.acl", "FILE"), connection.call("ACL", "USERS")
    assert said["redpoll"] == said["redis82"]


@pytest.mark.parametrize(
    ("rules", "selector"), [(b"on (+get", "(+get"), (b"(+get ~x) on (+set", "(+set"), (b"(+get ~x (+set)x", "(+get ~x")]
)
def test_a_parenthesis_that_stays_open(make_server, tmp_path, rules: bytes, selector: str) -> None:
    """Redis 7.0, Redis 8.2 and Valkey 9.1 all crash on such a file."""
    file = tmp_path / "users.acl"
    file.write_bytes(b"user before on nopass +@all\n")
    with make_server(aclfile=str(file)).connect() as connection:
        file.write_bytes(b"user a " + rules + b"\n")
        opened = selector.split()[0]
        assert connection.call("ACL", "LOAD") == (
            f"ERR {file}:1: Unmatched parenthesis in acl selector starting at '{opened}'. WARNING: ACL errors "
            "detected, no change to the previously active ACL rules was performed"
        )
        assert connection.call("ACL", "USERS") == [b"before", b"default"]


def test_loading_closes_whom_it_concerns(make_server, tmp_path) -> None:
    file = tmp_path / "users.acl"
    file.write_text("user a on nopass +@all ~* &*\nuser b on nopass +@all ~* &*\nuser c on nopass +@all ~* &*\n")
    server = make_server(aclfile=str(file))
    with server.connect() as admin, server.connect() as a, server.connect() as b, server.connect() as c:
        for connection, name in ((a, "a"), (b, "b"), (c, "c")):
            assert connection.call("AUTH", name, "x") == "OK"
        assert c.call("SUBSCRIBE", "news") == [b"subscribe", b"news", 1]
        file.write_text("user a on nopass +get ~*\nuser c on nopass +@all ~*\n")
        assert admin.call("ACL", "LOAD") == "OK"
        assert a.call("GET", "k") is None
        assert isinstance(a.call("SET", "k", "v"), ErrorReply)
        assert b.is_closed_by_server()
        assert c.is_closed_by_server()
        assert admin.call("ACL", "USERS") == [b"a", b"c", b"default"]


def test_loading_has_no_half_effects(make_server, tmp_path) -> None:
    file = tmp_path / "users.acl"
    file.write_text("user a on nopass +@all\n")
    server = make_server(aclfile=str(file))
    with server.connect() as connection:
        before = connection.call("ACL", "LIST")
        file.write_text("user b on\nuser c +nope\n")
        assert isinstance(connection.call("ACL", "LOAD"), ErrorReply)
        assert connection.call("ACL", "LIST") == before
        file.unlink()
        assert isinstance(connection.call("ACL", "LOAD"), ErrorReply)
        assert connection.call("ACL", "SAVE") == "OK"
        assert file.read_bytes().splitlines() == before
        assert [path.name for path in tmp_path.iterdir()] == ["users.acl"]
