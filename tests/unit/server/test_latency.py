"""The latency monitor: samples, figures, graphs."""

from hypothesis import given
from hypothesis import strategies as st

from redpoll.server.latency import HISTORY_LENGTH, LatencyMonitor, age
from tests.unit.server.test_stopping import until

NOW = 1_700_000_000


def monitor(*samples, event="command", threshold=1):
    made = LatencyMonitor(threshold)
    for time, latency in samples:
        made.add(event, latency, NOW + time)
    return made


def test_observes_from_the_threshold_on_and_not_at_all_when_zero():
    made = LatencyMonitor(10)
    made.observe("command", 9, NOW)
    assert made.latest() == []
    made.observe("command", 10, NOW)
    assert made.history("command") == [(NOW, 10)]
    made.threshold_ms = 0
    made.observe("command", 1000, NOW + 1)
    assert len(made.history("command")) == 1


def test_one_sample_a_second_keeps_the_worst():
    made = monitor((0, 20), (0, 50), (0, 30), (1, 40))
    assert made.history("command") == [(NOW, 50), (NOW + 1, 40)]
    assert made.latest() == [("command", NOW + 1, 40, 50, 140, 4)]


def test_keeps_160_seconds_with_spikes():
    made = monitor(*[(second, second + 1) for second in range(200)])
    history = made.history("command")
    assert len(history) == HISTORY_LENGTH
    assert history[0] == (NOW + 40, 41)
    assert history[-1] == (NOW + 199, 200)


def test_the_maximum_outlives_its_sample():
    made = monitor((0, 999), *[(second, 5) for second in range(1, 200)])
    assert made.latest()[0].maximum == 999


def test_reset_counts_the_events_it_found():
    made = monitor((0, 1))
    made.add("fork", 5, NOW)
    made.add("expire-cycle", 5, NOW)
    assert made.reset(["fork", "unknown", "fork"]) == 1
    assert made.history("fork") == []
    assert made.reset() == 2
    assert made.reset() == 0


def test_analysis():
    made = monitor((0, 10), (4, 20), (8, 60))
    ((_, event),) = made.events()
    figures = event.analyse(NOW + 9)
    assert figures == (3, 30, 20, 10, 60, 3.0)


def test_graph_draws_bars_over_ages():
    made = monitor((0, 10), (50_000, 20), (88_000, 40), (90_000, 70))
    assert made.graph("command", NOW + 90_007) == (
        "command - high 70 ms, low 10 ms (all time high 70 ms)\n"
        "--------------------------------------------------------------------------------\n"
        "   #\n"
        "  _|\n"
        "  ||\n"
        "_#||\n"
        "    \n"
        "1137\n"
        "d13s\n"
        " hm \n"
    )


def test_graph_of_equal_samples_lies_flat():
    made = monitor((0, 50), (1, 50))
    assert made.graph("command", NOW + 2).endswith("  \n  \n  \n__\n  \n21\nss\n")


def test_graph_wraps_after_eighty_samples():
    made = monitor(*[(second, second % 7) for second in range(100)])
    lines = made.graph("command", NOW + 100).split("\n")
    assert len(lines[2]) == 80
    assert lines[10] == ""
    assert len(lines[11]) == 20


def test_no_graph_without_samples():
    assert LatencyMonitor().graph("command", NOW) is None


def test_ages():
    assert [age(seconds) for seconds in (0, 59, 60, 3599, 3600, 86399, 86400, 200_000)] == [
        "0s",
        "59s",
        "1m",
        "59m",
        "1h",
        "23h",
        "1d",
        "2d",
    ]


@given(st.lists(st.tuples(st.integers(0, 300), st.integers(0, 10**6)), min_size=1, max_size=300))
def test_history_is_the_worst_of_each_of_the_last_seconds(spikes):
    spikes.sort(key=lambda spike: spike[0])
    made = monitor(*spikes)
    worst: dict[int, int] = {}
    for time, latency in spikes:
        worst[NOW + time] = max(worst.get(NOW + time, 0), latency)
    assert made.history("command") == list(worst.items())[-HISTORY_LENGTH:]
    latest = made.latest()[0]
    assert latest.maximum == max(latency for _, latency in spikes)
    assert latest.total == sum(latency for _, latency in spikes)
    assert latest.spikes == len(spikes)


def test_what_held_the_server_up_is_told(make_server):
    server = make_server(
        appendonly="yes", appendfsync="always", latency_monitor_threshold="1", enable_debug_command="yes"
    )
    with server.connect() as client:
        assert client.call("DEBUG", "AOF-FLUSH-SLEEP", "20000") == "OK"
        until(lambda: events(client) >= {b"aof-write", b"aof-write-alone"} or client.call("SET", "k", "v") is None)
        assert client.call("DEBUG", "AOF-FLUSH-SLEEP", "0") == "OK"
        assert client.call("DEBUG", "SLEEP", "0.005") == "OK"
        assert b"command" in events(client)
        assert b"aof-write-alone" in client.call("LATENCY", "DOCTOR")


def events(client):
    return {event[0] for event in client.call("LATENCY", "LATEST")}
