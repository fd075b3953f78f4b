"""The store itself: `execute`, sessions, files, time."""

from __future__ import annotations

import threading
import time
from pathlib import Path
from typing import Any

import pytest

from redpoll.embedded import ReplyError, Store, StoreClosed, StoreError, open_store
from redpoll.embedded.session import NOTHING


def test_commands_take_python_values_and_return_python_values(store: Any) -> None:
    assert store.execute("SET", "text", "grün") == b"OK"
    assert store.execute("GET", b"text") == "grün".encode()
    assert store.execute("INCRBY", "n", 2**62) == 2**62
    assert store.execute("SET", "f", 1.5) == b"OK"
    assert store.execute("GET", "f") == b"1.5"
    assert store.execute("SET", "whole", 3.0) == b"OK"
    assert store.execute("GET", "whole") == b"3.0"
    assert store.execute("SET", "huge", 10**30) == b"OK"
    assert store.execute("GET", "huge") == b"1" + b"0" * 30
    assert store.execute("RPUSH", "l", bytearray(b"a"), memoryview(b"b")) == 2
    assert store.execute("LRANGE", "l", 0, -1) == [b"a", b"b"]
    assert store.execute("GET", "nothing") is None
    assert store.execute("CONFIG GET", "maxmemory") == [b"maxmemory", b"0"]
    assert store.execute(b"OBJECT ENCODING", "l") == b"listpack"


def test_many_words(store: Any) -> None:
    words = [word for number in range(1000) for word in (f"key:{number}", number)]
    assert store.execute("MSET", *words) == b"OK"
    assert store.execute("MGET", *words[::2]) == [b"%d" % number for number in range(1000)]


@pytest.mark.parametrize("value", [True, None, object(), [1]], ids=["bool", "None", "object", "list"])
def test_values_that_are_no_words_are_refused(store: Any, value: object) -> None:
    with pytest.raises(TypeError):
        store.execute("SET", "k", value)
    assert store.execute("EXISTS", "k") == 0


def test_a_text_that_is_no_utf_8_is_refused(store: Any) -> None:
    with pytest.raises(UnicodeEncodeError):
        store.execute("SET", "k", "\ud800")
    assert store.execute("PING") == b"PONG"


def test_errors_are_raised_with_their_texts(store: Any) -> None:
    with pytest.raises(ReplyError, match=r"^ERR unknown command 'NO', with args beginning with: 'x' $"):
        store.execute("NO", "x")
    store.execute("SET", "k", "v")
    with pytest.raises(ReplyError, match=r"^WRONGTYPE "):
        store.execute("LPUSH", "k", 1)


@pytest.mark.parametrize("size", [0, 1, 99, 100, 16_300, 16_320, 16_321, 32_767, 32_768, 300_000])
def test_replies_of_all_sizes_come_whole(store: Any, size: int) -> None:
    text = bytes(number % 251 for number in range(size))
    store.execute("SET", "k", text)
    assert store.execute("GET", "k") == text
    store.execute("RPUSH", "l", *[text] * 7)
    assert store.execute("LRANGE", "l", 0, -1) == [text] * 7


def test_long_replies_cross_chunks_anywhere(store: Any) -> None:
    members = [b"%d" % number * (number % 40 + 1) for number in range(3000)]
    store.execute("RPUSH", "l", *members)
    assert store.execute("LRANGE", "l", 0, -1) == members


def test_a_blocked_command_waits_for_another_thread(store: Any) -> None:
    found: list[Any] = []
    waiter = threading.Thread(target=lambda: found.append(store.execute("BLPOP", "l", 0)))
    waiter.start()
    until(lambda: store.execute("CLIENT", "LIST").count(b"cmd=blpop"))
    assert store.execute("RPUSH", "l", "x") == 1
    waiter.join()
    assert found == [[b"l", b"x"]]


def until(condition: Any, seconds: float = 10) -> None:
    """Let other threads run until something holds."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it does not come"
        time.sleep(0.001)


def test_a_wait_ends_at_its_time_and_uses_no_processor(store: Any) -> None:
    begin, used = time.monotonic(), time.thread_time()
    assert store.execute("BLPOP", "nothing", 0.05) is None
    assert 0.04 < time.monotonic() - begin < 5
    assert time.thread_time() - used < 0.02


def test_threads_do_not_meet(store: Any) -> None:
    def work(number: int) -> None:
        for step in range(300):
            store.execute("INCR", "all")
            assert store.execute("SET", f"own:{number}", step) == b"OK"
            assert store.execute("GET", f"own:{number}") == b"%d" % step
            store.execute("CONFIG", "GET", "max*")

    threads = [threading.Thread(target=work, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert store.execute("GET", "all") == b"1800"


def test_a_command_within_a_command_is_refused(store: Any) -> None:
    seen: list[str] = []

    def listener(_kind: int, _event: bytes, _key: bytes, _database: int) -> None:
        try:
            store.execute("GET", "k")
        except RuntimeError as error:
            seen.append(str(error))

    store.server.changes.listen(listener)
    assert store.execute("SET", "k", "v") == b"OK"
    store.server.changes.stop(listener)
    assert len(seen) == 1
    assert "in the middle of a command" in seen[0]
    assert store.execute("GET", "k") == b"v"


def test_a_session_keeps_order_while_it_waits(store: Any) -> None:
    session = store.session()
    session.send(("BLPOP", "l", 0))
    session.send(("SET", "after", 1))
    assert session.receive() is NOTHING
    assert store.execute("EXISTS", "after") == 0
    store.execute("RPUSH", "l", "x")
    assert session.wait(5)
    assert session.receive() == [b"l", b"x"]
    assert session.receive() == b"OK"
    assert store.execute("EXISTS", "after") == 1
    session.close()


def test_a_paused_command_runs_when_the_pause_is_over(store: Any) -> None:
    session = store.session()
    store.execute("CLIENT", "PAUSE", 50, "ALL")
    begin = time.monotonic()
    session.send(("PING",))
    assert session.receive() is NOTHING
    assert session.wait(5)
    assert session.receive() == b"PONG"
    assert time.monotonic() - begin > 0.04
    session.close()


def test_a_killed_session_says_so(store: Any) -> None:
    session = store.session()
    number = session.connection.id
    assert store.execute("CLIENT", "KILL", "ID", number) == 1
    with pytest.raises(ConnectionError):
        session.receive()
    with pytest.raises(ConnectionError):
        session.send(("PING",))


def test_quit_answers_and_ends(store: Any) -> None:
    session = store.session()
    session.send(("QUIT",))
    assert session.receive() == b"OK"
    with pytest.raises(ConnectionError):
        session.receive()


def test_keys_expire_by_the_next_command(store: Any) -> None:
    store.execute("SET", "k", "v", "PX", 1)
    time.sleep(0.003)
    assert store.execute("GET", "k") is None
    assert not store.server.loop.attended


def test_who_listens_hears_of_expiry_though_no_command_comes() -> None:
    with Store(notify_keyspace_events="Ex") as store:
        session = store.session()
        session.send(("SUBSCRIBE", "__keyevent@0__:expired"))
        session.receive()
        store.execute("SET", "k", "v", "PX", 20)
        assert session.wait(10)
        assert session.receive() == [b"message", b"__keyevent@0__:expired", b"k"]
        session.close()
        until(lambda: not store.server.loop.attended)


def test_an_idle_store_has_no_thread(store: Any) -> None:
    before = threading.active_count()
    for number in range(1000):
        store.execute("SET", f"k{number}", "v", "EX", 1000)
    assert threading.active_count() == before


def test_shutdown_is_refused(store: Any) -> None:
    with pytest.raises(ReplyError, match="lives in a program"):
        store.execute("SHUTDOWN")


def test_a_closed_store_refuses() -> None:
    store = Store()
    store.close()
    store.close()
    with pytest.raises(StoreClosed):
        store.execute("PING")
    with pytest.raises(StoreClosed):
        store.session()


def test_reset_empties_all() -> None:
    with Store() as store:
        session = store.session()
        session.send_all([("SELECT", 3), ("SET", "k", 1), ("WATCH", "k"), ("SUBSCRIBE", "c")])
        store.reset()
        assert store.execute("DBSIZE") == 0
        assert store.execute("PUBLISH", "c", "x") == 0
        assert session.connection.db_index == 0
        session.close()


# -- files -----------------------------------------------------------------------


def test_a_file_is_saved_when_it_is_closed(tmp_path: Path) -> None:
    path = tmp_path / "app.rdb"
    with Store(path) as store:
        store.execute("SET", "k", "v")
        assert not path.exists()
    assert path.read_bytes().startswith(b"REDIS")
    assert sorted(one.name for one in tmp_path.iterdir()) == ["app.rdb"]
    with Store(path) as store:
        assert store.execute("GET", "k") == b"v"


def test_what_was_not_changed_is_not_written_again(tmp_path: Path) -> None:
    path = tmp_path / "app.rdb"
    with Store(path) as store:
        store.execute("SET", "k", "v")
    before = path.stat().st_mtime_ns
    with Store(path) as store:
        store.execute("GET", "k")
    assert path.stat().st_mtime_ns == before


def test_a_log_keeps_what_a_file_lacks(tmp_path: Path) -> None:
    path = tmp_path / "app.rdb"
    with Store(path) as store:
        store.execute("SET", "old", 1)
    with Store(path, appendonly=True) as store:
        assert store.execute("GET", "old") == b"1"
        store.execute("SET", "new", 2)
        until(lambda: store.server.persistence.log.state == "on")
        log = b"".join(one.read_bytes() for one in sorted((tmp_path / "app.aof").glob("*.incr.aof")))
        assert b"new" in log
    path.unlink()
    with Store(path) as store:
        assert store.execute("MGET", "old", "new") == [b"1", b"2"]


def test_a_log_needs_a_file() -> None:
    with pytest.raises(StoreError, match="give the store a path"):
        Store(appendonly="yes")


def test_a_damaged_file_is_not_opened(tmp_path: Path) -> None:
    path = tmp_path / "app.rdb"
    path.write_bytes(b"REDIS0011 no")
    with pytest.raises(StoreError, match=r"app\.rdb"):
        Store(path)
    assert path.read_bytes() == b"REDIS0011 no"
    assert [one.name for one in tmp_path.iterdir()] == ["app.rdb"]


def test_a_missing_folder_is_told(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="is no folder"):
        Store(tmp_path / "no" / "app.rdb")


def test_a_bad_directive_is_told() -> None:
    with pytest.raises(StoreError, match="maxmemory"):
        Store(maxmemory="many")


def test_save_points_are_kept_though_no_command_comes(tmp_path: Path) -> None:
    path = tmp_path / "app.rdb"
    with Store(path, save="1 1") as store:
        store.execute("SET", "k", "v")
        until(path.exists)
        until(lambda: not store.server.persistence.changes_since_save)


def test_background_saves_end_by_themselves(tmp_path: Path) -> None:
    path = tmp_path / "app.rdb"
    with Store(path, save="") as store:
        store.execute("MSET", *[word for number in range(2000) for word in (number, number)])
        store.execute("BGSAVE")
        until(path.exists)
        until(lambda: not store.server.loop.attended or store.server.loop.permanent)


def test_one_store_of_a_path_in_a_process(tmp_path: Path) -> None:
    one = open_store(tmp_path / "app.rdb")
    other = open_store(str(tmp_path / "app.rdb"))
    assert one is other
    one.execute("SET", "k", 1)
    one.release()
    assert other.execute("GET", "k") == b"1"
    other.release()
    assert other.closed


def test_named_stores_are_one_each() -> None:
    one, other, third = (open_store(f"redpoll://memory/{name}") for name in ("a-test", "a-test", "b-test"))
    assert one is other
    assert one is not third
    one.close()
    third.close()


def test_time_can_be_moved(store: Any) -> None:
    from redpoll.embedded.pytest_plugin import Clock

    clock = Clock()
    try:
        store.execute("SET", "k", "v", "EX", 60)
        session = store.session()
        session.send(("BLPOP", "l", 30))
        clock.advance(29)
        assert store.execute("GET", "k") == b"v"
        assert session.receive() is NOTHING
        clock.advance(2)
        assert session.receive() is None
        clock.advance(30)
        assert store.execute("GET", "k") is None
        session.close()
    finally:
        clock.reset()
