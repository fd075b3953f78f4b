"""What directives do to the process: processors, the kernel's choice when memory is short, reports of crashes."""

import os
import signal
from pathlib import Path

import pytest

from redpoll.server.affinity import processors
from redpoll.server.process import OomScore
from tests.unit.server.test_stopping import until


@pytest.mark.parametrize(
    ("text", "numbers"),
    [("3", {3}), ("0,2", {0, 2}), ("0-3", {0, 1, 2, 3}), ("1-7:3", {1, 4, 7}), ("0 - 1, 9", {0, 1, 9})],
)
def test_lists_of_processors(text: str, numbers: set[int]) -> None:
    assert processors(text) == numbers


@pytest.mark.parametrize("text", ["", "x", "1-", "3-2", "0-4:0", "1,,2"])
def test_what_is_no_list_of_processors(text: str) -> None:
    with pytest.raises(ValueError):
        processors(text)


def affinities(pid: int) -> dict[int, set[int]]:
    return {int(name): os.sched_getaffinity(int(name)) for name in os.listdir(f"/proc/{pid}/task")}


@pytest.mark.skipif(len(os.sched_getaffinity(0)) < 2, reason="takes two processors")
def test_threads_go_where_they_are_told(make_server) -> None:
    one, other = sorted(os.sched_getaffinity(0))[:2]
    server = make_server(server_cpulist=one, bio_cpulist=other, io_threads=2, appendonly="yes")
    with server.connect() as client:
        assert client.call("SET", "k", "v") == "OK"
        # The main thread and a helper; whatever writes the log is neither.
        until(lambda: sorted(map(sorted, affinities(server.pid).values())).count([other]) >= 1)
        found = affinities(server.pid)
        assert found[server.pid] == {one}
        until(lambda: list(affinities(server.pid).values()).count({one}) == 2)


def test_a_list_that_cannot_be_followed_is_told(make_server) -> None:
    server = make_server(server_cpulist="9000")
    assert "server-cpulist '9000' cannot be followed" in server.log()


def test_the_score_for_the_kernel(tmp_path: Path) -> None:
    file = tmp_path / "oom_score_adj"
    file.write_text("100\n")
    score = OomScore(str(file))
    score.use("no", 500)
    assert file.read_text() == "100\n"
    for mode, value, wanted in (
        ("yes", 50, "150"),
        ("relative", 2000, "1000"),
        ("absolute", 7, "7"),
        ("absolute", -1500, "-1000"),
        ("no", 5, "100"),
    ):
        score.use(mode, value)
        assert file.read_text() == wanted


def test_the_score_is_set(make_server) -> None:
    server = make_server()
    path = Path(f"/proc/{server.pid}/oom_score_adj")
    before = int(path.read_text())
    with server.connect() as client:
        assert client.call("CONFIG", "SET", "oom-score-adj-values", "50 60 70", "oom-score-adj", "relative") == "OK"
        assert int(path.read_text()) == min(before + 50, 1000)
        assert client.call("CONFIG", "SET", "oom-score-adj", "no") == "OK"
    assert int(path.read_text()) == before


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (signal.SIGSEGV, "Segmentation fault"),
        (signal.SIGABRT, "Aborted"),
        (signal.SIGFPE, "Floating"),
    ],
)
def test_a_crash_is_reported(make_server, number: signal.Signals, words: str) -> None:
    server = make_server()
    os.kill(server.pid, number)
    assert server.process.wait(20) == -number
    log = (server.folder / "server.log").read_text()
    assert f"crashed by signal: {number.value}, si_code: 0, sent by process {os.getpid()}\n" in log
    assert "------ STACK TRACE ------" in log
    assert "redpoll/server/loop" in log
    assert f"Fatal Python error: {words}" in log


def test_a_crash_in_a_command_is_reported(make_server) -> None:
    server = make_server(enable_debug_command="yes")
    with server.connect() as client:
        client.send("DEBUG", "SEGFAULT")
        assert client.is_closed_by_server()
    assert server.process.wait(20) == -signal.SIGSEGV
    log = (server.folder / "server.log").read_text()
    assert "crashed by signal: 11" in log
    assert "redpoll/server/dispatch" in log
    assert "in _segfault" in log


def test_a_crash_need_not_be_reported(make_server) -> None:
    server = make_server(crash_log_enabled="no")
    os.kill(server.pid, signal.SIGSEGV)
    assert server.process.wait(20) == -signal.SIGSEGV
    assert "Fatal Python error" not in server.log()
    assert "crashed by signal" not in server.log()


def test_a_loop_that_is_stuck_is_reported(make_server) -> None:
    server = make_server(enable_debug_command="yes")
    with server.connect() as client:
        assert client.call("CONFIG", "SET", "watchdog-period", "200") == "OK"
        until(lambda: b"eventloop_cycles" in client.call("INFO", "stats"))
        assert client.call("DEBUG", "SLEEP", "0.6") == "OK"
        until(lambda: "Timeout (0:00:00.200000)!" in server.log())
        assert client.call("CONFIG", "SET", "watchdog-period", "0") == "OK"
        said = server.log().count("Timeout (")
        assert client.call("DEBUG", "SLEEP", "0.4") == "OK"
        assert server.log().count("Timeout (") == said


def test_the_same_seed_makes_the_same_order(make_server) -> None:
    orders = []
    for _ in range(2):
        server = make_server(hash_seed="a-seed")
        with server.connect() as client:
            for number in range(200):
                client.call("SET", f"key:{number}", "v")
            orders.append(client.call("SCAN", "0", "COUNT", "1000"))
    assert orders[0] == orders[1]
    assert len(orders[0][1]) == 200
