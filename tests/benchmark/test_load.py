"""What a load does: open loop, mixes, comparisons, plots, errors."""

from __future__ import annotations

import re
import signal
import subprocess
import threading
import time
from collections import Counter
from pathlib import Path
from xml.etree import ElementTree

import pytest

from redpoll.benchmark.options import Options, Stop, read_options
from redpoll.benchmark.runner import Load, Result, Run
from redpoll.benchmark.target import Refused, Target
from redpoll.benchmark.templates import unit
from tests.benchmark.fake import OURS, FakeServer, bulk, call


def run_load(port: int, load: Load | None = None, **words) -> Result:
    """Make a load in this process."""
    options = Options()
    options.port = port
    for name, value in words.items():
        setattr(options, name, value)
    return Run(Target(options), load or Load("GET", [unit([[b"GET", b"k"]], b"")]), 1).run()


STALL = 0.4


def stalling(fake: FakeServer) -> None:
    """Have one reply come late."""

    def hold(number: int) -> None:
        if number == 50:
            time.sleep(STALL)

    fake.before_reply = hold


def late(result: Result, share: float) -> int:
    """How many requests took longer than a share of the stall."""
    return sum(count for value, count in result.histogram.buckets() if value > STALL * share * 1e9)


def test_an_open_loop_sees_a_stall_as_long_as_it_was() -> None:
    with FakeServer() as fake:
        stalling(fake)
        result = run_load(fake.port, requests=400, clients=1, rate=500.0)
    # All that was due within the first four fifths of the stall was late by more than a fifth of it.
    assert result.requests == 400
    assert late(result, 0.2) >= 0.75 * STALL * 500
    assert result.histogram.max >= STALL * 1e9
    assert result.seconds >= 399 / 500


def test_an_open_loop_that_stood_still_itself_does_not_blame_the_server() -> None:
    with FakeServer() as fake:
        words = ["-p", str(fake.port), "-c", "8", "--rate", "500", "-n", "300", "SET", "k", "v"]
        load = subprocess.Popen([*OURS, *words], stdout=subprocess.PIPE, text=True)

        def stop_the_load(number: int) -> None:
            if number == 50:
                load.send_signal(signal.SIGSTOP)
                time.sleep(STALL)
                load.send_signal(signal.SIGCONT)

        fake.before_reply = stop_the_load
        output = load.communicate(timeout=60)[0]
    stood = re.search(r"the load itself stood still .*?, ([\d.]+) ms in all", output)
    assert stood is not None
    assert float(stood[1]) >= STALL * 900
    # Two hundred were to be sent meanwhile. Eight may have been under way.
    below = re.findall(r"^([\d.]+)% <= ([\d.]+) milliseconds", output, re.MULTILINE)
    assert max(float(share) for share, limit in below if float(limit) < STALL * 500) > 97


def test_a_limited_rate_sees_the_few_that_were_under_way() -> None:
    with FakeServer() as fake:
        stalling(fake)
        result = run_load(fake.port, requests=400, clients=1, rate=500.0, corrected=False)
    assert result.requests == 400
    assert late(result, 0.9) <= 5


def test_a_closed_loop_sees_the_few_that_were_under_way() -> None:
    with FakeServer() as fake:
        stalling(fake)
        result = run_load(fake.port, requests=400, clients=1)
    assert late(result, 0.9) <= 5


def test_an_open_loop_with_a_pipeline_and_threads() -> None:
    with FakeServer() as fake:
        result = run_load(fake.port, requests=301, clients=6, threads=3, pipeline=8, rate=3000.0)
        assert len(fake.asked) == result.requests == 301
    assert result.seconds >= 298 / 3000


def test_an_open_loop_that_keeps_no_connection() -> None:
    with FakeServer() as fake:
        result = run_load(fake.port, requests=60, clients=3, rate=2000.0, keep_alive=False)
        assert len(fake.requests) == result.requests == 60
        assert len(fake.loads()) == 60


def test_a_time_instead_of_a_number() -> None:
    with FakeServer() as fake:
        result = run_load(fake.port, requests=None, seconds=0.2, warm_up=0.1, clients=2)
        assert 0.2 <= result.seconds < 30
        assert 0 < result.requests < len(fake.asked)


def test_a_mix_tells_its_parts() -> None:
    parts = [unit([[b"GET", b"k"]], b""), unit([[b"SET", b"k", b"v"]], b"")]
    load = Load("mix", parts, "mixed", [3.0, 1.0], ["GET", "SET"])
    with FakeServer({b"get": bulk(b"v")}) as fake:
        result = run_load(fake.port, load, requests=4000, clients=4, pipeline=10, threads=2)
        sent = Counter(request[0] for request in fake.asked)
    assert result.requests == 4000 == sum(sent.values())
    assert {name.encode(): histogram.count for name, histogram in result.parts} == dict(sent)
    assert abs(sent[b"GET"] - 3000) < 200


def test_replies_of_every_size_arrive() -> None:
    with FakeServer({b"get": bulk(b"x" * 1_000_000)}) as fake:
        assert run_load(fake.port, requests=30, clients=3, pipeline=2).requests == 30


def test_requests_of_every_size_are_sent() -> None:
    load = Load("SET", [unit([[b"SET", b"k", b"__data__"]], b"y" * 3_000_000)])
    with FakeServer() as fake:
        assert run_load(fake.port, load, requests=6, clients=2, pipeline=3).requests == 6
        assert all(len(request[2]) == 3_000_000 for request in fake.asked)


def test_pushes_do_not_count() -> None:
    with FakeServer({b"get": b">2\r\n+invalidate\r\n*1\r\n+k\r\n$1\r\nv\r\n"}) as fake:
        assert run_load(fake.port, requests=100, clients=2).requests == 100


@pytest.mark.parametrize(
    ("answers", "text"),
    [
        ({b"get": b"-ERR something\r\n"}, "Error from server: ERR something"),
        ({b"get": b"!9\r\nERR a b c\r\n"}, "Error from server: ERR a b c"),
        ({b"get": None}, "Error: Server closed the connection"),
        ({b"get": b"HTTP/1.1 400\r\n"}, "Error: what came is not RESP"),
        ({b"get": b"+OK\r\n+OK\r\n+OK\r\n"}, "Error: what came is not RESP"),
    ],
)
def test_failures(answers: dict, text: str) -> None:
    with FakeServer(answers) as fake, pytest.raises(Refused) as caught:
        run_load(fake.port, requests=10, clients=1)
    assert str(caught.value) == text


def test_a_login_that_fails_is_told() -> None:
    with FakeServer({b"auth": b"-WRONGPASS no\r\n"}) as fake, pytest.raises(Refused) as caught:
        run_load(fake.port, password=b"x")
    assert str(caught.value) == "Error from server: WRONGPASS no"


def test_many_threads_share_all_requests() -> None:
    with FakeServer() as fake:
        result = run_load(fake.port, requests=3000, clients=9, threads=4, pipeline=3)
        assert len(fake.asked) == result.requests == 3000
        assert len(fake.streams) == 9


def test_idle_connections_are_only_opened() -> None:
    opened = threading.Event()
    with FakeServer() as fake:
        options = Options()
        options.port, options.clients = fake.port, 5
        fake.answers[b"select"] = b"+OK\r\n"
        target = Target(options)
        target.options.database = 1

        def close_them(number: int) -> None:
            if number == 5:
                opened.set()
                raise OSError

        fake.before_reply = close_them
        from redpoll.benchmark.idle import wait_idle

        with pytest.raises(Refused):
            wait_idle(target)
    assert opened.is_set()


# -- the whole program ---------------------------------------------------------------


def program(fake: FakeServer, *words: str) -> str:
    done = call(OURS, ["-p", str(fake.port), *words])
    assert done.returncode == 0, done.stderr
    return done.stdout.decode().rpartition("\r")[2] if "-q" in words else done.stdout.decode()


def test_a_mix_of_tests_and_commands() -> None:
    with FakeServer() as fake:
        text = program(fake, "-q", "-n", "1000", "--mix", "get:70,set:20,INCR hits:10", "-r", "100")
        assert {request[0] for request in fake.asked} == {b"GET", b"SET", b"INCR"}
    lines = text.splitlines()
    assert lines[0].startswith("mix of get:70,set:20,INCR hits:10: ")
    assert [line.split("  ")[1] for line in lines[1:]] == ["GET      ", "SET      ", "INCR hits"] or len(lines) == 4


def test_a_mix_as_rows() -> None:
    with FakeServer() as fake:
        rows = program(fake, "--csv", "-n", "500", "--mix", 'get:1,SET "a b" c:1').splitlines()
    assert [row.partition('","')[0] for row in rows[1:]] == ['"mix of get:1,SET ""a b"" c:1', '"GET', '"SET ""a b"" c']


def test_a_rate_is_told() -> None:
    with FakeServer() as fake:
        due = program(fake, "-n", "50", "-t", "get", "--rate", "5000")
        sent = program(fake, "-n", "50", "-t", "get", "--rps", "5000")
    assert "  rate: 5000 requests per second, latencies from when each was due\n" in due
    assert "  rate: 5000 requests per second, latencies from when each was sent\n" in sent


def test_two_servers_by_turns(tmp_path: Path) -> None:
    with FakeServer() as first, FakeServer() as second:
        words = ["--vs", f"127.0.0.1:{second.port}", "-n", "100", "-c", "4", "--rounds", "3", "-t", "get,set"]
        text = program(first, *words, "--plot", str(tmp_path / "both.svg"))
        assert len(first.asked) == 600 == len(second.asked)
        table = program(first, "--csv", *words).splitlines()
    assert text.startswith(f"A: 127.0.0.1:{first.port}   B: 127.0.0.1:{second.port}   rounds: 3")
    assert re.search(r"====== GET ======.*\n.*requests/s.*\n  A .*\n  B .*\n  A / B +\d+\.\d\d", text)
    assert len(table) == 5
    assert float(table[1].split(",")[-1].strip('"')) > 0
    ElementTree.parse(tmp_path / "both.svg")


def test_a_plot_has_a_line_for_each_test(tmp_path: Path) -> None:
    with FakeServer() as fake:
        program(fake, "-q", "-n", "200", "-t", "get,set", "--plot", str(tmp_path / "a.svg"))
    root = ElementTree.parse(tmp_path / "a.svg").getroot()
    texts = [element.text for element in root.iter("{http://www.w3.org/2000/svg}text")]
    assert texts.count("GET") == texts.count("SET") == 2
    assert len(list(root.iter("{http://www.w3.org/2000/svg}polyline"))) == 4


def test_what_goes_wrong_with_a_plot_is_told() -> None:
    with FakeServer() as fake:
        done = call(OURS, ["-p", str(fake.port), "-q", "-n", "10", "-t", "get", "--plot", "/nonexistent/a.svg"])
    assert (done.returncode, done.stderr) == (1, b"Cannot write /nonexistent/a.svg: No such file or directory\n")


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (["-n", "5", "--duration", "3"], "Options -n and --duration are mutually exclusive.\n"),
        (["--zipf", "0.99"], "--zipf takes an exponent above 0, and needs a key space: -r\n"),
        (["--mix", "get:1", "-t", "get"], "--mix says what is asked: -t and a command have no place beside it.\n"),
        (["--rfr", "yes"], "Option --rfr needs --cluster.\n"),
        (["--cluster", "-s", "x"], "Options --cluster and -s are mutually exclusive.\n"),
        (["-x"], "-x needs a command for its argument.\n"),
    ],
)
def test_options_that_make_no_sense_together(words: list[str], text: str) -> None:
    with pytest.raises(Stop) as caught:
        read_options(words, print)
    assert (caught.value.text, caught.value.code) == (text, 1)


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (["--mix", "get"], b'Invalid part "get" of --mix: it is a test or a command, a colon and a weight\n'),
        (["--mix", "get:0"], b'Invalid part "get:0" of --mix: it is a test or a command, a colon and a weight\n'),
        (["--mix", "gett:1"], b'Invalid part "gett:1" of --mix: there is no test of that name\n'),
        (["--", "get", "a", ";", ";", "get"], b"Invalid command: a command of the sequence is empty\n"),
        (["set", "a", "__field:b__"], b"__field:b__ needs --dataset.\n"),
        (["--vs", "here", "-t", "get"], b"--vs takes a host and a port, not here\n"),
    ],
)
def test_what_makes_no_sense_is_told(words: list[str], text: bytes) -> None:
    with FakeServer() as fake:
        done = call(OURS, ["-p", str(fake.port), "-q", *words])
    assert (done.returncode, done.stderr) == (1, text)


def test_options_are_read() -> None:
    told: list[str] = []
    options = read_options(["-h", "there", "-p", "7", "-c", "9x", "-d", "0", "-P", "-3", "--threads", "900", "-r", "5",
                            "-u", "rediss://joe:pw@[::1]:7000/3", "--rate", "1e3", "--", "-3", "get"],
                           told.append)  # fmt: skip
    assert (options.host, options.port, options.tls, options.user, options.password) == (
        "::1",
        7000,
        True,
        b"joe",
        b"pw",
    )
    assert (options.clients, options.data_size, options.pipeline, options.threads, options.keys) == (9, 1, 1, 500, 5)
    assert (options.rate, options.corrected, options.database) == (1000.0, True, 3)
    assert options.words == [b"-3", b"get"]
    assert told == ["WARNING: Too many threads, limiting threads to 500."]
