"""A disk that fails: clients are told, nothing acknowledged is lost, and it heals by itself."""

import contextlib
import dataclasses
import errno
import resource
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.faults.disk import Disk
from tests.faults.workload import Writer, check, kill, launch
from tests.peers import Server, Target, find
from tests.peers import start as launch_target
from tests.resp import Connection, ErrorReply

REFUSAL = "MISCONF Errors writing to the AOF file: "


@pytest.fixture
def start() -> Iterator[Callable[..., Server]]:
    started: list[Server] = []

    def begin(environment: dict[str, str] | None = None, **options: str | int) -> Server:
        started.append(launch(environment, **options))
        return started[-1]

    yield begin
    for server in started:
        if server.is_alive():
            kill(server)


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 15
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def answered(server: Server, *words: str) -> str:
    """The reply; nothing where it waits for the disk."""
    with server.connect(timeout=1.0) as client:
        try:
            return str(client.call(*words))
        except TimeoutError:
            return ""


def refusal_of(client: Connection) -> str:
    return str(client.call("SET", "probe", "value"))


def refuses(client: Connection) -> bool:
    return isinstance(client.call("SET", "probe", "value"), ErrorReply)


def go_on_and_stop(writers: list[Writer], client: Connection) -> None:
    """Until each has had more answers; then all that was answered is on the disk."""
    counts = [len(writer.acknowledged) for writer in writers]
    until(lambda: all(len(w.acknowledged) > count + 50 for w, count in zip(writers, counts, strict=True)))
    for writer in writers:
        writer.stopping = True
    for writer in writers:
        writer.join(30)
    assert client.call("WAITAOF", 1, 0, 10_000) == [1, 0]


@pytest.mark.parametrize("what", ["sync", "write"])
@pytest.mark.parametrize("policy", ["always", "everysec"])
def test_the_log_heals(start, tmp_path: Path, what: str, policy: str) -> None:
    disk = Disk(tmp_path)
    options = {"dir": str(disk.root), "appendonly": "yes", "appendfsync": policy}
    server = start(disk.environment, **options)
    writers = [Writer(server, f"c{number}", clock=disk.now) for number in range(2)]
    for writer in writers:
        writer.start()
    with server.connect() as client:
        until(lambda: all(len(writer.acknowledged) > 50 for writer in writers))
        disk.fail(what, errno.EIO if what == "sync" else errno.ENOSPC)
        # A reply that waits for a try of the disk goes out when that fails, unless it tells of a change of its own.
        until(lambda: b"aof_last_write_status:err" in bytes(client.call("INFO", "persistence")))
        tries = iter(range(100))
        until(lambda: answered(server, "SET", f"probe{next(tries)}", "value").startswith(REFUSAL))
        until(lambda: client.call("PING").startswith("MISCONF"))
        assert client.call("GET", f"probe{next(tries) - 1}") is None
        disk.heal()
        until(lambda: not refuses(client))
        go_on_and_stop(writers, client)
    moment = disk.now()
    kill(server)
    # What the disk has for certain, whatever the kernel still has in memory.
    place = tmp_path / "left"
    place.mkdir()
    disk.left(moment, place, None)
    again = start(**{**options, "dir": str(place)})
    with again.connect() as client:
        for writer in writers:
            check(client, writer.label, {step for step, _ in writer.acknowledged}, writer.step)


def test_a_sync_that_failed_is_not_made_good_by_the_next(start, tmp_path: Path) -> None:
    """After a failed sync the kernel takes the pages for clean: what they held has to be written once more."""
    disk = Disk(tmp_path)
    server = start(disk.environment, dir=str(disk.root), appendonly="yes", appendfsync="everysec")
    with server.connect() as client:
        client.call("SET", "before", 1)
        assert client.call("WAITAOF", 1, 0, 10_000) == [1, 0]
        disk.fail("sync", errno.EIO)
        client.call("SET", "during", 1)
        until(lambda: b"aof_last_write_status:err" in bytes(client.call("INFO", "persistence")))
        disk.heal()
        assert client.call("WAITAOF", 1, 0, 10_000) == [1, 0]
    kill(server)
    written = [record.data for record in disk.records() if record.kind == 1 and b"during" in record.data]
    assert len(written) >= 2
    log = next(disk.root.glob("appendonlydir/*.incr.aof")).read_bytes()
    assert log.count(b"during") == 1


@pytest.mark.parametrize("what", ["sync", "write"])
def test_snapshots_heal(start, tmp_path: Path, what: str) -> None:
    disk = Disk(tmp_path)
    server = start(disk.environment, dir=str(disk.root), save="3600 1000000")
    with server.connect() as client:
        client.call("SET", "k", "v" * 1000)
        assert client.call("SAVE") == "OK"
        good = (disk.root / "dump.rdb").read_bytes()
        disk.fail(what, errno.EIO)
        client.call("BGSAVE")
        until(lambda: b"rdb_last_bgsave_status:err" in bytes(client.call("INFO", "persistence")))
        assert str(client.call("SET", "k", "w")).startswith("MISCONF Redis is configured to save RDB snapshots")
        assert client.call("GET", "k") == b"v" * 1000
        assert isinstance(client.call("SAVE"), ErrorReply)
        assert (disk.root / "dump.rdb").read_bytes() == good
        assert [path.name for path in disk.root.iterdir()] == ["dump.rdb"]
        disk.heal()
        client.call("BGSAVE")
        until(lambda: not refuses(client))
        assert client.call("CONFIG", "SET", "stop-writes-on-bgsave-error", "no") == "OK"


def test_a_rewrite_that_fails_changes_nothing(start, tmp_path: Path) -> None:
    disk = Disk(tmp_path)
    options = {"appendonly": "yes", "appendfsync": "everysec"}
    server = start(disk.environment, dir=str(disk.root), **options)
    with server.connect() as client:
        for i in range(100):
            client.call("SET", f"key{i}", i)
        disk.fail("sync", errno.EIO)
        client.call("BGREWRITEAOF")
        until(lambda: b"aof_last_bgrewrite_status:err" in bytes(client.call("INFO", "persistence")))
        disk.heal()
        until(lambda: not refuses(client))
        client.call("SET", "after", 1)
        assert client.call("WAITAOF", 1, 0, 10_000) == [1, 0]
        client.call("BGREWRITEAOF")
        until(lambda: b"aof_last_bgrewrite_status:ok" in bytes(client.call("INFO", "persistence")))
        until(lambda: not list(disk.root.glob("appendonlydir/temp*")))
    kill(server)
    place = tmp_path / "left"
    place.mkdir()
    disk.left(disk.now(), place, None)
    again = start(dir=str(place), **options)
    with again.connect() as client:
        assert client.call("DBSIZE") == 102
        assert client.call("GET", "after") == b"1"


def test_a_file_that_may_not_grow(start, tmp_path: Path) -> None:
    """A full disk, as RLIMIT_FSIZE makes one: a write is done in part, and goes on where it stopped."""
    server = start(dir=str(tmp_path), appendonly="yes", appendfsync="always")
    unlimited = resource.prlimit(server.pid, resource.RLIMIT_FSIZE)
    with server.connect() as client:
        client.call("SET", "before", "x")
        resource.prlimit(server.pid, resource.RLIMIT_FSIZE, (50_000, unlimited[1]))
        with server.connect() as other:
            other.send("SET", "large", "y" * 100_000)
            until(lambda: b"aof_last_write_status:err" in bytes(client.call("INFO", "persistence")))
            assert refuses(client)
            assert not other.has_data()
            assert server.is_alive()
            resource.prlimit(server.pid, resource.RLIMIT_FSIZE, unlimited)
            assert other.read() == "OK"
        until(lambda: not refuses(client))
    kill(server)
    again = start(dir=str(tmp_path), appendonly="yes")
    with again.connect() as client:
        assert client.call("STRLEN", "large") == 100_000
        assert client.call("GET", "before") == b"x"


@pytest.fixture
def small_disk(tmp_path: Path) -> tuple[Target, Path]:
    """Redpoll on a disk of its own, a tmpfs of 4 MiB, in a mount namespace; and where the disk is there."""
    place = tmp_path / "disk"
    place.mkdir()
    enter = ("unshare", "--map-root-user", "--mount")
    mount = f"mount -t tmpfs -o size=4m none {place}"
    tried = subprocess.run([*enter, "sh", "-c", mount], capture_output=True) if shutil.which("unshare") else None
    if tried is None or tried.returncode:
        pytest.skip("no file system can be mounted here")
    plain = find("redpoll")
    return dataclasses.replace(
        plain, command=(*enter, "sh", "-c", f'{mount} && exec "$@"', "sh", *plain.command)
    ), place


@pytest.mark.parametrize("policy", ["always", "everysec"])
def test_a_disk_that_is_full(small_disk, tmp_path: Path, policy: str) -> None:
    """Of log and snapshots: writes are refused, reads go on; what was acknowledged stays, and it heals."""
    target, place = small_disk
    server = launch_target(target, dir=str(place), appendonly="yes", appendfsync=policy, save="3600 1000000")
    # The disk as the server sees it.
    disk = Path(f"/proc/{server.pid}/root{place}")
    try:
        with server.connect() as client:
            client.call("SET", "before", "x" * 100_000)
            assert client.call("SAVE") == "OK"
            good = (disk / "dump.rdb").read_bytes()
            writers = [Writer(server, f"c{number}") for number in range(2)]
            for writer in writers:
                writer.start()
            until(lambda: all(len(writer.acknowledged) > 50 for writer in writers))
            with contextlib.suppress(OSError), (disk / "ballast").open("wb", buffering=0) as ballast:
                while ballast.write(bytes(4096)):
                    pass
            until(lambda: b"aof_last_write_status:err" in bytes(client.call("INFO", "persistence")))
            assert client.call("STRLEN", "before") == 100_000
            until(lambda: refusal_of(client).startswith(REFUSAL))
            client.call("BGSAVE")
            until(lambda: b"rdb_last_bgsave_status:err" in bytes(client.call("INFO", "persistence")))
            assert isinstance(client.call("SAVE"), ErrorReply)
            assert (disk / "dump.rdb").read_bytes() == good
            (disk / "ballast").unlink()
            client.call("BGSAVE")
            until(lambda: not refuses(client))
            go_on_and_stop(writers, client)
            assert any(refusal.startswith("MISCONF") for writer in writers for refusal in writer.refused)
            shutil.copytree(disk, tmp_path / "left")
    finally:
        kill(server)
    again = launch(dir=str(tmp_path / "left"), appendonly="yes", appendfsync=policy)
    try:
        with again.connect() as client:
            assert client.call("STRLEN", "before") == 100_000
            for writer in writers:
                check(client, writer.label, {step for step, _ in writer.acknowledged}, writer.step)
    finally:
        kill(again)
