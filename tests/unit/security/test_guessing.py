"""Guesses are held up, honest mistakes are not; and the log of refusals."""

from redpoll.security.denials import Denials
from redpoll.security.guessing import FREE, LONGEST_QUEUE_MS, LONGEST_WAIT_MS, Guesses

NOW = 1_000_000


def failing(times: int) -> Guesses:
    guesses = Guesses()
    for _ in range(times):
        guesses.failed("a", NOW)
    return guesses


def test_few_failures_cost_nothing() -> None:
    guesses = failing(FREE - 1)
    assert guesses.wait_ms("a", NOW) == 0
    assert guesses.wait_ms("a", NOW) == 0


def test_many_failures_wait_one_after_the_other() -> None:
    guesses = failing(FREE)
    first, second = guesses.wait_ms("a", NOW), guesses.wait_ms("a", NOW)
    assert 0 < first < second
    assert guesses.wait_ms("b", NOW) == 0


def test_the_wait_grows_up_to_a_limit() -> None:
    assert failing(FREE + 100).wait_ms("a", NOW) > failing(FREE).wait_ms("a", NOW)
    assert failing(FREE + 100_000).wait_ms("a", NOW) == LONGEST_WAIT_MS


def test_too_many_that_wait_are_not_looked_at() -> None:
    guesses = failing(FREE + 100_000)
    waits = [guesses.wait_ms("a", NOW) for _ in range(LONGEST_QUEUE_MS // LONGEST_WAIT_MS + 2)]
    assert waits[-1] == -1


def test_failures_are_forgotten() -> None:
    guesses = failing(FREE + 10)
    assert guesses.wait_ms("a", NOW + 11_000) == 0


def test_memory_is_bounded() -> None:
    guesses = Guesses()
    for number in range(25_000):
        guesses.failed(str(number), NOW)
    assert len(guesses) <= 10_000


def note(log: Denials, what: bytes = b"get", now_ms: int = NOW, context: str = "toplevel") -> None:
    log.note("command", context, what, b"u", client=b"id=%d" % now_ms, now_ms=now_ms)


def test_the_same_within_a_minute_is_one_entry() -> None:
    log = Denials()
    note(log)
    note(log, b"set")
    note(log, now_ms=NOW + 60_000)
    assert [(entry.object, entry.count, entry.id) for entry in log.newest(9)] == [(b"get", 2, 0), (b"set", 1, 1)]
    first = next(log.newest(1))
    assert (first.created_ms, first.updated_ms, first.client) == (NOW, NOW + 60_000, b"id=1060000")
    note(log, now_ms=NOW + 120_001)
    assert len(log) == 3
    note(log, context="multi", now_ms=NOW + 120_001)
    assert len(log) == 4


def test_the_log_has_a_limit() -> None:
    log = Denials(2)
    for number in range(5):
        note(log, b"%d" % number)
    assert [entry.object for entry in log.newest(9)] == [b"4", b"3"]
    log.limit = 0
    note(log)
    assert len(log) == 0
    assert log.counts["command"] == 6
    log.reset_counts()
    assert log.counts["command"] == 0
