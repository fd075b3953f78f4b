"""A room imports only rooms above it; see ARCHITECTURE.md."""

import re
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[2] / "src" / "redpoll"
# From the top: each may import itself and what stands before it.
ROOMS = ["errors", "version", "engine", "formats", "wire", "commands", "persistence", "security", "scripting"]
ROOMS += ["server", "embedded", "cli", "benchmark"]
IMPORT = re.compile(r"^\s*(?:from|import|cimport)\s+redpoll(?:\.(\w+))?(?:[.\w]*)\s*(?:c?import\s+(.+))?", re.MULTILINE)
FILES = sorted(path for suffix in ("py", "pyx", "pxd") for path in SOURCE.rglob(f"*.{suffix}"))


def room_of(path: Path) -> str:
    """The room that a file is in; a file at the top is a room of its own name."""
    name = path.relative_to(SOURCE).parts[0].partition(".")[0]
    return "embedded" if name == "asyncio" else name


def imported_rooms(text: str) -> set[str]:
    """Rooms of redpoll that a source text imports."""
    found = set()
    for room, names in IMPORT.findall(text):
        if room:
            found.add(room)
        else:
            found.update(re.findall(r"\w+", names.split(" as ")[0]))
    return found & set(ROOMS)


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(SOURCE)))
def test_imports_only_rooms_above(path: Path) -> None:
    room = room_of(path)
    if room in ("__init__", "__main__"):
        return
    assert room in ROOMS, f"{room} is a new room: give it a place in ROOMS and in ARCHITECTURE.md"
    allowed = set(ROOMS[: ROOMS.index(room) + 1])
    assert imported_rooms(path.read_text(encoding="utf-8")) <= allowed


def test_the_pattern_sees_imports() -> None:
    text = (
        "from redpoll.server import x\nfrom redpoll.engine.table cimport (\n a)\n"
        "from redpoll import errors, wire\nimport redpoll.commands\n"
    )
    assert imported_rooms(text) == {"server", "engine", "errors", "wire", "commands"}


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(SOURCE)))
def test_only_the_server_touches_sockets_clock_and_environment(path: Path) -> None:
    if room_of(path) in ("server", "embedded", "cli", "benchmark", "__main__"):
        return
    text = path.read_text(encoding="utf-8")
    for module in ("socket", "selectors", "datetime"):
        assert not re.search(rf"^\s*import {module}\b|^\s*from {module}\b", text, re.MULTILINE), module
    assert "os.environ" not in text
