"""The rings of slow and large commands."""

from redpoll.server.commandlog import CommandLog, CommandLogs


def add(log, value, *words, time=100):
    log.add(value, words, unix_time=time, address=b"127.0.0.1:5000", client_name=b"app")


def test_entries_come_newest_first_with_growing_ids():
    log = CommandLog()
    for value in (7, 8, 9):
        add(log, value, b"GET", b"k", time=100 + value)
    assert [(entry.id, entry.unix_time, entry.value) for entry in log.newest(-1)] == [
        (2, 109, 9),
        (1, 108, 8),
        (0, 107, 7),
    ]
    entry = log.newest(1)[0]
    assert (entry.words, entry.address, entry.client_name, entry.word_count) == (
        (b"GET", b"k"),
        b"127.0.0.1:5000",
        b"app",
        2,
    )
    assert log.newest(0) == []
    assert len(log.newest(2)) == 2


def test_the_oldest_make_room():
    log = CommandLog(3)
    for value in range(10):
        add(log, value, b"PING")
    assert len(log) == 3
    assert [entry.id for entry in log.newest(-1)] == [9, 8, 7]


def test_a_smaller_length_takes_effect_with_the_next_entry():
    log = CommandLog(5)
    for value in range(5):
        add(log, value, b"PING")
    log.max_len = 2
    assert len(log) == 5
    add(log, 5, b"PING")
    assert [entry.value for entry in log.newest(-1)] == [5, 4]


def test_reset_keeps_counting_ids():
    log = CommandLog()
    add(log, 1, b"PING")
    log.reset()
    assert len(log) == 0
    add(log, 1, b"PING")
    assert log.newest(1)[0].id == 1


def test_words_beyond_the_limit_are_counted_in_the_last_one():
    log = CommandLog()
    for count in (31, 32, 33, 40):
        add(log, 1, *[b"%d" % number for number in range(count)])
    forty, thirty_three, thirty_two, thirty_one = (entry.words for entry in log.newest(-1))
    assert len(thirty_one) == 31
    assert thirty_two[-1] == b"31"
    assert len(thirty_three) == 32
    assert thirty_three[-2:] == (b"30", b"... (2 more arguments)")
    assert len(forty) == 32
    assert forty[-1] == b"... (9 more arguments)"
    assert [entry.word_count for entry in log.newest(-1)] == [40, 33, 32, 31]


def test_long_words_are_cut():
    log = CommandLog()
    add(log, 1, b"SET", b"x" * 128, b"y" * 129, b"z" * 300)
    assert log.newest(1)[0].words == (
        b"SET",
        b"x" * 128,
        b"y" * 128 + b"... (1 more bytes)",
        b"z" * 128 + b"... (172 more bytes)",
    )


def test_limits_are_settings():
    log = CommandLog(max_args=2, max_word_len=4)
    add(log, 1, b"COMMAND", b"a", b"b")
    assert log.newest(1)[0].words == (b"COMM... (3 more bytes)", b"... (2 more arguments)")


def test_words_may_be_any_buffer():
    log = CommandLog()
    add(log, 1, memoryview(b"GET"), bytearray(b"key"))
    assert log.newest(1)[0].words == (b"GET", b"key")


def test_wants_from_the_threshold_on():
    log = CommandLog(threshold=100)
    assert [log.wants(value) for value in (99, 100, 101)] == [False, True, True]
    log.threshold = 0
    assert log.wants(0)
    log.threshold = -1
    assert not log.wants(10**9)
    log = CommandLog(0, threshold=0)
    assert not log.wants(1)


def test_statistics_cover_entries_that_are_gone():
    log = CommandLog(1)
    for value in (5, 30, 10):
        add(log, value, b"PING")
    log.reset()
    assert (log.count, log.value_sum, log.value_max) == (3, 45, 30)
    log.reset_statistics()
    assert (log.count, log.value_sum, log.value_max) == (0, 0, 0)


def test_logs_by_name():
    logs = CommandLogs()
    assert logs.named(b"SLOW") is logs.slow
    assert logs.named(b"large-request") is logs.large_request
    assert logs.named(b"Large-Reply") is logs.large_reply
    assert logs.named(b"fast") is None
