"""`--vset-recall`, on a scripted server, and on a real one that has vector sets."""

from __future__ import annotations

import struct
from typing import Any

import pytest

from redpoll.cli.recall import mixture, report
from tests.benchmark.fake import FakeServer, bulk
from tests.cli.test_modes import OURS, run


def place(port: int) -> Any:
    return type("Place", (), {"port": port})


def array(*elements: bytes) -> bytes:
    return b"*%d\r\n" % len(elements) + b"".join(map(bulk, elements))


def test_what_is_asked_and_told() -> None:
    answers = {b"vdim": b":3\r\n", b"vrandmember": array(b"x", b"y"), b"vemb": array(b"1", b"0.5", b"-2e-1")}
    with FakeServer(answers) as fake:

        def look(_: int) -> None:
            words = fake.requests[-1]
            fake.answers[b"vsim"] = array(b"a", b"b", b"c", b"d") if words[-1] == b"TRUTH" else array(b"d", b"e", b"a")

        fake.before_reply = look
        more = ("--vset-recall-ele", "2", "--vset-recall-count", "4", "--vset-recall-ef", "77", "-r", "3")
        code, output, errors = run(OURS, place(fake.port), ("--vset-recall", "some set", *more))
    assert (code, errors) == (0, "")
    assert output.startswith(
        "\n# Testing recall for vector set: some set (dimension: 3)\n"
        "# Mixing 2 random element vectors, top 4 results, EF=77\n\n"
    )
    assert "Total queries:   3\nAverage recall:  50.00%\n" in output
    assert output.endswith(
        "  50.0%         100.00%\n  60.0%           0.00%\n  70.0%           0.00%\n  80.0%           0.00%\n"
        "  85.0%           0.00%\n  90.0%           0.00%\n  95.0%           0.00%\n  99.0%           0.00%\n"
        " 100.0%           0.00%\n"
    )
    assert fake.requests[:4] == [
        [b"VDIM", b"some set"], [b"VRANDMEMBER", b"some set", b"2"], [b"VEMB", b"some set", b"x"],
        [b"VEMB", b"some set", b"y"],
    ]  # fmt: skip
    approximate, true = fake.requests[4:6]
    assert approximate[:3] == true[:3] == [b"VSIM", b"some set", b"FP32"]
    assert approximate[3] == true[3]
    assert struct.unpack("<3f", true[3]) == pytest.approx((1, 0.5, -0.2))
    assert approximate[4:] == [b"COUNT", b"4", b"EF", b"77"]
    assert true[4:] == [b"COUNT", b"4", b"TRUTH"]


@pytest.mark.parametrize("answer", [b"-ERR unknown command\r\n", b"-ERR key does not exist\r\n", b"$-1\r\n", b":0\r\n"])
def test_no_vector_set(answer: bytes) -> None:
    with FakeServer({b"vdim": answer}) as fake:
        done = run(OURS, place(fake.port), ("--vset-recall", "k"))
    assert done == (1, "", "Error: Cannot get dimension for key k\n")


def test_an_error_amid_it() -> None:
    with FakeServer({b"vdim": b":2\r\n", b"vrandmember": b"-ERR no\r\n"}) as fake:
        code, _, errors = run(OURS, place(fake.port), ("--vset-recall", "k"))
    assert (code, errors) == (1, "Error: ERR no\n")


def test_a_mixture_lies_between() -> None:
    low, high = [b"0", b"10"], [b"1", b"-10"]
    for _ in range(20):
        one, two = struct.unpack("<2f", mixture([low, high]))
        assert 0 <= one <= 1
        assert two == pytest.approx(10 - 20 * one, abs=1e-4)


def test_figures_of_all_queries() -> None:
    text = report([100.0, 50.0, 90.0, 80.0])
    assert "Average recall:  80.00%\nMean recall:     80.00%\nMedian recall:   85.00%\n" in text
    assert "StdDev:          18.71%\n" in text
    assert "Min recall:      50.00%\nMax recall:      100.00%\n" in text
    assert "  90.0%          50.00%\n" in text
    assert "Total queries:   0\n" in report([])


def test_a_real_vector_set(make_server: Any) -> None:
    server = make_server("redis82")
    with server.connect() as client:
        if client.call("VADD", "v", "VALUES", "2", "1", "0", "first") != 1:
            pytest.skip("this server has no vector sets")
        for number in range(200):
            client.call("VADD", "v", "VALUES", "2", str(number % 17), str(1 + number % 23), f"e{number}")
    code, output, _ = run(OURS, server, ("--vset-recall", "v", "-r", "5", "--vset-recall-ele", "2"))
    assert code == 0
    assert "(dimension: 2)" in output
    assert "Total queries:   5\n" in output
