"""Usage lines, declarations that stop the import, and the replies made from good ones."""

from contextlib import suppress
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from redpoll.commands import introspection
from redpoll.commands.declare import (
    REGISTRY,
    Command,
    DeclarationError,
    command,
    container,
    declare,
    find,
    help_lines,
    lookup,
    renamed,
)
from redpoll.commands.flags import ADMIN, FAST, MOVABLE_KEYS, READONLY, WRITE
from redpoll.commands.usage import UsageError, key_specs, parse, plain, total_width
from redpoll.errors import CommandError
from redpoll.wire.values import ReplySet


@pytest.fixture
def registry() -> dict[str, Command]:
    return {}


def make(registry: dict[str, Command], usage: str, **details: Any) -> Command:
    details = {"summary": "A test.", "group": "string", "since": "1.0.0", **details}
    return declare(usage, None, registry=registry, **details)


# -- usage lines --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("marked", "shown"),
    [
        ("GET key", "GET key"),
        ("A [B=name] x:double=y z=w#1", "A [B] x z"),
        ("X [(COUNT count [ANY])=count-block] <* | id>=selector", "X [COUNT count [ANY]] <* | id>"),
        ("X [= | ~] ip:port=addr", "X [= | ~] ip:port"),
        ('X <key | "">=key-selector', 'X <key | "">'),
    ],
)
def test_marks_vanish(marked: str, shown: str) -> None:
    assert plain(marked) == shown


@pytest.mark.parametrize("usage", ["[a", "a]", "<a | b", "<a | >", "...", "(a", "A!=b c", "[ ]", "a > b"])
def test_bad_usage(usage: str) -> None:
    with pytest.raises(UsageError):
        parse(usage)


@pytest.mark.parametrize(
    ("usage", "tree"),
    [
        ("key", "key:key"),
        ("[NX | XX]", "[oneof condition(NX XX)]"),
        ("LIMIT offset count", "LIMIT block limit(offset:integer count:integer)"),
        ("[AGGREGATE <SUM | MIN>]", "[AGGREGATE oneof aggregate(SUM MIN)]"),
        ("member [member ...]", "member:string*"),
        ("field value [field value ...]", "block data(field:string value:string)*"),
        ("[PREFIX prefix [PREFIX prefix ...]]", "[PREFIX prefix:string**]"),
        ("[<A | B>=c ...]", "[oneof c(A B)*]"),
        ("x:double=y", "y:double"),
        ("<host port | NO ONE>=args", "oneof args(block host-port(host:string port:integer) block no-one(NO ONE))"),
    ],
)
def test_tree(usage: str, tree: str) -> None:
    assert " ".join(map(_draw, parse(usage))) == tree


def _draw(argument: Any) -> str:
    if argument.kind == "pure-token":
        text = argument.token
    else:
        inner = " ".join(map(_draw, argument.arguments))
        text = f"{argument.kind} {argument.name}({inner})" if inner else f"{argument.name}:{argument.kind}"
        text = f"{argument.token} {text}" if argument.token is not None else text
    text += "*" * (argument.multiple + argument.multiple_token)
    return f"[{text}]" if argument.optional else text


@given(st.lists(st.sampled_from(["key", "NX", "numkeys", "[", "]", "<", ">", "(", ")", "|", "...", "=x", "a:double"])))
def test_any_line_is_read_or_refused(words: list[str]) -> None:
    with suppress(UsageError):
        arguments = parse(" ".join(words))
        key_specs(arguments, 1, ())
        assert total_width(arguments)[0] >= 0


# -- declarations that cannot be right -----------------------------------------------------------------


@pytest.mark.parametrize(
    ("usage", "details", "problem"),
    [
        ("get key", {}, "a usage line begins with the command's name in capitals, not with 'get key'"),
        ("GET key", {"summary": ""}, "GET has no summary: give its function a docstring, or declare() a summary"),
        ("GET key", {"flags": WRITE | READONLY}, "GET cannot be both WRITE and READONLY"),
        ("GET key", {"flags": MOVABLE_KEYS}, "GET: flags 0x100000 are not made of those in flags.py"),
        ("GET key", {"flags": 1 << 40}, "GET: flags 0x10000000000 are not made of those in flags.py"),
        ("GET key", {"flags": WRITE}, "GET: say what it does to its keys, as in keys='RW update'"),
        ("GET [key", {"flags": READONLY}, "GET: unbalanced [] in its usage line"),
        ("GET key", {"flags": READONLY, "categories": "strings"}, "GET: unknown category 'strings'"),
    ],
)
def test_bad_declaration(registry: dict[str, Command], usage: str, details: dict[str, Any], problem: str) -> None:
    with pytest.raises(DeclarationError) as caught:
        make(registry, usage, **details)
    assert str(caught.value) == problem
    assert registry == {}


def test_unknown_group_and_key_word(registry: dict[str, Command]) -> None:
    with pytest.raises(DeclarationError, match="GET: unknown group 'strings'; known: array, bitmap"):
        make(registry, "GET key", group="strings")
    with pytest.raises(DeclarationError, match="GET: unknown word 'WO' in keys 'WO update'"):
        make(registry, "GET key", keys="WO update")


def test_doubled(registry: dict[str, Command]) -> None:
    make(registry, "PING")
    with pytest.raises(DeclarationError, match=r"^PING is declared twice$"):
        make(registry, "PING [message]")


def test_subcommand_without_container(registry: dict[str, Command]) -> None:
    make(registry, "CONFIG GET parameter", group="server")
    with pytest.raises(DeclarationError, match=r"subcommands\? declare container\(\) before them"):
        make(registry, "CONFIG SET parameter value", group="server")


def test_docstring_is_required() -> None:
    with pytest.raises(DeclarationError, match="NAMELESS has no summary"):

        @command("NAMELESS", group="server", since="1.0.0")
        def nameless(call: Any) -> None:
            pass

    assert "nameless" not in REGISTRY


def test_check_finds_what_the_import_leaves(registry: dict[str, Command]) -> None:
    with pytest.raises(DeclarationError, match="names 'NX', which the usage has not"):
        make(registry, "A [XX]", added={"2.0.0": "NX"}).check()
    with pytest.raises(DeclarationError, match="say what it does to its keys"):
        make(registry, "B numkeys key [key ...]", flags=WRITE).check()


# -- what good declarations give -----------------------------------------------------------------------


@pytest.fixture
def config(registry: dict[str, Command]) -> dict[str, Command]:
    container("CONFIG", group="server", since="2.0.0", summary="Settings.", help_since="5.0.0", registry=registry)
    make(registry, "CONFIG SET parameter value [parameter value ...]", group=None, flags=ADMIN, summary="Change.")
    make(registry, "CONFIG GET parameter [parameter ...]", group=None, flags=ADMIN, summary="Read.")
    return registry


def test_help(config: dict[str, Command]) -> None:
    expected = [
        "CONFIG <subcommand> [<arg> [value] [opt] ...]. Subcommands are:",
        "GET parameter [parameter ...]",
        "    Read.",
        "SET parameter value [parameter value ...]",
        "    Change.",
        "HELP",
        "    Print this help.",
    ]
    assert help_lines(config["config"], "CONFIG") == expected
    assert config["config"].subcommands["help"].handler(SimpleNamespace(args=[b"config", b"help"])) == expected
    assert config["config"].subcommands["help"].since == "5.0.0"


def test_lookup(config: dict[str, Command]) -> None:
    assert lookup([b"config", b"Get"], config) is config["config"].subcommands["get"]
    assert lookup([b"CONFIG"], config) is config["config"]
    assert lookup([b"CONFIG", b"NOPE"], config) is None
    assert lookup([b"\xff"], config) is None
    assert find(b"Config|SET", config) is config["config"].subcommands["set"]
    assert find(b"config|nope", config) is None


def test_renamed(config: dict[str, Command]) -> None:
    table = renamed([(b"Config", b"Settings"), (b"settings", b"other")], config)
    assert table == {"other": config["config"]}
    assert lookup([b"OTHER", b"Get"], table) is config["config"].subcommands["get"]
    assert renamed([(b"config", b"")], config) == {}
    assert renamed([(b"config", b"CONFIG")], config) == config
    for changes in ([(b"nope", b"x")], [(b"config|get", b"x")], [(b"config", b""), (b"config", b"x")]):
        with pytest.raises(ValueError, match=r"^No such command in rename-command$"):
            renamed(changes, config)
    make(config, "GET")
    with pytest.raises(ValueError, match=r"^Target command name already exists$"):
        renamed([(b"get", b"Config")], config)


def test_repeats_make_the_arity_open(registry: dict[str, Command]) -> None:
    assert make(registry, "A x ...").arity == make(registry, "B x [x ...]").arity == -2
    assert make(registry, "C x y").arity == 3


def test_history_of_arguments(registry: dict[str, Command]) -> None:
    made = make(registry, "A [B] [C] [D]", added={"10.0.0": "B C", "2.0.0": "D"}, history=[("6.0.0", "Faster.")])
    assert made.history == [("2.0.0", "Added `D`."), ("6.0.0", "Faster."), ("10.0.0", "Added `B` and `C`.")]


def test_info_and_docs_keep_their_order(registry: dict[str, Command]) -> None:
    made = make(registry, "A key [B]", flags=WRITE | FAST, keys="RW update", tips="nondeterministic_output")
    spec = {
        b"flags": ReplySet(("RW", "update")),
        b"begin_search": {b"type": b"index", b"spec": {b"index": 1}},
        b"find_keys": {b"type": b"range", b"spec": {b"lastkey": 0, b"keystep": 1, b"limit": 0}},
    }
    assert introspection.info(made) == [
        b"a",
        -2,
        ReplySet(("write", "fast")),
        1,
        1,
        1,
        ReplySet(("@write", "@string", "@fast")),
        ReplySet((b"nondeterministic_output",)),
        ReplySet((spec,)),
        ReplySet(),
    ]
    assert list(introspection.docs(made)) == [b"summary", b"since", b"group", b"arguments"]


# -- COMMAND ------------------------------------------------------------------------------------------


def call(*words: bytes) -> Any:
    made = lookup(words)
    assert made is not None
    return made.handler(SimpleNamespace(args=list(words), server=SimpleNamespace(command_table=REGISTRY)))


def test_command() -> None:
    assert call(b"COMMAND", b"COUNT") == len(REGISTRY) == len(call(b"COMMAND"))
    assert call(b"COMMAND", b"INFO", b"nope", b"COMMAND|count")[0] is None
    assert call(b"COMMAND", b"INFO", b"COMMAND|count")[0][:2] == [b"command|count", 2]
    assert list(call(b"COMMAND", b"DOCS", b"nope", b"command|docs")) == [b"command|docs"]
    assert set(call(b"COMMAND", b"DOCS")) == {name.encode() for name in REGISTRY}


def test_command_list() -> None:
    assert b"command|getkeys" in call(b"COMMAND", b"LIST")
    assert call(b"COMMAND", b"LIST", b"filterby", b"pattern", b"COMMAND|C*") == [b"command|count"]
    assert b"command|info" in call(b"COMMAND", b"LIST", b"FILTERBY", b"ACLCAT", b"CONNECTION")
    assert call(b"COMMAND", b"LIST", b"FILTERBY", b"ACLCAT", b"nope") == []
    assert call(b"COMMAND", b"LIST", b"FILTERBY", b"MODULE", b"nope") == []
    for words in ((b"FILTERBY",), (b"FILTERBY", b"NAME", b"x"), (b"BY", b"PATTERN", b"x")):
        with pytest.raises(CommandError, match=r"^ERR syntax error$"):
            call(b"COMMAND", b"LIST", *words)


def test_command_getkeys_refuses() -> None:
    with pytest.raises(CommandError, match=r"^ERR Invalid command specified$"):
        call(b"COMMAND", b"GETKEYS", b"nope")
    with pytest.raises(CommandError, match=r"^ERR The command has no key arguments$"):
        call(b"COMMAND", b"GETKEYSANDFLAGS", b"command")
