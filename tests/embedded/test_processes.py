"""Forks, the end of a process, several processes with one file, and what many stores leave behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from redpoll.embedded import Store
from tests.embedded.test_store import until

redis = pytest.importorskip("redis")


def test_the_child_of_a_fork_has_a_copy_of_memory(run_python: Callable[..., str]) -> None:
    assert (
        run_python("""
        import os, redpoll, threading
        r = redpoll.connect()
        r.set("k", "parent")
        stop = threading.Event()
        def busy():
            while not stop.is_set():
                r.config_get("max*"); r.incr("n")
        threads = [threading.Thread(target=busy) for _ in range(3)]
        for t in threads: t.start()
        for _ in range(5):
            child = os.fork()
            if not child:
                assert r.get("k") == b"parent"
                r.set("k", "child")
                assert r.get("k") == b"child"
                assert r.pipeline().incr("m").execute() == [1]
                assert redpoll.connect().ping()
                os._exit(0)
            assert os.waitpid(child, 0)[1] == 0
            assert r.get("k") == b"parent"
        stop.set()
        for t in threads: t.join()
        print("ok")
    """)
        == "ok\n"
    )


def test_the_child_of_a_fork_is_served_by_its_parent(run_python: Callable[..., str], tmp_path: Path) -> None:
    assert (
        run_python(f"""
        import os, redpoll
        r = redpoll.connect({str(tmp_path / "app.rdb")!r}, appendonly=True)
        r.set("k", "parent")
        child = os.fork()
        if not child:
            assert r.get("k") == b"parent"
            r.incr("n")
            r.store.execute("INCR", "n")
            assert not r.store.is_host
            os._exit(0)
        assert os.waitpid(child, 0)[1] == 0
        assert r.get("n") == b"2"
        r.close()
        print(redpoll.connect({str(tmp_path / "app.rdb")!r}).get("n"))
    """)
        == "b'2'\n"
    )


def test_multiprocessing(run_python: Callable[..., str], tmp_path: Path) -> None:
    for method in ("fork", "spawn"):
        path = tmp_path / f"{method}.rdb"
        assert (
            run_python(f"""
            import multiprocessing, redpoll

            def work(number):
                r = redpoll.connect({str(path)!r})
                return [r.incr("n") for _ in range(50)][-1] > 0

            if __name__ == "__main__":
                r = redpoll.connect({str(path)!r})
                with multiprocessing.get_context({method!r}).Pool(2) as pool:
                    assert all(pool.map(work, range(4)))
                print(r.get("n"))
        """)
            == "b'200'\n"
        )


def test_what_is_open_is_saved_at_the_end(run_python: Callable[..., str], tmp_path: Path) -> None:
    path = str(tmp_path / "app.rdb")
    run_python(f"""
        import redpoll, threading
        r = redpoll.connect({path!r})
        r.set("k", "v")
        threading.Thread(target=lambda: r.blpop("nothing", timeout=0), daemon=True).start()
        waiting = redpoll.connect()
        waiting.store.serve()
    """)
    with Store(path) as store:
        assert store.execute("GET", "k") == b"v"
    run_python(
        f"""
        import redpoll
        r = redpoll.connect({path!r})
        r.set("k", "w")
        raise SystemExit(3)
    """,
        status=3,
    )
    with Store(path) as store:
        assert store.execute("GET", "k") == b"w"


def test_ctrl_c_ends_a_wait(run_python: Callable[..., str]) -> None:
    assert (
        run_python("""
        import os, redpoll, signal, threading, time
        r = redpoll.connect()
        threading.Timer(0.1, os.kill, (os.getpid(), signal.SIGINT)).start()
        try:
            r.blpop("nothing", timeout=0)
        except KeyboardInterrupt:
            print("interrupted", r.store.server.blocking.waiting, r.ping())
    """)
        == "interrupted 0 True\n"
    )


def test_ctrl_c_ends_a_script(run_python: Callable[..., str]) -> None:
    assert (
        run_python("""
        import os, redpoll, signal, threading
        r = redpoll.connect()
        r.config_set("busy-reply-threshold", 10)
        threading.Timer(0.2, os.kill, (os.getpid(), signal.SIGINT)).start()
        try:
            r.eval("while true do end", 0)
        except KeyboardInterrupt:
            print("interrupted", r.ping())
    """)
        == "interrupted True\n"
    )


HOST = """
import sys, redpoll
store = redpoll.Store(sys.argv[1], appendonly=sys.argv[2] == "log")
print("host" if store.is_host else "guest", flush=True)
for line in sys.stdin:
    words = line.split()
    try:
        print(store.execute(*words), flush=True)
    except ConnectionError as error:
        print("lost", flush=True)
"""


class Other:
    """Another process with the store of a file; commands go to it line by line."""

    def __init__(self, path: Path, *, log: bool) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", HOST, str(path), "log" if log else ""],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.role = self.answer()

    def answer(self) -> str:
        """The next line."""
        assert self.process.stdout is not None
        return self.process.stdout.readline().strip()

    def execute(self, *words: str) -> str:
        """Run a command there."""
        assert self.process.stdin is not None
        self.process.stdin.write(" ".join(words) + "\n")
        self.process.stdin.flush()
        return self.answer()

    def end(self, number: int | None = None) -> None:
        """End it, by a signal or kindly."""
        if number is not None:
            self.process.send_signal(number)
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.close()
        self.process.wait(20)
        self.process.stdout.close()


def test_the_second_process_is_served_by_the_first_and_takes_over(tmp_path: Path) -> None:
    path = tmp_path / "app.rdb"
    first = Other(path, log=False)
    assert first.role == "host"
    assert first.execute("SET", "k", "first") == "b'OK'"
    second = Other(path, log=False)
    assert second.role == "guest"
    assert second.execute("GET", "k") == "b'first'"
    assert second.execute("SET", "k", "second") == "b'OK'"
    assert first.execute("GET", "k") == "b'second'"
    first.end()
    assert second.execute("GET", "k") in ("b'second'", "lost")
    assert second.execute("GET", "k") == "b'second'"
    assert sorted(one.name for one in tmp_path.iterdir()) == ["app.rdb", "app.rdb.lock", "app.rdb.sock"]
    second.end()
    assert sorted(one.name for one in tmp_path.iterdir()) == ["app.rdb"]


def test_no_acknowledged_write_is_lost_when_the_first_is_killed(tmp_path: Path) -> None:
    path = tmp_path / "app.rdb"
    first = Other(path, log=True)
    second = Other(path, log=True)
    assert (first.role, second.role) == ("host", "guest")
    for number in range(50):
        assert first.execute("RPUSH", "l", f"a{number}") == str(2 * number + 1)
        assert second.execute("RPUSH", "l", f"b{number}") == str(2 * number + 2)
    first.end(signal.SIGKILL)
    answer = second.execute("LLEN", "l")
    assert answer in ("100", "lost")
    assert second.execute("LLEN", "l") == "100"
    assert second.execute("RPUSH", "l", "x") == "101"
    second.end(signal.SIGKILL)
    with Store(path) as store:
        assert store.execute("LLEN", "l") == 101


def test_a_client_of_the_library_goes_over_to_the_next_host(tmp_path: Path) -> None:
    import redpoll

    path = tmp_path / "app.rdb"
    first = Other(path, log=True)
    client = redpoll.connect(path, appendonly=True)
    assert not client.store.is_host
    client.set("k", 1)
    pubsub = client.pubsub(ignore_subscribe_messages=True)
    pubsub.subscribe("c")
    assert client.pipeline().incr("k").get("k").execute() == [2, b"2"]
    assert first.execute("GET", "k") == "b'2'"
    first.end(signal.SIGKILL)
    assert client.get("k") == b"2"
    assert client.store.is_host
    assert client.incr("k") == 3

    def resubscribed() -> bool:
        try:
            pubsub.get_message(timeout=0.01)
        except redis.ConnectionError:
            pass  # a redis-py that does not try again by itself
        return bool(client.pubsub_numsub("c") == [(b"c", 1)])

    until(resubscribed)
    pubsub.close()
    client.close()
    assert not (tmp_path / "app.rdb.lock").exists()


def test_other_programs_come_in_by_the_port(store: Any) -> None:
    url = store.serve()
    other = redis.Redis.from_url(url)
    assert other.set("k", "v")
    assert store.execute("GET", "k") == b"v"
    store.execute("RPUSH", "l", "x")
    assert other.blpop("l", timeout=1) == (b"l", b"x")
    pubsub = other.pubsub(ignore_subscribe_messages=True)
    pubsub.subscribe("c")
    pubsub.get_message(timeout=5)
    assert store.execute("PUBLISH", "c", "hi") == 1
    assert pubsub.get_message(timeout=5)["data"] == b"hi"
    assert store.client().publish("c", "again") == 1
    assert pubsub.get_message(timeout=5)["data"] == b"again"
    pubsub.close()
    other.close()


def test_ten_thousand_stores_and_a_million_commands_leave_nothing(run_python: Callable[..., str]) -> None:
    printed = run_python(
        """
        import gc, os, redpoll, threading

        def resident():
            with open("/proc/self/statm") as file:
                return int(file.read().split()[1]) * 4096

        def round_of(stores, commands):
            for _ in range(stores):
                store = redpoll.Store()
                store.execute("SET", "k", "v" * 100, "EX", 100)
                store.execute("RPUSH", "l", 1, 2, 3)
                store.close()
            store = redpoll.Store()
            execute = store.execute
            for number in range(commands):
                execute("SET", "k", number)
            store.close()
            gc.collect()
            return resident(), len(os.listdir("/proc/self/fd")), threading.active_count()

        first = round_of(500, 100_000)
        last = round_of(10_000, 1_000_000)
        print(last[0] - first[0], last[1] - first[1], last[2] - first[2])
    """,
        seconds=300,
    )
    grown, descriptors, threads = map(int, printed.split())
    assert grown < 8 << 20
    assert descriptors == 0
    assert threads == 0


def test_clients_that_nobody_closes_leave_nothing(run_python: Callable[..., str]) -> None:
    assert (
        run_python("""
        import gc, os, redpoll, threading

        def count():
            gc.collect()
            return len(os.listdir("/proc/self/fd")), threading.active_count()

        redpoll.connect().ping()
        before = count()
        for number in range(200):
            r = redpoll.connect()
            r.set("k", "v")
            r.pubsub().subscribe("c")
            r.store.serve() if number % 50 == 0 else None
        del r
        gc.collect()
        assert count() == before, (count(), before)
        print("ok")
    """)
        == "ok\n"
    )


def test_importing_redpoll_is_light(run_python: Callable[..., str]) -> None:
    assert (
        run_python("""
        import sys, redpoll
        assert not {"redis", "redpoll.server", "redpoll.embedded", "asyncio"} & set(sys.modules)
        redpoll.Store().execute("PING")
        assert not {"redis", "ssl", "hashlib", "logging", "pathlib", "asyncio"} & set(sys.modules)
        print("ok")
    """)
        == "ok\n"
    )


def test_the_show(run_python: Callable[..., str]) -> None:
    printed = run_python("import redpoll.embedded.__main__ as show; show.main()")
    assert "'hello'" in printed
    assert os.sep not in printed.split("\n")[0]


@pytest.mark.parametrize("seed", [1, 2])
def test_hosts_that_are_killed_while_others_write(seed: int) -> None:
    from tests.embedded.handover import run_round

    assert "answers" in run_round(seed, kills=4)
