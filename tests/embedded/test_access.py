"""Users of a store in this process: who logs in how, and what is refused as which exception."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

import redpoll
from redpoll.embedded import ReplyError, Store

redis = pytest.importorskip("redis")
errors = redis.exceptions


@pytest.fixture
def guarded(store: Store) -> Store:
    """A store with a user `reader`, who may read what begins with `public:`."""
    store.execute("ACL", "SETUSER", "reader", "on", ">secret", "~public:*", "&news:*", "+@read", "+subscribe", "+multi")
    store.execute("ACL", "SETUSER", "reader", "+exec", "+select", "+client|setname", "+client|setinfo", "+hello")
    store.execute("MSET", "public:k", "v", "private:k", "x")
    store.execute("RPUSH", "public:l", "a", "b")
    return store


@pytest.mark.parametrize("protocol", [2, 3])
def test_a_client_is_its_user(guarded: Store, protocol: int) -> None:
    with guarded.client(username="reader", password="secret", protocol=protocol) as client:
        assert client.get("public:k") == b"v"
        assert client.mget("public:k") == [b"v"]
        assert client.lrange("public:l", 0, -1) == [b"a", b"b"]
        with pytest.raises(errors.NoPermissionError, match="No permissions to access a key"):
            client.get("private:k")
        with pytest.raises(errors.NoPermissionError, match="No permissions to access a key"):
            client.mget("public:k", "private:k")
        with pytest.raises(errors.NoPermissionError, match="has no permissions to run the 'set' command"):
            client.set("public:k", "other")
        # The same connection goes on.
        assert client.get("public:k") == b"v"
    assert guarded.execute("GET", "public:k") == b"v"


def test_bad_passwords(guarded: Store) -> None:
    for username, password in (("reader", "wrong"), ("nobody", "secret")):
        with guarded.client(username=username, password=password) as client:
            with pytest.raises(errors.AuthenticationError):
                client.get("public:k")
            # Nothing is left half connected.
            with pytest.raises(errors.AuthenticationError):
                client.get("public:k")
    assert any(entry[3] == b"auth" or b"AUTH" in entry for entry in guarded.execute("ACL", "LOG"))


def test_a_password_of_the_default_user(store: Store) -> None:
    store.execute("CONFIG", "SET", "requirepass", "open sesame")
    with store.client() as client, pytest.raises(errors.AuthenticationError):
        client.get("k")
    with store.client(password="open sesame") as client:
        assert client.set("k", "v")
    # Whoever was in before stays in.
    assert store.execute("GET", "k") == b"v"


def test_passwords_of_urls() -> None:
    with redpoll.connect("redpoll://memory/guarded?protected_mode=no") as admin:
        admin.acl_setuser("ann", enabled=True, passwords=["+pä?s"], categories=["+@all"], keys=["*"])
        with redpoll.connect("redpoll://ann:p%C3%A4%3Fs@memory/guarded") as client:
            assert client.acl_whoami() == "ann"
        admin.store.close()


def test_pipelines_and_transactions(guarded: Store) -> None:
    with guarded.client(username="reader", password="secret") as client:
        results = client.pipeline(transaction=False).get("public:k").get("private:k").execute(raise_on_error=False)
        assert results[0] == b"v"
        assert isinstance(results[1], errors.NoPermissionError)
        with pytest.raises(errors.NoPermissionError, match="Command # 2"):
            client.pipeline(transaction=False).get("public:k").get("private:k").execute()
        assert client.pipeline().get("public:k").lrange("public:l", 0, -1).execute() == [b"v", [b"a", b"b"]]
        with pytest.raises(errors.NoPermissionError, match="Command # 1"):
            client.pipeline().get("private:k").execute()


def test_channels(guarded: Store) -> None:
    with guarded.client(username="reader", password="secret") as client:
        pubsub = client.pubsub(ignore_subscribe_messages=True)
        pubsub.subscribe("news:today")
        pubsub.get_message(timeout=1)
        guarded.execute("PUBLISH", "news:today", "hello")
        assert pubsub.get_message(timeout=1)["data"] == b"hello"
        pubsub.close()
        other = client.pubsub()
        other.subscribe("gossip")
        with pytest.raises(errors.NoPermissionError, match="No permissions to access a channel"):
            other.get_message(timeout=1)
        other.close()


def test_a_user_who_is_deleted_is_gone(guarded: Store) -> None:
    client = guarded.client(username="reader", password="secret", retry=None)
    assert client.get("public:k") == b"v"
    assert guarded.execute("ACL", "DELUSER", "reader") == 1
    with pytest.raises((errors.ConnectionError, errors.AuthenticationError)):
        client.get("public:k")
    client.close()


def test_rights_that_change_count_at_once(guarded: Store) -> None:
    with guarded.client(username="reader", password="secret") as client:
        guarded.execute("ACL", "SETUSER", "reader", "+set")
        assert client.set("public:k", "new")
        guarded.execute("ACL", "SETUSER", "reader", "-set")
        with pytest.raises(errors.NoPermissionError):
            client.set("public:k", "newer")
        assert client.get("public:k") == b"new"


def test_asyncio(guarded: Store) -> None:
    async def main() -> None:
        client = guarded.async_client(username="reader", password="secret")
        assert await client.get("public:k") == b"v"
        with pytest.raises(errors.NoPermissionError):
            await client.get("private:k")
        results = await client.pipeline(transaction=False).get("public:k").get("private:k").execute(False)
        assert results[0] == b"v"
        assert isinstance(results[1], errors.NoPermissionError)
        await client.aclose()
        with pytest.raises(errors.AuthenticationError):
            await guarded.async_client(username="reader", password="wrong").get("public:k")

    asyncio.run(main())


def test_the_shortest_way_in_is_the_default_users(store: Store) -> None:
    store.execute("ACL", "SETUSER", "default", "-set")
    with pytest.raises(ReplyError, match=r"^NOPERM User default has no permissions to run the 'set' command$"):
        store.execute("SET", "k", "v")
    assert store.execute("ACL", "WHOAMI") == b"default"


def test_a_session_logs_in(guarded: Store) -> None:
    session = guarded.session()
    assert session.execute("AUTH", "reader", "secret") == b"OK"
    with pytest.raises(ReplyError, match="NOPERM"):
        session.execute("DEL", "public:k")
    with pytest.raises(ReplyError, match="WRONGPASS"):
        session.execute("AUTH", "reader", "wrong")
    session.close()


def test_users_are_kept_in_a_file(tmp_path: Any) -> None:
    file = tmp_path / "users.acl"
    file.write_text("user default on nopass ~* &* +@all\nuser ann on >pw ~* +@all\n")
    with redpoll.Store(aclfile=str(file)) as store, store.client(username="ann", password="pw") as client:
        assert client.acl_whoami() == "ann"
        client.acl_setuser("ben", enabled=True, nopass=True)
        assert client.acl_save()
    assert "user ben on" in file.read_text()
