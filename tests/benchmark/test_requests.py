"""The very bytes that are sent, beside the real program's."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from redpoll.benchmark.requests import Batch, Requests

from redpoll.benchmark.templates import data, split_sequence, unit
from tests.benchmark.fake import OURS, FakeServer, PeerMissing, call, theirs
from tests.conftest import missing

BUILT_IN = ("ping_inline", "ping_mbulk", "set", "get", "incr", "lpush", "rpush", "lpop", "rpop", "sadd", "hset", "spop",
            "zadd", "zpopmin", "lrange_100", "lrange_300", "lrange_500", "lrange_600", "mset")  # fmt: skip


@pytest.fixture(scope="module")
def fake() -> Iterator[FakeServer]:
    with FakeServer({b"hello": b"%1\r\n+proto\r\n:3\r\n"}) as server:
        yield server


def real() -> list[str]:
    try:
        return theirs()
    except PeerMissing as problem:
        missing(problem)
        raise


def streams(program: list[str], fake: FakeServer, *words: str, given: bytes = b"") -> list[bytes]:
    """What each connection sent that did more than ask for settings."""
    fake.forget()
    done = call(program, ["-p", str(fake.port), *words], given)
    assert done.returncode == 0, done.stderr
    return fake.loads()


INVOCATIONS = [
    *((f"{name}", ("-c", "1", "-n", "3", "-t", name)) for name in BUILT_IN),
    ("lrange", ("-c", "1", "-n", "1", "-t", "lrange")),
    ("several tests", ("-c", "1", "-n", "1", "-t", "GET,set,nonsense")),
    ("values of a size", ("-c", "1", "-n", "2", "-d", "300", "-t", "set,mset")),
    ("no values of nothing", ("-c", "1", "-n", "2", "-d", "0", "-t", "set")),
    ("a pipeline", ("-c", "1", "-n", "10", "-P", "4", "-t", "set")),
    ("a pipeline of none", ("-c", "1", "-n", "2", "-P", "0", "-t", "set")),
    ("a password", ("-c", "1", "-n", "1", "-a", "secret", "-t", "get")),
    ("a user", ("-c", "1", "-n", "1", "-a", "secret", "--user", "joe", "-t", "get")),
    ("a user without a password", ("-c", "1", "-n", "1", "--user", "joe", "-t", "get")),
    ("a database", ("-c", "1", "-n", "1", "--dbnum", "7", "-t", "get")),
    ("RESP3", ("-c", "1", "-n", "1", "-3", "-t", "get")),
    ("tracking", ("-c", "1", "-n", "1", "-3", "--enable-tracking", "-t", "get")),
    ("all of it", ("-c", "1", "-n", "1", "-3", "--enable-tracking", "-a", "x", "--dbnum", "2", "-t", "get")),
    ("a command", ("-c", "1", "-n", "2", "eval", "return redis.call('ping')", "0")),
    ("a command with an empty word", ("-c", "1", "-n", "2", "set", "", "")),
    ("a command without a key space", ("-c", "1", "-n", "2", "set", "k:__rand_int__", "v")),
    ("a key space of one", ("-c", "1", "-n", "2", "-r", "1", "set", "k:__rand_int__", "v__rand_int__")),
    ("a key space of one, scores", ("-c", "1", "-n", "2", "-r", "1", "-t", "zadd,sadd,hset,mset,incr")),
    ("no connection is kept", ("-c", "1", "-n", "1", "-k", "0", "-t", "get")),
    ("quietly", ("-q", "-c", "1", "-n", "1", "-t", "get")),
    ("in a thread", ("--threads", "1", "-c", "1", "-n", "2", "-t", "get")),
]  # fmt: skip


@pytest.mark.parametrize(("name", "words"), INVOCATIONS, ids=[name for name, _ in INVOCATIONS])
def test_sends_what_redis_benchmark_sends(name: str, words: tuple[str, ...], fake: FakeServer) -> None:
    assert streams(OURS, fake, *words) == streams(real(), fake, *words)


def test_the_last_argument_from_the_input(fake: FakeServer) -> None:
    words = ("-c", "1", "-n", "2", "-x", "set", "key")
    given = b"a\r\nb\xff\n"
    sent = streams(OURS, fake, *words, given=given)
    assert sent == streams(real(), fake, *words, given=given)
    assert given in sent[0]


def test_a_connection_a_request_without_keep_alive(fake: FakeServer) -> None:
    words = ("-k", "0", "-c", "1", "-n", "4", "-a", "pw", "-t", "get")
    ours = streams(OURS, fake, *words)
    assert [stream for stream in ours if b"GET" in stream] == [
        stream for stream in streams(real(), fake, *words) if b"GET" in stream
    ]
    assert sum(b"GET" in stream for stream in ours) == 4


def test_numbers_are_of_the_key_space_and_change(fake: FakeServer) -> None:
    (sent,) = streams(OURS, fake, "-c", "1", "-n", "2000", "-P", "20", "-r", "50", "-t", "set")
    numbers = re.findall(rb"key:(\d{12})\r\n", sent)
    assert len(numbers) == 2000
    assert {int(number) for number in numbers} == set(range(50))


def test_the_same_seed_gives_the_same_requests(fake: FakeServer) -> None:
    words = ("-c", "1", "-n", "50", "-r", "1000000", "-t", "zadd")
    first = streams(OURS, fake, "--seed", "5", *words)
    assert streams(OURS, fake, "--seed", "5", *words) == first
    assert streams(OURS, fake, "--seed", "6", *words) != first


def test_counts_are_those_asked_for(fake: FakeServer) -> None:
    streams(OURS, fake, "-c", "10", "-n", "10010", "-P", "5", "--threads", "3", "-q", "-t", "incr")
    assert len(fake.asked) == 10010


def test_sequences(fake: FakeServer) -> None:
    streams(OURS, fake, "-q", "-n", "12", "--", "incr", "foo", ";", "3", "incr", "bar")
    assert sorted(fake.asked) == [[b"incr", b"bar"]] * 9 + [[b"incr", b"foo"]] * 3


def test_sequential_numbers(fake: FakeServer) -> None:
    words = ("-q", "-r", "50", "-n", "1000", "--sequential", "-c", "4", "--threads", "2")
    streams(OURS, fake, *words, "--", "set", "j__rand_int__", "rain", ";", "set", "k__rand_1st__", "rain")
    assert len(fake.asked) == 1000
    assert {request[1] for request in fake.asked} == {
        b"%b%012d" % (kind, n) for kind in (b"j", b"k") for n in range(50)
    }


def test_sequential_members_are_as_many_as_asked_for(fake: FakeServer) -> None:
    streams(OURS, fake, "-q", "-r", "50", "-n", "50", "--sequential", "-t", "zadd")
    assert {(int(score), member) for _, _, score, member in fake.asked} == {
        (number, b"element:%012d" % number) for number in range(50)
    }


def test_a_data_set_goes_out_record_by_record(fake: FakeServer, tmp_path) -> None:
    (tmp_path / "goods.csv").write_text('id,name\n1,"pen, red"\n2,cup\n3,hat\n', encoding="utf-8")
    words = ("-q", "-c", "1", "-n", "5", "--dataset", str(tmp_path / "goods.csv"), "--maxdocs", "2")
    streams(OURS, fake, *words, "hset", "good:__field:id__", "name", "__field:name__")
    assert [request[1:] for request in fake.asked] == [
        [b"good:1", b"name", b"pen, red"], [b"good:2", b"name", b"cup"],
    ] * 2 + [[b"good:1", b"name", b"pen, red"]]  # fmt: skip


def test_a_data_set_of_xml(fake: FakeServer, tmp_path) -> None:
    (tmp_path / "pages.xml").write_text(
        "<all><page><t>a&lt;</t></page><page><x><t>b</t></x></page></all>", encoding="utf-8"
    )
    words = ("-q", "-c", "1", "-n", "2", "--dataset", str(tmp_path / "pages.xml"), "--xml-root-element", "page")
    streams(OURS, fake, *words, "set", "p", "__field:t__")
    assert [request[2] for request in fake.asked] == [b"a<", b"b"]


# -- without a server ---------------------------------------------------------------


def batch(commands: list[list[bytes]], pipeline: int = 1, **words) -> Batch:
    made = unit(commands, b"xyz")
    return Batch(Requests([(made.text, made.commands)], [made.places], [made.tags], **words), pipeline, 1)


def test_places_of_a_sequence_share_their_number() -> None:
    made = batch([[b"SET", b"__rand_1st__", b"__rand_int__"], [b"GET", b"__rand_1st__", b"__rand_2nd__"]], keys=10**12)
    texts = [re.findall(rb"\d{12}", made.take(1)) for _ in range(50)]
    for first, new, again, second in texts:
        assert first == again
        assert len({first, new, second}) == 3
    assert len({first for first, *_ in texts}) == 50


def test_tags_are_put_into_braces() -> None:
    made = batch([[b"MSET", b"a{tag}", b"1", b"b{tag}", b"__data__"]], pipeline=2)
    assert made.take(2, b"06S") == b"*5\r\n$4\r\nMSET\r\n$6\r\na{06S}\r\n$1\r\n1\r\n$6\r\nb{06S}\r\n$3\r\nxyz\r\n" * 2


def test_a_mix_keeps_its_weights() -> None:
    parts = [unit([[b"GET"]], b""), unit([[b"SET"]], b""), unit([[b"DEL"]], b"")]
    requests = Requests([(part.text, 1) for part in parts], [[], [], []], [[], [], []], "mixed", [79.0, 20.0, 1.0])
    made = Batch(requests, 100, 7)
    text = b"".join(made.take(100) for _ in range(1000))
    for name, share in ((b"GET", 0.79), (b"SET", 0.20), (b"DEL", 0.01)):
        assert abs(text.count(name) / 100_000 - share) < 0.005


def test_values_are_redis_benchmarks() -> None:
    assert data(50) == b"VXKeHogKgJ=[5V9_X^b?48OKF2jGA<f:iR@50o7dS3JV4Q6L68"


@pytest.mark.parametrize("words", [[b";"], [b"get", b"a", b";", b";", b"get"], [b"3"], [b"0", b"get", b"a"]])
def test_sequences_that_make_no_sense(words: list[bytes]) -> None:
    with pytest.raises(ValueError):
        split_sequence(words)
