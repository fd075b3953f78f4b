"""SLOWLOG, COMMANDLOG, LATENCY, LOLWUT and INFO as a client meets them."""

from types import SimpleNamespace

import pytest

from redpoll.commands import commandlog, info, latency, lolwut
from redpoll.errors import CommandError
from redpoll.server.commandlog import CommandLogs
from redpoll.server.latency import LatencyMonitor
from redpoll.server.latency_doctor import Conditions, diagnose
from redpoll.server.stats import bound_microseconds, bucket_ceiling
from redpoll.version import VERSION
from redpoll.wire import values

NOW = 1_700_000_000


@pytest.fixture
def server():
    return SimpleNamespace(command_logs=CommandLogs(), latency=LatencyMonitor(1), commands={})


def make_call(server, line):
    return SimpleNamespace(server=server, args=line.encode().split(), now_ms=NOW * 1000 + 999, resp=2)


HANDLERS = {
    "SLOWLOG GET": commandlog.slowlog_get,
    "SLOWLOG LEN": commandlog.slowlog_len,
    "SLOWLOG RESET": commandlog.slowlog_reset,
    "COMMANDLOG GET": commandlog.commandlog_get,
    "COMMANDLOG LEN": commandlog.commandlog_len,
    "COMMANDLOG RESET": commandlog.commandlog_reset,
    "LATENCY LATEST": latency.latency_latest,
    "LATENCY HISTORY": latency.latency_history,
    "LATENCY RESET": latency.latency_reset,
    "LATENCY GRAPH": latency.latency_graph,
    "LATENCY DOCTOR": latency.latency_doctor,
    "LATENCY HISTOGRAM": latency.latency_histogram,
}


@pytest.fixture
def run(server):
    def run_line(line):
        return HANDLERS[" ".join(line.split()[:2])](make_call(server, line))

    return run_line


@pytest.fixture
def refusal(run):
    def text_of(line):
        with pytest.raises(CommandError) as caught:
            run(line)
        return str(caught.value)

    return text_of


def log_gets(log, count):
    for number in range(count):
        log.add(10 + number, [b"GET", b"k"], unix_time=NOW, address=b"127.0.0.1:5000", client_name=b"app")


def test_slowlog(server, run):
    log_gets(server.command_logs.slow, 12)
    assert run("SLOWLOG LEN") == 12
    assert len(run("SLOWLOG GET")) == 10
    assert len(run("SLOWLOG GET -1")) == 12
    assert run("SLOWLOG GET 0") == []
    assert run("SLOWLOG GET 1") == [[11, NOW, 21, (b"GET", b"k"), b"127.0.0.1:5000", b"app", 2]]
    assert run("SLOWLOG RESET") == "OK"
    assert run("SLOWLOG LEN") == 0


def test_slowlog_refuses(refusal):
    for count in ("abc", "-2", "+1", "01", "99999999999999999999"):
        assert refusal(f"SLOWLOG GET {count}") == "ERR count should be greater than or equal to -1"
    assert refusal("SLOWLOG GET 1 2") == (
        "ERR unknown subcommand or wrong number of arguments for 'GET'. Try SLOWLOG HELP."
    )


def test_commandlog(server, run):
    log_gets(server.command_logs.slow, 1)
    log_gets(server.command_logs.large_reply, 2)
    assert run("COMMANDLOG LEN SLOW") == 1
    assert run("COMMANDLOG LEN large-request") == 0
    assert run("COMMANDLOG LEN large-reply") == 2
    assert run("COMMANDLOG GET 1 large-reply") == [[1, NOW, 11, (b"GET", b"k"), b"127.0.0.1:5000", b"app"]]
    assert len(run("COMMANDLOG GET -1 large-reply")) == 2
    assert run("COMMANDLOG RESET large-reply") == "OK"
    assert (run("COMMANDLOG LEN large-reply"), run("COMMANDLOG LEN slow")) == (0, 1)


def test_commandlog_refuses(refusal):
    kinds = "ERR type should be one of the following: slow, large-request, large-reply"
    assert refusal("COMMANDLOG GET 1 fast") == kinds
    assert refusal("COMMANDLOG LEN fast") == kinds
    assert refusal("COMMANDLOG RESET fast") == kinds
    assert refusal("COMMANDLOG GET abc fast") == "ERR count should be greater than or equal to -1"


def test_latency(server, run, refusal):
    for second, spike in ((0, 50), (5, 20)):
        server.latency.add("command", spike, NOW - 10 + second)
    server.latency.add("fork", 7, NOW)
    assert run("LATENCY LATEST") == [[b"command", NOW - 5, 20, 50], [b"fork", NOW, 7, 7]]
    assert run("LATENCY HISTORY command") == [[NOW - 10, 50], [NOW - 5, 20]]
    assert run("LATENCY HISTORY unknown") == []
    graph = run("LATENCY GRAPH command")
    assert isinstance(graph, values.Verbatim)
    assert graph.startswith(b"command - high 50 ms, low 20 ms (all time high 50 ms)\n")
    assert graph.endswith(b"\n  \n15\n0s\ns \n")
    assert refusal("LATENCY GRAPH unknown") == "ERR No samples available for event 'unknown'"
    assert run("LATENCY RESET fork unknown") == 1
    assert run("LATENCY RESET") == 1
    assert run("LATENCY LATEST") == []


def test_latency_doctor_reports_what_the_server_says(server, run):
    server.latency_report = lambda unix_time: f"all well at {unix_time}\n"
    report = run("LATENCY DOCTOR")
    assert isinstance(report, values.Verbatim)
    assert report == b"all well at 1700000000\n"


def make_command(name, calls, subcommands=()):
    return SimpleNamespace(
        name=name,
        calls=calls,
        histogram=lambda: [(1, 1), (33, calls)] if calls else [],
        subcommands={each.name.partition("|")[2]: each for each in subcommands},
    )


def test_latency_histogram(server, run):
    config = make_command("config", 0, [make_command("config|get", 0), make_command("config|set", 2)])
    server.commands = {"get": make_command("get", 3), "set": make_command("set", 0), "config": config}

    def shown(name, calls):
        return name, {b"calls": calls, b"histogram_usec": {1: 1, 33: calls}}

    assert run("LATENCY HISTOGRAM") == (shown(b"get", 3), shown(b"config|set", 2))
    assert isinstance(run("LATENCY HISTOGRAM"), values.Map)
    assert run("LATENCY HISTOGRAM GET get") == (shown(b"get", 3), shown(b"get", 3))
    assert run("LATENCY HISTOGRAM config nonsense set") == (shown(b"config|set", 2),)
    assert run("LATENCY HISTOGRAM config|set config|get config|nonsense get|set") == (shown(b"config|set", 2),)
    assert run("LATENCY HISTOGRAM nonsense") == ()


def test_info_hands_the_sections_over(server):
    server.info = lambda sections: f"asked for {sections}"
    reply = info.info(make_call(server, "INFO a B"))
    assert isinstance(reply, values.Verbatim)
    assert reply == b"asked for [b'a', b'B']"


def draw(line, server=None):
    reply = lolwut.lolwut(make_call(server, line))
    assert isinstance(reply, values.Verbatim)
    return reply.decode()


@pytest.mark.parametrize(
    "line", ["LOLWUT", "LOLWUT VERSION 2", "LOLWUT version 3", "LOLWUT VERSION 99", "LOLWUT 24 0 1"]
)
def test_lolwut_ends_with_the_version(line):
    assert draw(line).endswith(f"\n\nRedpoll ver. {VERSION}\n")


def test_lolwut_is_settled_by_its_seed():
    assert draw("LOLWUT 72 2 5") == draw("LOLWUT VERSION 1 72 2 5")
    assert draw("LOLWUT 72 2 5") != draw("LOLWUT 72 2 6")
    assert draw("LOLWUT VERSION 2 72 9 5") != draw("LOLWUT VERSION 3 72 9 5")


@pytest.mark.parametrize("version", [1, 2, 3])
@pytest.mark.parametrize("columns", [0, 24, 80, 150, 10**9])
@pytest.mark.parametrize("birds", [0, 1, 20, -5])
def test_lolwut_fits_its_columns(version, columns, birds):
    text = draw(f"LOLWUT VERSION {version} {columns} {birds} 7")
    art = text.split("\n\n", 1)[0].split("\n")
    assert max(map(len, art)) <= min(max(columns, 24), 160) + 6
    assert any("\u2800" < character <= "\u28ff" for character in text)


def test_lolwut_counts_its_birds():
    assert "A redpoll on a birch" in draw("LOLWUT 72 1 5")
    assert "2 redpolls on a birch" in draw("LOLWUT 72 2 5")
    assert "30 redpolls, bound for" in draw("LOLWUT VERSION 2 72 30 5")


@pytest.mark.parametrize("line", ["LOLWUT VERSION abc", "LOLWUT abc", "LOLWUT 80 x", "LOLWUT VERSION 1 80 4 1.5"])
def test_lolwut_refuses_what_is_no_integer(line):
    with pytest.raises(CommandError) as caught:
        draw(line)
    assert str(caught.value) == "ERR value is not an integer or out of range"


@pytest.fixture(scope="module", params=["redis70", "redis82", "valkey91"])
def peer(request):
    """A connection to a real server that logs and watches everything."""
    peers = pytest.importorskip("tests.peers", reason="starts the real servers")
    try:
        target = peers.find(request.param)
    except peers.PeerMissing as missing:
        pytest.skip(str(missing))
    options = {"enable_debug_command": "yes", "slowlog_log_slower_than": 0, "latency_monitor_threshold": 1}
    with peers.running(target, **options) as running, running.connect() as connection:
        connection.product = target.product
        yield connection


def test_entries_are_cut_as_real_servers_do(peer, server, run):
    peer.call("SLOWLOG", "RESET")
    for words in (
        ["SADD", "s", *range(29)],
        ["SADD", "s", *range(30)],
        ["SADD", "s", *range(31)],
        ["SADD", "s", *range(300)],
        ["SET", "a" * 128, "b" * 129],
        ["SADD", "s", *["c" * 300] * 40],
    ):
        peer.call(*words)
        server.command_logs.slow.add(1, [str(word).encode() for word in words], unix_time=1)
    real = [entry[3] for entry in peer.call("SLOWLOG", "GET", 6)]
    own = [list(entry[3]) for entry in run("SLOWLOG GET 6")]
    assert own == real


@pytest.mark.parametrize(
    "line",
    [
        *("SLOWLOG GET abc", "SLOWLOG GET -2", "SLOWLOG GET 1 2", "SLOWLOG GET 01", "LATENCY GRAPH nothing"),
        *("COMMANDLOG GET abc fast", "COMMANDLOG GET 1 fast", "COMMANDLOG LEN fast", "COMMANDLOG RESET fast"),
    ],
)
def test_refusals_are_those_of_real_servers(peer, refusal, line):
    if line.startswith("COMMANDLOG") and peer.product == "redis":
        pytest.skip("Valkey's command")
    assert peer.call(*line.split()) == refusal(line)


def test_latency_looks_as_on_real_servers(peer, server, run):
    peer.call("LATENCY", "RESET")
    for pause in (0.02, 0.05, 0.9, 0.12, 0.8, 0.03):
        peer.call("DEBUG", "SLEEP", pause)
    for time, milliseconds in peer.call("LATENCY", "HISTORY", "command"):
        server.latency.add("command", milliseconds, time)
    while True:
        before = peer.call("TIME")[0]
        graph, report = peer.call("LATENCY", "GRAPH", "command"), peer.call("LATENCY", "DOCTOR")
        if peer.call("TIME")[0] == before:
            break
    call = make_call(server, "LATENCY GRAPH command")
    call.now_ms = int(before) * 1000
    assert latency.latency_graph(call) == graph
    finding = diagnose(server.latency, Conditions(slowlog_slower_than=0), int(before)).split("\n")[2]
    assert finding.startswith("1. command: ")
    assert finding in report.decode().split("\n")
    assert [event[:4] for event in peer.call("LATENCY", "LATEST")] == run("LATENCY LATEST")
    if peer.product == "valkey":
        assert [event[4:] for event in peer.call("LATENCY", "LATEST")] > [[0, 0]]


def test_histograms_have_the_bounds_of_real_servers(peer):
    peer.call("CONFIG", "RESETSTAT")
    pauses = [0.00002 * 2**power for power in range(14)] + [1.1]
    for pause in pauses:
        peer.call("DEBUG", "SLEEP", pause)
    (name, (_calls, calls, _histogram, flat)) = peer.call("LATENCY", "HISTOGRAM", "debug")
    assert (name, calls, flat[-1]) == (b"debug", len(pauses), len(pauses))
    assert set(flat[::2]) <= {bound_microseconds(power) for power in range(10, 31)}
    assert flat[-2] == bound_microseconds(30)
    line = peer.call("INFO", "latencystats").decode().partition("latency_percentiles_usec_debug:p50=")[2]
    median = round(float(line.partition(",")[0]) * 1000)
    assert median == bucket_ceiling(median)
