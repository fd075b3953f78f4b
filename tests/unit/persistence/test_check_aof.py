"""`redpoll-check-aof`: what it says and does, and that Debian's `redis-check-aof` says and does the same."""

import io
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from redpoll.persistence import check_aof
from tests.log_files import as_log, put_log
from tests.resp import Connection

SET = as_log(("SELECT", 0), ("SET", "foo", "hello"))
UNIT = as_log(("MULTI",), ("SET", "one", 1), ("SET", "two", 2), ("EXEC",))
TIMES = (
    b"#TS:1628217470\r\n" + as_log(("SET", "a", 1)) + b"#TS:1628217471\r\n" + as_log(("SET", "b", 1))
    + b"#TS:1628217473\r\n" + as_log(("SET", "c", 1))
)  # fmt: skip
RDB = (Path(__file__).parents[2] / "data" / "rdb" / "redis70.rdb").read_bytes()

# What a file holds, and where it stops being whole (-1: it is whole).
FILES = {
    "whole": (SET + UNIT, -1),
    "torn word": (SET + as_log(("INCR", "foo"))[:-1], len(SET)),
    "torn in a length": (SET + b"*2\r\n$", len(SET)),
    "rubbish": (SET + b"!!!", len(SET)),
    "no end of a unit": (SET + UNIT[:-15], len(SET)),
    "unit torn in the middle": (SET + UNIT[:40], len(SET)),
    "an EXEC too many": (SET + as_log(("EXEC",)), len(SET)),
    "a MULTI too many": (SET + as_log(("MULTI",), ("MULTI",)), len(SET)),
    "a wrong end": (SET + b"*1\r\n$4\r\nPINGxx", len(SET)),
    "a wrong length": (SET + b"*1\r\n$x\r\nPING\r\n", len(SET)),
    "with times": (TIMES, -1),
    "a remark": (SET + b"#a remark\r\n" + SET, -1),
}


def run(*arguments: object, answer: str = "", monkeypatch: pytest.MonkeyPatch) -> int:
    monkeypatch.setattr("sys.stdin", io.StringIO(answer))
    try:
        return check_aof.main([str(word) for word in arguments])
    except SystemExit as end:
        return int(end.code or 0)


def run_theirs(*arguments: object, answer: str = "") -> tuple[int, str]:
    tool = shutil.which("redis-check-aof")
    if tool is None:
        pytest.skip("redis-check-aof is not installed")
    done = subprocess.run([tool, *map(str, arguments)], input=answer, capture_output=True, text=True, timeout=30)
    return done.returncode, done.stdout + done.stderr


def figures(shown: str) -> list[str]:
    """The figures, without the name; and without the line, which theirs tells of where it stopped reading."""
    found = [line.partition("size=")[2] for line in shown.splitlines() if "AOF analyzed" in line]
    return [re.sub(r"ok_up_to_line=\d+, ", "", line) for line in found]


@pytest.mark.parametrize("name", FILES)
def test_single_files(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    data, whole = FILES[name]
    path = tmp_path / "a.aof"
    path.write_bytes(data)
    status = run(path, monkeypatch=monkeypatch)
    shown = capsys.readouterr().out
    assert shown.startswith("Start checking Old-Style AOF\n")
    assert status == (whole >= 0)
    assert f"AOF {path} is {'not ' if whole >= 0 else ''}valid" in shown
    assert f"ok_up_to={len(data) if whole < 0 else whole}," in shown
    line = data[: len(data) if whole < 0 else whole].count(b"\r\n") + 1
    assert f"ok_up_to_line={line}," in shown
    assert path.read_bytes() == data
    theirs = run_theirs(path)
    assert (status, figures(shown)) == (theirs[0], figures(theirs[1]))
    if whole < 0:
        return
    assert run("--fix", path, answer="n\n", monkeypatch=monkeypatch) == 1
    assert path.read_bytes() == data
    capsys.readouterr()
    assert run("--fix", path, answer="y\n", monkeypatch=monkeypatch) == 0
    assert f"Successfully truncated AOF {path}" in capsys.readouterr().out
    assert path.read_bytes() == data[:whole]
    path.write_bytes(data)
    assert run_theirs("--fix", path, answer="y\n")[0] == 0
    assert path.read_bytes() == data[:whole]


@pytest.mark.parametrize(
    ("until", "left"),
    [(1628217469, -1), (1628217470, 1), (1628217471, 2), (1628217472, 2), (1628217473, 3), (1628217499, 3)],
)
def test_cut_at_a_time(
    until: int, left: int, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    results = []
    for tool in ("ours", "theirs"):
        path = tmp_path / f"{tool}.aof"
        path.write_bytes(TIMES)
        if tool == "ours":
            status = run("--truncate-to-timestamp", until, path, monkeypatch=monkeypatch)
            shown = capsys.readouterr().out
        else:
            status, shown = run_theirs("--truncate-to-timestamp", until, path)
        results.append((status, path.read_bytes()))
        if left < 0:
            assert f"has nothing before timestamp {until}, aborting..." in shown
        elif left == 3:
            assert "Truncate nothing" in shown
        else:
            assert f"to timestamp {until}" in shown
    assert results[0] == results[1]
    whole = 3 if left < 0 else left
    assert results[0] == (left < 0, TIMES[: len(TIMES) * whole // 3])


def test_parts(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    manifest = put_log(tmp_path, base=RDB, rdb=True, increments=(SET, UNIT, b""))
    assert run(manifest, monkeypatch=monkeypatch) == 0
    shown = capsys.readouterr().out
    for line in (
        "Start checking Multi Part AOF",
        "Start to check BASE AOF (RDB format).",
        "BASE AOF",
        "Start to check INCR files.",
        "All AOF files and manifest are valid",
    ):
        assert line in shown
    assert run_theirs(manifest)[0] == 0
    last = manifest.with_name("appendonly.aof.3.incr.aof")
    last.write_bytes(SET[:-3])
    assert run("--fix", "--yes", manifest, monkeypatch=monkeypatch) == 0
    assert last.read_bytes() == SET[: -len(as_log(("SET", "foo", "hello")))]
    # Only what comes last may be cut: the next file belongs behind all of this one.
    manifest.with_name("appendonly.aof.2.incr.aof").write_bytes(UNIT[:-3])
    capsys.readouterr()
    assert run("--fix", "--yes", manifest, monkeypatch=monkeypatch) == 1
    assert "because it is not the last file" in capsys.readouterr().out
    assert run_theirs("--fix", manifest, answer="y\n")[0] == 1
    assert manifest.with_name("appendonly.aof.2.incr.aof").read_bytes() == UNIT[:-3]


def test_a_time_in_parts(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    manifest = put_log(tmp_path, base=SET, increments=(TIMES, SET))
    assert run("--truncate-to-timestamp", 1628217471, manifest, monkeypatch=monkeypatch) == 1
    assert "because it is not the last file" in capsys.readouterr().out
    assert run_theirs("--truncate-to-timestamp", 1628217471, manifest)[0] == 1
    assert run("--truncate-to-timestamp", 1628217473, manifest, monkeypatch=monkeypatch) == 0


def test_a_preamble(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.aof"
    path.write_bytes(RDB + SET)
    assert run(path, monkeypatch=monkeypatch) == 0
    assert "RDB preamble is OK, proceeding with AOF tail..." in capsys.readouterr().out
    path.write_bytes(RDB + SET[:-1])
    assert run("--fix", "--yes", path, monkeypatch=monkeypatch) == 0
    assert path.read_bytes() == RDB + as_log(("SELECT", 0))
    path.write_bytes(RDB[:500] + b"x" + RDB[501:] + SET)
    capsys.readouterr()
    assert run("--fix", "--yes", path, monkeypatch=monkeypatch) == 1
    assert "RDB preamble of AOF file" in capsys.readouterr().out


def test_damage_is_told_from_an_end(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.aof"
    path.write_bytes(SET.replace(b"$5\r\nhello", b"$9999\r\nhello") + SET + UNIT)
    assert run(path, monkeypatch=monkeypatch) == 1
    assert "whole commands follow" in capsys.readouterr().out
    path.write_bytes(SET + as_log(("SET", "key", "*1 and $2 are no commands"))[:-5])
    assert run(path, monkeypatch=monkeypatch) == 1
    assert "whole commands follow" not in capsys.readouterr().out


def test_commands_that_nobody_knows(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.aof"
    path.write_bytes(SET + as_log(("FLY", "away")))
    assert run(path, monkeypatch=monkeypatch) == 0
    assert "[warning] this version of Redpoll knows no command 'fly'" in capsys.readouterr().out


def test_the_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    for words in ((), ("--fix",), ("--nonsense", "x"), ("--truncate-to-timestamp", "-5", "x")):
        assert run(*words, monkeypatch=monkeypatch) == 1
        assert "usage: redpoll-check-aof" in capsys.readouterr().out
    assert run(tmp_path / "none.aof", monkeypatch=monkeypatch) == 1
    assert "Cannot open file" in capsys.readouterr().out
    bad = tmp_path / "appendonly.aof.manifest"
    bad.write_text("file appendonly.aof.1.base.aof seq one type b\n")
    assert run(bad, monkeypatch=monkeypatch) == 1
    assert "Invalid AOF manifest file format" in capsys.readouterr().out


@pytest.mark.parametrize("writer", ["redis70", "redis82", "valkey91"])
def test_logs_of_real_servers(
    make_server, writer: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    server = make_server(writer, appendonly="yes", appendfsync="always", aof_timestamp_enabled="yes")
    with server.connect() as client:
        fill_a_little(client)
    for manifest in server.folder.glob("appendonlydir/*.manifest"):
        assert run(manifest, monkeypatch=monkeypatch) == 0
        assert "All AOF files and manifest are valid" in capsys.readouterr().out


def fill_a_little(client: Connection) -> None:
    for i in range(100):
        client.call("SET", f"key{i}", "x" * i)
        client.call("MULTI")
        client.call("RPUSH", "list", i)
        client.call("INCR", "n")
        client.call("EXEC")
