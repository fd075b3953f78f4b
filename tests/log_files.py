"""Reading append-only logs in tests."""

from pathlib import Path


def commands_of(data: bytes) -> list[tuple[bytes, ...]]:
    """The commands that a file of commands consists of, remarks left out."""
    found, at = [], 0
    while at < len(data):
        end = data.index(b"\r\n", at)
        if data[at : at + 1] == b"#":
            at = end + 2
            continue
        assert data[at : at + 1] == b"*", data[at : at + 20]
        count, at = int(data[at + 1 : end]), end + 2
        words = []
        for _ in range(count):
            end = data.index(b"\r\n", at)
            assert data[at : at + 1] == b"$"
            length, at = int(data[at + 1 : end]), end + 2
            words.append(data[at : at + length])
            assert data[at + length : at + length + 2] == b"\r\n"
            at += length + 2
        found.append(tuple(words))
    return found


def as_log(*commands: tuple[object, ...]) -> bytes:
    """These commands as they stand in a file."""
    parts = []
    for command in commands:
        words = [word if isinstance(word, bytes) else str(word).encode() for word in command]
        parts.append(b"*%d\r\n" % len(words) + b"".join(b"$%d\r\n%s\r\n" % (len(word), word) for word in words))
    return b"".join(parts)


def put_log(folder: Path, *, base: bytes | None = None, increments: tuple[bytes, ...] = (), rdb: bool = False) -> Path:
    """A log in parts in a server's folder; returns the manifest."""
    directory = folder / "appendonlydir"
    directory.mkdir(parents=True, exist_ok=True)
    lines = []
    if base is not None:
        name = f"appendonly.aof.1.base.{'rdb' if rdb else 'aof'}"
        (directory / name).write_bytes(base)
        lines.append(f"file {name} seq 1 type b\n")
    for number, data in enumerate(increments, 1):
        name = f"appendonly.aof.{number}.incr.aof"
        (directory / name).write_bytes(data)
        lines.append(f"file {name} seq {number} type i\n")
    manifest = directory / "appendonly.aof.manifest"
    manifest.write_text("".join(lines))
    return manifest
