"""RDB files and logs that were cut or changed: never a crash, and never taken for whole what is not.

`REDPOLL_DAMAGES=50000` has more of each looked at.
"""

import os
import random
from collections.abc import Callable
from pathlib import Path

import pytest
from redpoll.engine.keyspace import Keyspace
from redpoll.persistence.log_reader import LogReader, goes_on_behind
from redpoll.persistence.rdb_load import load
from redpoll.persistence.rdb_reader import DamagedFile, RdbReader
from redpoll.server.replay import BadLog, Replay

from redpoll import commands
from redpoll.embedded import Store
from tests.log_files import as_log, commands_of, put_log
from tests.peers import Server, ServerFailed
from tests.resp import Connection

commands.load()
FILES = sorted((Path(__file__).parents[1] / "data" / "rdb").glob("*.rdb"))
MANY = int(os.environ.get("REDPOLL_DAMAGES", 1500))


def load_bytes(data: bytes, *, verifying: bool, careful: bool = False) -> Keyspace:
    """Load a file that is in memory. Raises `DamagedFile`."""
    keyspace = Keyspace(16)
    descriptor = os.memfd_create("rdb")
    try:
        os.write(descriptor, data)
        os.lseek(descriptor, 0, os.SEEK_SET)
        reader = RdbReader(keyspace, descriptor, size=len(data), verifying=verifying, careful=careful)
        load(keyspace, reader, keep_expired=True)
    finally:
        os.close(descriptor)
    return keyspace


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_every_change_of_an_rdb_file_is_found(path: Path) -> None:
    data = path.read_bytes()
    load_bytes(data, verifying=True)
    chance = random.Random(1)
    for _ in range(MANY):
        place = chance.randrange(len(data))
        bad = bytearray(data)
        bad[place] ^= 1 << chance.randrange(8)
        with pytest.raises(DamagedFile):
            load_bytes(bytes(bad), verifying=True)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_cut_rdb_file_is_never_whole(path: Path) -> None:
    data = path.read_bytes()
    chance = random.Random(2)
    for _ in range(MANY // 3):
        with pytest.raises(DamagedFile):
            load_bytes(data[: chance.randrange(len(data))], verifying=True)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_without_the_checksum_nothing_crashes(path: Path) -> None:
    """Changes that only the structures could tell: what is loaded can be saved again, what is not is refused."""
    data = path.read_bytes()
    chance = random.Random(3)
    for number in range(MANY):
        bad = bytearray(data)
        for _ in range(chance.randrange(1, 4)):
            bad[chance.randrange(len(data))] = chance.randrange(256)
        offset = 0
        try:
            load_bytes(bytes(bad), verifying=False, careful=number % 2 == 0)
        except DamagedFile as error:
            offset = error.offset
        assert 0 <= offset <= len(data)


LOG = as_log(
    ("SELECT", 0), ("SET", "one", "1"), ("MULTI",), ("SET", "two", "*3 no $ command"), ("INCR", "n"), ("EXEC",),
    ("RPUSH", "list", *range(70)), ("SET", "three", "x" * 300), ("HSET", "h", "a", ""), ("INCR", "n"),
)  # fmt: skip


def test_a_log_cut_anywhere_is_whole_up_to_a_command() -> None:
    ends = [0]
    for command in commands_of(LOG):
        ends.append(ends[-1] + len(as_log(command)))
    within = range(ends[2] + 1, ends[6])
    for size in range(len(LOG)):
        reader = LogReader(LOG[:size])
        reader.run()
        expected = max(end for end in ends if end <= size)
        if size in within:
            expected = ends[2]
        assert reader.whole == expected, size
        assert reader.torn == (size != expected)
        if reader.torn and size not in within:
            assert not goes_on_behind(LOG[:size], reader.offset)


def test_a_changed_log_never_crashes() -> None:
    chance = random.Random(4)
    for _ in range(MANY * 3):
        bad = bytearray(LOG)
        for _ in range(chance.randrange(1, 4)):
            bad[chance.randrange(len(LOG))] = chance.randrange(256)
        reader = LogReader(bytes(bad))
        reader.run()
        assert reader.whole <= reader.offset <= len(bad)
        if reader.problem and not reader.torn:
            assert reader.whole < len(bad)


def test_a_changed_log_is_run_as_far_as_it_is_whole() -> None:
    """Thousands of them, by what loads them: it stops where the checker says, and never goes on behind damage."""
    chance = random.Random(5)
    outcomes = {"whole": 0, "torn": 0, "damaged": 0, "unknown": 0}
    with Store() as store:
        for _ in range(MANY * 2):
            bad = bytearray(LOG[: chance.choice([len(LOG), chance.randrange(1, len(LOG))])])
            for _ in range(chance.randrange(0, 3)):
                bad[chance.randrange(len(bad))] ^= 1 << chance.randrange(8)
            data = bytes(bad)
            reader = LogReader(data)
            reader.run()
            store.reset()
            replay = Replay(store.server.dispatcher, data)
            stopped: BadLog | None = None
            try:
                while replay.run(3):
                    pass
            except BadLog as error:
                stopped = error
            whole, reached = replay.whole, replay.offset
            replay.close()
            if stopped is None:
                outcomes["whole" if whole == len(data) else "torn"] += 1
                assert whole == reader.whole
                continue
            outcomes["unknown" if stopped.unknown else "damaged"] += 1
            assert reached <= stopped.offset <= len(data)
            assert stopped.unknown or reader.problem
    assert min(outcomes.values()) > MANY // 100, outcomes


def answers(client: Connection) -> list[object]:
    return [
        client.call(*words)
        for words in (("GET", "one"), ("GET", "two"), ("GET", "n"), ("LLEN", "list"), ("STRLEN", "three"))
    ]


@pytest.mark.parametrize("seed", range(6))
def test_a_server_starts_from_the_whole_part_or_not_at_all(
    make_server: Callable[..., Server], tmp_path: Path, seed: int
) -> None:
    """Of a cut log what was whole; of a changed one the same, unless it can be seen that more was there."""
    chance = random.Random(seed)
    bad = bytearray(LOG[: chance.randrange(1, len(LOG))])
    if seed % 2:
        bad = bytearray(LOG)
        place = LOG.index(b"$5\r\nthree") + 1
        bad[place] = ord("9")
    put_log(tmp_path, increments=(bytes(bad),))
    if seed % 2:
        with pytest.raises(ServerFailed, match="damaged at offset"):
            make_server(dir=str(tmp_path), appendonly="yes")
        assert next(tmp_path.glob("appendonlydir/*.incr.aof")).read_bytes() == bytes(bad)
        return
    reader = LogReader(bytes(bad))
    reader.run()
    server = make_server(dir=str(tmp_path), appendonly="yes")
    other = tmp_path / "other"
    put_log(other, increments=(LOG[: reader.whole],))
    expected = make_server(dir=str(other), appendonly="yes")
    with server.connect() as client, expected.connect() as there:
        assert answers(client) == answers(there)


def test_a_tail_of_rubbish_may_be_cut(make_server: Callable[..., Server], tmp_path: Path) -> None:
    """As a file system leaves one whose blocks were not written: zeros behind what was."""
    put_log(tmp_path, increments=(LOG + bytes(100),))
    with pytest.raises(ServerFailed, match="damaged at offset"):
        make_server(dir=str(tmp_path), appendonly="yes")
    server = make_server(dir=str(tmp_path), appendonly="yes", aof_load_corrupt_tail_max_size=100)
    with server.connect() as client:
        assert client.call("GET", "n") == b"2"
