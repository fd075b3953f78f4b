"""CONFIG GET, SET and REWRITE, change hooks, and the default configuration file."""

import importlib.resources
import os

import pytest

from redpoll.errors import CommandError
from redpoll.server.config import BadValue, Config, rewriting
from redpoll.server.config.directives import BY_NAME, DIRECTIVES, FILE_ONLY, HIDDEN, TOPICS
from redpoll.server.config.grammar import Line, read_lines, split_words


def load(text: bytes) -> Config:
    config = Config()
    config.load_lines(read_lines("test", text.split(b"\n")))
    return config


def refusal(config: Config, *pairs: bytes, **state: bool) -> str:
    with pytest.raises(CommandError) as caught:
        config.set(list(pairs), **state)
    return str(caught.value)


# CONFIG GET


def test_values_are_typed() -> None:
    config = load(
        b"port 7000\nappendonly yes\nmaxmemory 1gb\nsave 9 1\nsave 8 2\nbind 1.1.1.1 -::1\nunixsocketperm 700"
    )
    assert (config.port, config.appendonly, config.maxmemory) == (7000, True, 1 << 30)
    assert (config.save, config.bind, config.unixsocketperm) == (((9, 1), (8, 2)), ("1.1.1.1", "-::1"), 0o700)
    assert (config.loglevel, config.shutdown_on_sigint, config.requirepass) == ("notice", (), b"")


@pytest.mark.parametrize(
    ("patterns", "names"),
    [
        ([b"timeout"], {b"timeout"}),
        ([b"TimeOut"], {b"TimeOut"}),
        ([b"timeout", b"TIMEOUT", b"time*"], {b"timeout"}),
        ([b"TIME?UT"], {b"timeout"}),
        ([b"hash-max-*-entries"], {b"hash-max-listpack-entries", b"hash-max-ziplist-entries",
                                   b"hash-max-template-entries"}),
        ([b"slaveof"], {b"slaveof"}),
        ([b"watchdog-period"], {b"watchdog-period"}),
        ([b"watchdog*"], set()),
        ([b"nosuch", b"", b"user", b"rename-command"], set()),
    ],
)  # fmt: skip
def test_get(patterns: list[bytes], names: set[bytes]) -> None:
    assert set(Config().get(patterns)) == names


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        (b"maxmemory 1mb", b"1048576"),
        (b"maxmemory-clients 5%", b"5%"),
        (b"maxmemory-clients 0%", b"0"),
        (b"unixsocketperm 0700", b"700"),
        (b'save ""', b""),
        (b'save "900 1"', b"900 1"),
        (b"bind 127.0.0.1 -::1", b"127.0.0.1 -::1"),
        (b"notify-keyspace-events KEAnmoc", b"AKEm"),
        (b"notify-keyspace-events oxcKE", b"xocKE"),
        (b"shutdown-on-sigint now SAVE", b"save now"),
        (b"shutdown-on-sigint default", b"default"),
        (b"latency-tracking-info-percentiles 50.0 12.345678901234", b"50 12.345679"),
        (b'latency-tracking-info-percentiles ""', b""),
        (b"oom-score-adj-values 1 2 3", b"1 2 3"),
        (b"replicaof 1.2.3.4 5", b"1.2.3.4 5"),
        (b"replicaof no one", b""),
        (b"client-output-buffer-limit replica 1gb 1k 5 pubsub 1 2 3",
         b"normal 0 0 0 slave 1073741824 1000 5 pubsub 1 2 3"),
        (b"hz 0", b"1"),
        (b"hz 1000", b"500"),
    ],
)  # fmt: skip
def test_shown_values(line: bytes, shown: bytes) -> None:
    name = line.split()[0]
    assert load(line).get([name]) == {name: shown}


def test_save_lines_add_up_and_empty_ones_clear() -> None:
    assert load(b'save ""\nsave 9 1\nsave 8 2').save == ((9, 1), (8, 2))
    assert load(b'save 9 1\nsave ""').save == ()


def test_lines_for_other_rooms_are_kept_as_words() -> None:
    config = load(b'user a on >x\nuser b off\nrename-command GET ""\nlist-max-ziplist-value 5')
    assert config.user == ((b"a", b"on", b">x"), (b"b", b"off"))
    assert config.rename_command == ((b"GET", b""),)


def test_what_is_not_in_force() -> None:
    config = load(b"port 1\nappendonly no\nslaveof no one")
    config.set([b"hz", b"20", b"bind-source-addr", b""])
    assert config.not_in_force() == ["replicaof", "bind-source-addr"]


def test_what_directives_of_tls_wait_for() -> None:
    waiting = [one for one in DIRECTIVES if one.name.startswith("tls-") and not one.in_force]
    assert [one.name for one in waiting if not one.waits_for] == []
    config = Config()
    config.load(["--tls-replication", "yes"])
    assert config.not_in_force() == ["tls-replication"]
    assert "replication" in config.waits_for("tls-replication")


# CONFIG SET


def test_set_is_all_or_nothing() -> None:
    config = Config()
    config.set([b"hz", b"20", b"TIMEOUT", b"5"])
    assert (config.hz, config.timeout) == (20, 5)
    expected = (
        "ERR CONFIG SET failed (possibly related to argument 'timeout') - argument couldn't be parsed into an integer"
    )
    assert refusal(config, b"hz", b"30", b"TIMEOUT", b"x") == expected
    assert (config.hz, config.timeout) == (20, 5)


@pytest.mark.parametrize(
    ("pairs", "error"),
    [
        ([b"a"], "ERR syntax error"),
        ([b"NoSuch\r\n", b"1"], "ERR Unknown option or number of arguments for CONFIG SET - 'NoSuch  '"),
        ([b"user", b"a"], "ERR Unknown option or number of arguments for CONFIG SET - 'user'"),
        ([b"Port", b"1", b"DATABASES", b"1", b"nosuch", b"1"], "immutable DATABASES"),
        ([b"DIR", b"/"], "protected DIR"),
        ([b"hz", b"1", b"HZ", b"2"], "duplicate HZ"),
    ],
)
def test_refused_names(pairs: list[bytes], error: str) -> None:
    kind, _, name = error.partition(" ")
    reason = {"immutable": "can't set immutable config", "protected": "can't set protected config",
              "duplicate": "duplicate parameter"}.get(kind)  # fmt: skip
    if reason:
        error = f"ERR CONFIG SET failed (possibly related to argument '{name}') - {reason}"
    assert refusal(Config(), *pairs) == error


def test_protected_directives_for_local_clients(tmp_path) -> None:
    config = load(b"enable-protected-configs local")
    assert "protected" in refusal(config, b"dir", bytes(tmp_path))
    config.set([b"dir", bytes(tmp_path)], local=True)
    assert config.dir == str(tmp_path.resolve())


def test_some_directives_cannot_be_set_while_loading() -> None:
    assert refusal(Config(), b"appendonly", b"yes", loading=True).startswith("LOADING ")


def test_a_name_and_its_alias_are_two_arguments() -> None:
    config = Config()
    config.set([b"hash-max-ziplist-entries", b"10", b"hash-max-listpack-entries", b"11"])
    assert config.hash_max_listpack_entries == 11


def test_hooks_run_once_a_set_after_values_are_stored() -> None:
    config = Config()
    seen: list[tuple[int, int]] = []

    def hook(changed: Config) -> None:
        seen.append((changed.hz, changed.timeout))

    config.on_change("hz", hook)
    config.on_change("timeout", hook)
    config.set([b"hz", b"20", b"timeout", b"5"])
    config.set([b"hz", b"20"])
    config.set([b"port", b"5"])
    assert seen == [(20, 5)]


def test_a_hook_that_refuses_undoes_the_set() -> None:
    config = Config()
    seen: list[int] = []
    config.on_change("hz", lambda changed: seen.append(changed.hz))

    def refuse(changed: Config) -> None:
        raise BadValue("no such port")

    config.on_change("port", refuse)
    expected = "ERR CONFIG SET failed (possibly related to argument 'port') - no such port"
    assert refusal(config, b"hz", b"20", b"PORT", b"5") == expected
    assert (config.hz, config.port, seen) == (10, 6379, [20, 10])


def test_sensitive_names() -> None:
    config = Config()
    assert config.is_sensitive(b"RequirePass")
    assert config.is_sensitive(b"primaryauth")
    assert not config.is_sensitive(b"hz")
    assert not config.is_sensitive(b"nosuch")


# CONFIG REWRITE


def rewritten(tmp_path, text: bytes, *pairs: bytes, options: tuple[str, ...] = ()) -> str:
    path = tmp_path / "redpoll.conf"
    path.write_bytes(text)
    config = Config()
    config.load([str(path), *options])
    if pairs:
        config.set(list(pairs))
    config.rewrite()
    again = Config()
    again.load([str(path)])
    assert again.get([b"*"]) == config.get([b"*"])
    assert os.listdir(tmp_path) == ["redpoll.conf"]
    return path.read_text().replace(f'dir "{os.path.realpath(os.getcwd())}"\n', "DIR\n")


def test_rewrite_keeps_comments_and_order(tmp_path) -> None:
    text = b'timeout 5\n# c1\n\n\n\n# c2\nhz 10\nhz 20\nslave-read-only yes\n   maxclients   "200"\r\n'
    text += b"maxmemory 1024mb\ndir .\n"
    expected = (
        "timeout 0\n# c1\n\n# c2\nhz 20\n\nreplica-read-only yes\nmaxclients 300\nmaxmemory 1gb\nDIR\n\n"
        '# Generated by CONFIG REWRITE\nport 7000\nrequirepass "a\\"b \\x01"\n'
    )
    pairs = [b"timeout", b"0", b"maxclients", b"300", b"requirepass", b'a"b \x01']
    assert rewritten(tmp_path, text, *pairs, options=("--port", "7000")) == expected


def test_rewrite_twice_adds_one_mark(tmp_path) -> None:
    text = b"# Generated by CONFIG REWRITE\ndir .\ntimeout 5\n"
    assert rewritten(tmp_path, text, b"hz", b"20") == "# Generated by CONFIG REWRITE\nDIR\ntimeout 5\n\nhz 20\n"


@pytest.mark.parametrize(
    ("text", "pairs", "expected"),
    [
        (b"save 9 1\nsave 8 2\n# s", [b"save", b""], 'save ""\n\n# s\n'),
        (b'save ""', [b"save", b"9 1 8 2"], "save 9 1\n\nMARK\nsave 8 2\n"),
        (b"save 3600 1 300 100 60 10000", [], "save 3600 1\n\nMARK\nsave 300 100\nsave 60 10000\n"),
        (b"bind 127.0.0.1", [b"bind", b"127.0.0.1 -::1"], "bind 127.0.0.1 -::1\n"),
        (b'requirepass ""\nlogfile ""', [], '\nlogfile ""\n'),
        (b"notify-keyspace-events KEA", [b"notify-keyspace-events", b""], 'notify-keyspace-events ""\n'),
        (b"latency-tracking-info-percentiles 1", [b"latency-tracking-info-percentiles", b""],
         'latency-tracking-info-percentiles ""\n'),
        (b"lua-time-limit 7", [], "busy-reply-threshold 7\n"),
        (b"unixsocketperm 755", [], "unixsocketperm 755\n"),
        (b"maxmemory-clients 5%", [], "maxmemory-clients 5%\n"),
        (b"slaveof 127.0.0.1 7100", [], "replicaof 127.0.0.1 7100\n"),
        (b"user a on\ninclude /nonexistent/*\nrename-command GET \"\"\nlist-max-ziplist-value 5", [],
         "user a on\ninclude /nonexistent/*\nrename-command GET \"\"\n# ??? list-max-ziplist-value 5\n"),
        (b"port 5", [b"client-output-buffer-limit", b"pubsub 1mb 512k 5"],
         "port 5\n\nMARK\nclient-output-buffer-limit pubsub 1mb 500kb 5\n"),
    ],
)  # fmt: skip
def test_rewritten_lines(tmp_path, text: bytes, pairs: list[bytes], expected: str) -> None:
    result = rewritten(tmp_path, b"dir .\n" + text + b"\n", *pairs)
    assert result == "DIR\n" + expected.replace("MARK", "# Generated by CONFIG REWRITE")


def test_rewrite_with_lines_of_other_rooms() -> None:
    wanted = {"user": lambda present: [(b"b off", True), (b"c on", True)]}
    assert rewriting.new_text(b"user a on\n# x\n", wanted) == (
        b"user b off\n# x\n\n# Generated by CONFIG REWRITE\nuser c on\n"
    )


def test_rewrite_needs_a_file(tmp_path) -> None:
    with pytest.raises(CommandError, match=r"^ERR The server is running without a config file$"):
        Config().rewrite()
    config = Config()
    (tmp_path / "x").mkdir()
    (tmp_path / "x/a.conf").write_bytes(b"")
    config.load([str(tmp_path / "x/a.conf")])
    (tmp_path / "x/a.conf").unlink()
    (tmp_path / "x").rmdir()
    with pytest.raises(CommandError, match=r"^ERR Rewriting config file: No such file or directory$"):
        config.rewrite()


def test_rewrite_keeps_links_and_permissions(tmp_path) -> None:
    real, link = tmp_path / "real.conf", tmp_path / "link.conf"
    real.write_bytes(b"hz 20\n")
    real.chmod(0o640)
    link.symlink_to(real)
    config = Config()
    config.load([str(link)])
    config.set([b"hz", b"30"])
    config.rewrite()
    assert link.is_symlink()
    assert b"hz 30\n" in real.read_bytes()
    assert real.stat().st_mode & 0o777 == 0o640


# Declarations and the default file


def default_lines(*, commented: bool) -> list[Line]:
    text = importlib.resources.files("redpoll").joinpath("redpoll.conf").read_bytes().split(b"\n")
    if commented:
        text = [line[1:] if line[:1] == b"#" and line[1:2].islower() else line for line in text]
    return list(read_lines("redpoll.conf", text))


def test_default_file_loads_and_sets_only_what_is_in_force() -> None:
    config = Config()
    config.load_lines(default_lines(commented=False))
    assert config.get([b"*"]) == Config().get([b"*"])
    assert config.not_in_force() == []


def test_headings_of_the_default_file_say_what_is_in_force() -> None:
    topic, before, wrong = "", "", []
    for line in importlib.resources.files("redpoll").joinpath("redpoll.conf").read_text().split("\n"):
        if line.startswith("# --"):
            topic = before
        name = line.removeprefix("#").partition(" ")[0]
        before = line
        if line[:1] and (line[0] != "#" or line[1:2].islower()) and name.encode() in BY_NAME:
            directive = BY_NAME[name.encode()]
            said = "later" if "not in force yet" in topic else "moot" if "without effect" in topic else "now"
            if said != ("now" if directive.in_force else "moot" if directive.moot else "later"):
                wrong.append((name, topic))
    assert wrong == []


def test_what_changes_nothing_says_why() -> None:
    config = Config()
    config.load(["--dynamic-hz", "no", "--lookahead", "3", "--hz", "11"])
    assert config.not_in_force() == ["dynamic-hz", "lookahead"]
    assert config.moot("lookahead") == "all that a turn has read is parsed ahead"
    assert config.moot("hz") == ""


def test_default_file_holds_every_default() -> None:
    lines = default_lines(commented=True)
    config = Config()
    config.load_lines(lines)
    assert config.get([b"*"]) == Config().get([b"*"])
    named = {line.words[0].decode() for line in lines}
    assert named == {directive.name for directive in DIRECTIVES if not directive.flags & HIDDEN}


@pytest.mark.parametrize("directive", [one for one in DIRECTIVES if not one.flags & FILE_ONLY], ids=repr)
def test_defaults_are_values_of_their_type(directive) -> None:
    config = Config()
    text = config.get([directive.name.encode()])[directive.name.encode()]
    for line, _ in directive.type.lines(getattr(config, directive.attribute), None, True):
        assert split_words(b"x " + line) is not None
    if directive.name == "replicaof":
        return
    words = text.split() if directive.type.multiple else [text]
    assert directive.type.merge(directive.default, directive.type.parse(words), False) == getattr(
        config, directive.attribute
    )


def test_names() -> None:
    attributes = [directive.attribute for directive in DIRECTIVES]
    assert len(set(attributes)) == len(attributes)
    assert not [name for name in attributes if hasattr(Config, name)]
    assert all(name == name.lower() for name in BY_NAME)
    assert len({topic.title for topic in TOPICS}) == len(TOPICS)
