"""The grammar of configuration files and of the command line."""

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from redpoll.server.config import Config, ConfigError, grammar


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (b"", []),
        (b"  timeout\t5 ", [b"timeout", b"5"]),
        (b"a \"b c\" 'd e'", [b"a", b"b c", b"d e"]),
        (rb'"\x41\n\r\t\b\a\q\\\"" x', [b'A\n\r\t\b\aq\\"', b"x"]),
        (rb"'it\'s \n'", [rb"it's \n"]),
        (b'a"b c"', [b"ab c"]),
        (b'""', [b""]),
        (rb'"\x4"', [b"x4"]),
        (rb"a\x41", [rb"a\x41"]),
        (b"timeout \0 5", [b"timeout"]),
        (b'"a"b', None),
        (b"'a'b", None),
        (b'"a', None),
        (b'"a\\', None),
        (b"'a", None),
    ],
)
def test_words(line: bytes, words: list[bytes] | None) -> None:
    assert grammar.split_words(line) == words


@given(st.lists(st.binary()))
def test_quoted_words_are_read_back(words: list[bytes]) -> None:
    assert grammar.split_words(b" ".join(map(grammar.quote, words))) == words


@pytest.mark.parametrize(
    ("text", "size"),
    [
        (b"0", 0),
        (b"07", 7),
        (b"", 0),
        (b"mb", 1 << 20 and 0),
        (b"1b", 1),
        (b"1k", 1000),
        (b"1KB", 1024),
        (b"2m", 2000000),
        (b"2Mb", 2 << 20),
        (b"3g", 3 * 10**9),
        (b"3gb", 3 << 30),
        (b"1t", None),
        (b"1.5gb", None),
        (b"-1", None),
        (b"+1", None),
        (b"1 mb", None),
        (b"1bb", None),
    ],
)
def test_memory(text: bytes, size: int | None) -> None:
    assert grammar.parse_memory(text) == size


@given(st.integers(0, 2**63))
def test_formatted_memory_is_read_back(size: int) -> None:
    assert grammar.parse_memory(grammar.format_memory(size)) == size


@pytest.mark.parametrize(
    ("arguments", "lines"),
    [
        ([], []),
        (["--port", "7000", "--bind", "1.2.3.4", "::1"], [b"port 7000", b"bind 1.2.3.4 ::1"]),
        (["--save", ""], [b'save ""']),
        (["--save"], [b'save ""']),
        (["--save", "--port", "1"], [b'save ""', b"port 1"]),
        (["--port"], [b"port"]),
        (["--port", "--timeout", "5"], [b"port --timeout 5"]),
        (["--requirepass", "--abc", "--timeout", "3"], [b"requirepass --abc", b"timeout 3"]),
        (["--timeout 5", "--port", "1"], [b"timeout 5", b"port 1"]),
        (["--", "timeout", "5"], [b"timeout 5"]),
        (["-timeout", "5"], [b"-timeout 5"]),
        (["--port", "1", "x.conf"], [b"port 1 x.conf"]),
        (["--requirepass", "a b"], [b'requirepass "a b"']),
    ],
)
def test_options(arguments: list[str], lines: list[bytes]) -> None:
    parsed = grammar.parse_command_line(arguments)
    assert (parsed.file, parsed.stdin) == (None, False)
    assert [grammar.split_words(line) for line in parsed.lines] == [grammar.split_words(line) for line in lines]


@pytest.mark.parametrize("arguments", [["-", "--port", "1"], ["--port", "1", "-"]])
def test_standard_input_comes_before_options(arguments: list[str]) -> None:
    config = Config()
    config.load(arguments, io.BytesIO(b"timeout 44\nport 2\n"))
    assert (config.timeout, config.port, config.file) == (44, 1, None)


def test_a_dash_elsewhere_is_a_word(tmp_path) -> None:
    (tmp_path / "a.conf").write_bytes(b"timeout 3\n")
    with pytest.raises(ConfigError) as caught:
        Config().load([str(tmp_path / "a.conf"), "-", "--port", "1"])
    assert (caught.value.source, caught.value.line) == (grammar.COMMAND_LINE, b'"-"')


def test_includes_in_their_place(tmp_path) -> None:
    for name, text in (("a", b"timeout 1\nhz 11\n"), ("b", b"timeout 2\n"), ("c", b"port 5\n")):
        (tmp_path / f"{name}.inc").write_bytes(text)
    main = tmp_path / "main.conf"
    main.write_text(f"timeout 9\ninclude {tmp_path}/*.inc\ninclude {tmp_path}/none*\nhz 12\n")
    config = Config()
    config.load([str(main)])
    assert (config.timeout, config.hz, config.port, config.file) == (2, 12, 5, str(main))


@pytest.mark.parametrize(
    ("text", "number", "reason"),
    [
        ("timeout x", 1, "argument couldn't be parsed into an integer"),
        ("\n# c\n  timeout 5 6  ", 3, "wrong number of arguments"),
        ("timeout", 1, "wrong number of arguments"),
        ("timeout 5 # five", 1, "wrong number of arguments"),
        ("nosuch 1", 1, "Bad directive or wrong number of arguments"),
        ("include", 1, "Bad directive or wrong number of arguments"),
        ("rename-command GET", 1, "Bad directive or wrong number of arguments"),
        ("rename-command GET a\nrename-command GET b", 2, "No such command in rename-command"),
        ("rename-command config|get a", 1, "No such command in rename-command"),
        ("rename-command GET append", 1, "Target command name already exists"),
        ("user", 1, "Bad directive or wrong number of arguments"),
        ('loglevel "debug', 1, "Unbalanced quotes in configuration line"),
        ("replicaof a", 1, "wrong number of arguments"),
        ("replicaof a 99999", 1, "Invalid master port"),
        ("unixsocketperm 999", 1, "argument couldn't be parsed as an octal number"),
        ("unixsocketperm 1777", 1, "argument must be between 0 and 777 inclusive"),
        ("dir /nonexistent", 1, "No such file or directory"),
        ("appendfilename a/b", 1, "appendfilename can't be a path, just a filename"),
        ("notify-keyspace-events", 1, "wrong number of arguments"),
        ("cluster-enabled yes\nreplicaof a 1", 0, "replicaof directive not allowed in cluster mode"),
    ],
)
def test_errors(tmp_path, text: str, number: int, reason: str) -> None:
    path = tmp_path / "bad.conf"
    path.write_text(text + "\n")
    with pytest.raises(ConfigError) as caught:
        Config().load([str(path)])
    assert (caught.value.number, caught.value.reason) == (number, reason)
    if number:
        assert caught.value.source == str(path)
        line = text.split("\n")[number - 1].strip()
        assert "*** FATAL CONFIG FILE ERROR (Redpoll " in str(caught.value)
        assert f", at line {number}\n>>> '{line}'\n{reason}\n" in str(caught.value)


def test_a_file_that_is_not_there() -> None:
    with pytest.raises(ConfigError, match=r"can't open config file '/nonexistent/x.conf': No such file or directory"):
        Config().load(["/nonexistent/x.conf"])


def test_a_file_that_includes_itself(tmp_path) -> None:
    path = tmp_path / "loop.conf"
    path.write_text(f"include {path}\n")
    with pytest.raises(ConfigError, match="Files include each other without end"):
        Config().load([str(path)])
