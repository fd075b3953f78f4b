"""The latency doctor: which event leads to which advice."""

import pytest

from redpoll.server import latency_doctor
from redpoll.server.latency import LatencyMonitor
from redpoll.server.latency_doctor import ADVICE, Conditions, diagnose

NOW = 1_700_000_000


def report(*events, threshold=100, **conditions):
    monitor = LatencyMonitor(threshold)
    for event in events:
        for second, latency in ((0, 150), (5, 250)):
            monitor.add(event, latency, NOW + second)
    return diagnose(monitor, Conditions(**conditions), NOW + 10)


def advice_in(text, **conditions):
    shown = {key: words.format(threshold_us=100_000, hz=conditions.get("hz", 10)) for key, words in ADVICE.items()}
    return {key for key, words in shown.items() if f"\n- {words}\n" in text}


def test_off_without_a_threshold():
    assert report(threshold=0) == latency_doctor.OFF
    assert "CONFIG SET latency-monitor-threshold" in latency_doctor.OFF


def test_calm_without_spikes():
    assert report() == latency_doctor.CALM


def test_findings_have_the_known_shape():
    text = report("command", "expire-cycle")
    assert (
        "\n1. command: 2 latency spikes (average 200ms, mean deviation 50ms, period 5.00 sec). "
        "Worst all time event 250ms.\n" in text
    )
    assert "\n2. expire-cycle: 2 latency spikes (" in text


@pytest.mark.parametrize(
    ("event", "conditions", "expected"),
    [
        ("command", {}, {"slowlog-inspect", "large-objects"}),
        ("command", {"slowlog_slower_than": -1}, {"slowlog-enable", "slowlog-inspect", "large-objects"}),
        ("command", {"slowlog_max_len": 0}, {"slowlog-enable", "slowlog-inspect", "large-objects"}),
        ("command", {"slowlog_slower_than": 100_001}, {"slowlog-tune", "slowlog-inspect", "large-objects"}),
        ("fast-command", {}, {"scheduler"}),
        ("fast-command", {"huge_pages": True}, {"scheduler", "huge-pages"}),
        ("aof-write-pending-fsync", {}, {"local-disk", "disk-contention", "ssd"}),
        ("aof-write-active-child", {}, {"no-appendfsync", "data-writeback", "ssd"}),
        ("aof-write-active-child", {"no_appendfsync_on_rewrite": True}, {"data-writeback", "ssd"}),
        ("aof-write-alone", {}, {"local-disk", "data-writeback", "ssd"}),
        ("aof-fsync-always", {"appendfsync": "always"}, {"relax-fsync"}),
        ("aof-fstat", {}, {"disk-contention", "local-disk"}),
        ("rdb-unlink-temp-file", {}, {"disk-contention", "local-disk"}),
        ("aof-rename", {}, {"write-load", "data-writeback", "ssd", "local-disk"}),
        ("aof-rewrite-diff-write", {}, {"write-load", "data-writeback", "ssd", "local-disk"}),
        ("expire-cycle", {"hz": 20}, {"hz", "large-objects"}),
        ("eviction-del", {}, {"large-objects"}),
        ("eviction-cycle", {}, {"mass-eviction"}),
    ],
)
def test_advice(event, conditions, expected):
    assert advice_in(report(event, **conditions), **conditions) == expected


def test_every_piece_of_advice_is_given_somewhere():
    given = set()
    for event in latency_doctor._BY_EVENT:
        for conditions in ({}, {"slowlog_max_len": 0}, {"slowlog_slower_than": 10**9, "appendfsync": "always"}):
            given |= advice_in(report(event, **conditions, huge_pages=True))
    assert given == set(ADVICE)


def test_advice_is_given_once():
    text = report("aof-write-alone", "aof-rename", "eviction-del", "command")
    assert text.count(ADVICE["ssd"]) == 1
    assert text.count(ADVICE["large-objects"]) == 1


def test_unknown_events_puzzle_the_doctor():
    assert report("module-thing").endswith(latency_doctor.PUZZLED)


@pytest.mark.parametrize(("rate", "word"), [(5, "terrible"), (20, "poor"), (99, "good"), (100, "excellent")])
def test_fork_rate(rate, word):
    text = report("fork", fork_gigabytes_per_second=rate)
    assert f"Worst all time event 250ms. Fork rate is {rate:.2f} GB/sec ({word}).\n" in text
