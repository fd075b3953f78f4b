"""The manifest of an append-only log: what it says, and what it refuses to have said."""

import pytest

from redpoll.persistence.append_only import LogFile, Manifest, ManifestError, parse


@pytest.mark.parametrize(
    "name", ["a.aof", "with space", 'quote " and \\', "lines\n\r\t", "bell\a\b", "\x01ü", "file seq"]
)
def test_names_come_back(name: str) -> None:
    manifest = Manifest(
        LogFile(name, 2, "b"), [LogFile(f"{name}.3", 3, "i"), LogFile("b", 5, "i")], [LogFile("h", 1, "h")]
    )
    assert parse(manifest.text()) == manifest


def test_as_redis_quotes() -> None:
    assert Manifest(LogFile(" file seq \n\n.aof", 2, "b")).text() == 'file " file seq \\n\\n.aof" seq 2 type b\n'


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "Found an empty AOF manifest"),
        ("\n", "Invalid AOF manifest file format"),
        ("file a seq 1 type\n", "Invalid AOF manifest file format"),
        ("file a seq x type b\n", "Invalid AOF manifest file format"),
        ("file a seq 1\n", "Invalid AOF manifest file format"),
        ("file a seq 1 type x\n", "Unknown AOF file type"),
        ("file a/b seq 1 type b\n", "File can't be a path, just a filename"),
        ("file a seq 1 type b\nfile b seq 2 type b\n", "Found duplicate base file information"),
        ("file a seq 2 type i\nfile b seq 1 type i\n", "Found a non-monotonic sequence number"),
        (f"file {'a' * 1100} seq 1 type b\n", "The AOF manifest file contains too long line"),
    ],
)
def test_what_is_refused(text: str, why: str) -> None:
    with pytest.raises(ManifestError, match=why):
        parse(text)


def test_what_comes_besides_is_passed_over() -> None:
    found = parse("# a remark\nfile a seq 1 type b newkey newvalue\n")
    assert found == Manifest(LogFile("a", 1, "b"))
