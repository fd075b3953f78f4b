"""`redpoll-check-rdb`: what it tells of whole and damaged files."""

import json
from pathlib import Path

import pytest

from redpoll import commands
from redpoll.persistence import check_rdb

commands.load()
FILES = Path(__file__).parents[2] / "data" / "rdb"


@pytest.mark.parametrize("name", ["redis70", "redis82", "valkey91"])
def test_a_whole_file(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert check_rdb.main([str(FILES / f"{name}.rdb"), "--stats"]) == 0
    shown = capsys.readouterr().out.splitlines()
    keys = len(json.loads((FILES / f"{name}.json").read_text())) + 2
    assert f"[info] {keys} keys read" in shown
    assert "[info] 2 expires" in shown
    assert "[info] 1 already expired" in shown
    assert any(line.startswith("[stats] list (quicklist): keys=") for line in shown)
    assert "[stats] db9: keys=2,expires=1" in shown
    assert any("RDB looks OK" in line for line in shown)


def test_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert check_rdb.main([str(FILES / "valkey91.rdb"), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["version"], told["valkey"], told["error"], told["functions"]) == (80, True, None, 1)
    assert told["aux"]["valkey-ver"].startswith("9.1")
    assert told["types"]["stream (stream)"]["keys"] == 5
    assert told["bytes"] == (FILES / "valkey91.rdb").stat().st_size


def test_a_damaged_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    raw = bytearray((FILES / "redis82.rdb").read_bytes())
    raw[-12] ^= 1
    path = tmp_path / "bad.rdb"
    path.write_bytes(raw)
    assert check_rdb.main([str(path)]) == 1
    assert "RDB check failed. The file was not changed." in capsys.readouterr().out
    assert check_rdb.main([str(path), "--json"]) == 1
    error = json.loads(capsys.readouterr().out)["error"]
    assert error["offset"] > 0
    assert error["reason"]


def test_what_is_no_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert check_rdb.main([str(tmp_path / "none.rdb")]) == 1
    assert "No such file or directory" in capsys.readouterr().err
    path = tmp_path / "text.rdb"
    path.write_text("certainly no RDB file")
    assert check_rdb.main([str(path)]) == 1
    assert "it begins with neither REDIS nor VALKEY" in capsys.readouterr().out


def test_a_newer_version(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "new.rdb"
    path.write_bytes(b"REDIS0099\xff" + bytes(8))
    assert check_rdb.main([str(path)]) == 1
    assert "RDB version 0099 is not known" in capsys.readouterr().out
