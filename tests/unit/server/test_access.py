"""Users of a running server: configuration files, logins that are held up, secrets kept out of sight."""

import subprocess
import sys
from pathlib import Path

import pytest

from redpoll.security.guessing import FREE
from tests.resp import ErrorReply


def configured(make_server, tmp_path: Path, text: str):
    """A server whose configuration file ends with this."""
    path = tmp_path / "extra.conf"
    path.write_text(text)
    return make_server(include=str(path))


def test_users_in_the_configuration(make_server, tmp_path) -> None:
    server = configured(
        make_server, tmp_path, 'user alice on >secret ~a* +get\nuser default on >"pass word" +@all ~*\n'
    )
    with server.connect() as connection:
        assert str(connection.call("PING")).startswith("NOAUTH")
        assert connection.call("AUTH", "alice", "secret") == "OK"
        assert connection.call("GET", "a") is None
        assert str(connection.call("GET", "b")).startswith("NOPERM")
        assert connection.call("AUTH", "pass word") == "OK"
        assert connection.call("ACL", "USERS") == [b"alice", b"default"]


@pytest.mark.parametrize("target", ["redpoll", "redis70", "redis82", "valkey91"])
@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("user default on nopass ~* +@all", "user default on nopass ~* resetchannels +@all"),
        ("user default on nopass +acl", "user default on nopass resetchannels -@all +acl"),
        ("user default on >x", None),
    ],
)
def test_a_line_for_the_default_user_is_all_that_it_may(
    make_server, tmp_path, target: str, line: str, told: str | None
) -> None:
    path = tmp_path / "extra.conf"
    path.write_text(f"{line}\n")
    with make_server(target, include=str(path)).connect() as connection:
        reply = connection.call("ACL", "LIST")
        if told is None:
            assert reply == "NOAUTH Authentication required."
        else:
            assert [one.replace(b" sanitize-payload", b"") for one in reply] == [told.encode()]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("user alice on +nope", "Error in user declaration '+nope': Unknown command or category name in ACL"),
        ("user alice on\nuser alice off", "A user can only be defined once in config files"),
        ("user alice on (+get", "Unmatched parenthesis in acl selector starting at '(+get'"),
        ("aclfile /nowhere/users.acl", "opening file '/nowhere/users.acl'"),
        ("aclfile /nowhere/users.acl\nuser alice on", "not in both"),
    ],
)
def test_users_that_cannot_be_stop_the_start(tmp_path, text: str, reason: str) -> None:
    path = tmp_path / "redpoll.conf"
    path.write_text(f"port 0\nunixsocket {tmp_path}/socket\ndir {tmp_path}\n{text}\n")
    done = subprocess.run([sys.executable, "-m", "redpoll", path], capture_output=True, text=True, timeout=30)
    assert done.returncode == 1
    assert reason in done.stdout + done.stderr


def test_rewriting_keeps_users(tmp_path) -> None:
    from tests import peers

    path = tmp_path / "redpoll.conf"
    port = peers.free_port()
    path.write_text(f'port {port}\nbind 127.0.0.1\ndir {tmp_path}\nsave ""\nuser alice on nopass +get\nuser gone on\n')
    command = [sys.executable, "-m", "redpoll", str(path)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
        target = peers.find("redpoll")
        server = peers.Server(target, port, tmp_path, process)
        peers._wait_until_ready(server)
        with server.connect() as connection:
            connection.call("ACL", "DELUSER", "gone")
            connection.call("ACL", "SETUSER", "bob", "on", ">x", "~a b".replace(" ", ""), "(+set ~c)")
            told = connection.call("ACL", "LIST")
            assert connection.call("CONFIG", "REWRITE") == "OK"
        process.terminate()
        process.wait(20)
    assert [line for line in path.read_bytes().splitlines() if line.startswith(b"user ")] == told


def test_many_wrong_passwords_have_to_wait(make_server) -> None:
    server = make_server()
    with server.connect() as guesser, server.connect() as other:
        for _ in range(FREE + 400):
            guesser.send("AUTH", "nobody", "x")
        for _ in range(FREE):
            assert str(guesser.read()).startswith("WRONGPASS")
        flags = [line for line in other.call("CLIENT", "LIST").split(b"\n") if b"cmd=auth" in line]
        assert len(flags) == 1
        assert b" flags=b " in flags[0]
        # Whoever is in goes on, and the loop does not stand still.
        assert other.call("PING") == "PONG"


def test_a_right_password_waits_too_and_is_let_in(make_server) -> None:
    server = make_server()
    with server.connect() as connection:
        connection.call("ACL", "SETUSER", "u", "on", ">right", "+@all")
        for _ in range(FREE):
            connection.send("AUTH", "u", "wrong")
        for _ in range(FREE):
            assert isinstance(connection.read(), ErrorReply)
        assert connection.call("AUTH", "u", "right") == "OK"
        assert connection.call("ACL", "WHOAMI") == b"u"
        connection.call("MULTI")
        connection.call("AUTH", "u", "right")
        assert str(connection.call("EXEC")[0]).startswith("ERR too many failed logins")


def every_command(connection) -> list[tuple[str, int, set[str]]]:
    """Name, arity and flags of all commands and subcommands that can be run, as the server tells them."""
    found = []
    for entry in connection.call("COMMAND"):
        found += [(one[0].decode(), one[1], set(one[2])) for one in (entry[9] or [entry])]
    return found


def test_dispatch_asks_for_every_command(client) -> None:
    """Whoever may do nothing is refused each of them, by itself, in a transaction and in a script."""
    assert client.call("ACL", "SETUSER", "nobody", "on", "nopass", "-@all", "+multi", "+eval", "allkeys") == "OK"
    commands = every_command(client)
    assert len(commands) > 350
    allowed = {"multi", "eval"}
    assert client.call("AUTH", "nobody", "x") == "OK"
    for name, arity, flags in commands:
        words = name.split("|")
        words += ["1"] * (abs(arity) - len(words))
        refused = f"NOPERM User nobody has no permissions to run the '{name}' command"
        if "no_auth" in flags or name in allowed:
            continue
        # EXEC has its own way to say no.
        prefix = "EXECABORT Transaction discarded because of: " if name == "exec" else ""
        assert client.call(*words) == prefix + refused
        if "noscript" not in flags:
            text = ",".join(f"'{word}'" for word in words)
            told = str(client.call("EVAL", f"return redis.call({text})", 0))
            assert told.startswith(f"ERR ACL failure in script: {refused.removeprefix('NOPERM ')}"), name
    assert client.call("MULTI") == "OK"
    for name, arity, flags in commands:
        words = name.split("|")
        words += ["1"] * (abs(arity) - len(words))
        if "no_auth" not in flags and name not in allowed:
            told = str(client.call(*words))
            assert "NOPERM " in told or told == "ERR Command not allowed inside a transaction", name
    assert client.call("RESET") == "RESET"
    assert client.call("ACL", "DELUSER", "nobody") == 1


def test_strangers_have_to_read(make_server) -> None:
    """Who has not logged in cannot have replies pile up."""
    server = make_server(requirepass="secret")
    with server.connect() as stranger, server.connect() as friend:
        assert friend.call("AUTH", "secret") == "OK"
        sent = 0
        try:
            for _ in range(10_000):
                stranger.send_raw(b"*2\r\n$3\r\nGET\r\n$1\r\nk\r\n" * 200)
                sent += 200
        except OSError:
            pass
        assert sent < 2_000_000
        assert friend.call("SET", "k", "v") == "OK"
        assert b"client_output_buffer_limit_disconnections:1\r\n" in friend.call("INFO", "stats")


SECRETS = (
    ("AUTH", "s3cret"),
    ("AUTH", "default", "s3cret"),
    ("HELLO", "2", "AUTH", "default", "s3cret"),
    ("ACL", "SETUSER", "u", ">s3cret"),
    ("ACL", "DELUSER", "s3cret"),
    ("CONFIG", "SET", "requirepass", ""),
    ("CONFIG", "SET", "masterauth", "s3cret"),
    ("CONFIG", "SET", "maxclients", "100", "masteruser", "s3cret"),
)


def test_no_secret_is_shown(make_server) -> None:
    server = make_server(slowlog_log_slower_than="0")
    with server.connect() as monitor, server.connect() as connection:
        assert monitor.call("MONITOR") == "OK"
        for words in SECRETS:
            connection.call(*words)
        connection.call("ECHO", "end")
        lines = []
        while not lines or "end" not in lines[-1]:
            lines.append(str(monitor.read()))
        assert not any("s3cret" in line for line in lines), lines
        logged = repr(connection.call("SLOWLOG", "GET", "-1"))
        assert "s3cret" not in logged
        assert "(redacted)" in logged


def test_hot_keys_are_found(client) -> None:
    assert client.call("HOTKEYS", "START", "METRICS", "2", "CPU", "NET", "COUNT", "2") == "OK"
    for number in range(200):
        client.call("SET", f"cold{number}", "v")
        client.call("SET", "hot", "v" * 1000)
    client.call("MULTI")
    client.call("SET", "queued", "v" * 300_000)
    client.call("EXEC")
    assert client.call("HOTKEYS", "STOP") == "OK"
    fields = client.call("HOTKEYS", "GET")[0]
    told = dict(zip(fields[::2], fields[1::2], strict=True))
    assert told[b"tracking-active"] == 0
    assert told[b"by-net-bytes"][::2] == [b"queued", b"hot"]
    assert len(told[b"by-cpu-time-us"]) == 4
    assert 500_000 < told[b"total-net-bytes"] < 700_000
    assert b"tracking_active:0" in client.call("INFO", "hotkeys")
    assert client.call("HOTKEYS", "RESET") == "OK"
    assert client.call("HOTKEYS", "GET") is None
