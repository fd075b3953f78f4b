"""The report of `--keystats`: its form is the one that scripts know from Redis's documentation."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from redpoll.cli.key_stats import _report, _Statistics, deviation, mean, percentiles, ranges
from tests.cli.test_modes import OURS, run

KEYS = [
    (b"bikes:finished", b"list", 104, 1),
    (b"all_bikes", b"string", 120, 36),
    (b"bikes:models", b"MBbloomCF", 1048680, 0),
    (b"race:italy", b"stream", 7172, 3),
    (b"race:france", b"stream", 5036, 4),
    (b"na\nme", b"string", 64, 1),
]
REPORT = """\
100.00% ||||||||||||||||||||||||||||||||||||||||||||||||||||||||||||
Keys sampled: 6
Keys size:    1.01M

--- Top 3 key sizes ---
  1    1.00M MBbloomCF  "bikes:models"
  2    7.00K stream     "race:italy"
  3    4.92K stream     "race:france"

--- Top size per type ---
list       bikes:finished is 104B
string     all_bikes is 120B
MBbloomCF  bikes:models is 1.00M
stream     race:italy is 7.00K

--- Top length and cardinality per type ---
list       bikes:finished has 1 items
string     all_bikes has 36B
stream     race:france has 4 entries

Key size Percentile Total keys
-------- ---------- -----------
     64B    0.0000%           1
    120B   50.0000%           3
   7.00K   75.0000%           5
   1.00M  100.0000%           6
Note: 0.01% size precision, Mean: 172.72K, StdDeviation: 380.76K

Key name length Percentile Total keys
--------------- ---------- -----------
            14B  100.0000%           6
Total key length is 61B (10B avg)

Type        Total keys  Keys % Tot size Avg size  Total length/card Avg ln/card
--------- ------------ ------- -------- -------- ------------------ -----------
list                 1  16.67%     104B     104B            1 items        1.00
string               2  33.33%     184B      92B                37B         18B
MBbloomCF            1  16.67%    1.00M    1.00M                 -           -·
stream               2  33.33%   11.92K    5.96K          7 entries        3.50
""".replace("·", " ")


def test_the_report() -> None:
    statistics = _Statistics(3)
    for key in KEYS:
        statistics.add(*key)
    names = sum(len(name) for name, *_ in KEYS)
    sampler: Any = SimpleNamespace(sampled=6, bytes_of_names=names, percent=100.0, cancelled=False, cursor=0)
    session: Any = None
    assert "\n".join(_report(session, sampler, statistics)) == REPORT


def test_names_of_many_lengths() -> None:
    lengths = {0: 1, 5: 2, 32: 1, 33: 3, 300: 1, 70000: 2}
    assert ranges(lengths) == [(32, 40.0, 4), (33, 70.0, 7), (300, 80.0, 8), (70000, 100.0, 10)]
    assert ranges({}) == []


@given(st.dictionaries(st.integers(0, 10**9), st.integers(1, 50), min_size=1, max_size=30))
def test_percentiles_hold_what_they_say(counts: dict[int, int]) -> None:
    total = sum(counts.values())
    rows = percentiles(counts)
    assert rows[-1] == (max(counts), 100.0, total)
    for value, level, seen in rows:
        assert seen == sum(count for other, count in counts.items() if other <= value)
        assert 100 * seen / total >= level
    assert [level for _, level, _ in rows] == sorted(level for _, level, _ in rows)
    every = [value for value, count in counts.items() for _ in range(count)]
    assert abs(mean(counts) - sum(every) / total) < 1e-3
    assert abs(deviation(counts) ** 2 - sum((one - mean(counts)) ** 2 for one in every) / total) <= 1e-6 * 10**18


def test_a_whole_server(server: Any) -> None:
    with server.connect() as client:
        client.call("SET", "text", "x" * 100)
        client.call("ZADD", "zset", "1", "a", "2", "b")
        client.call("HSET", "hash", "f", "v")
    code, output, errors = run(OURS, server, ("--keystats", "--top", "2"))
    assert (code, errors) == (0, "")
    assert output.startswith("\n# Scanning the entire keyspace to find the biggest keys and distribution information.")
    assert "Keys sampled: 3\n" in output
    assert "\n--- Top 2 key sizes ---\n  1 " in output
    assert "\nzset       zset has 2 members\n" in output
    code, output, errors = run(OURS, server, ("--keystats-samples", "0", "--pattern", "nothing*"))
    assert (code, errors) == (0, "")
    assert "Keys sampled: 0\n" in output
