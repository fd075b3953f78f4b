"""Command lines for both command-line clients, against a puppet: `{port}` is the puppet's port, `{old}` another's."""

from __future__ import annotations

from typing import NamedTuple


class Invocation(NamedTuple):
    """A command line, what it reads, and its environment."""

    words: tuple[str | bytes, ...]
    input: bytes = b""
    environment: tuple[tuple[str, str], ...] = ()


FORMS = ("--raw", "--no-raw", "--csv", "--json", "--quoted-json")

# Every type of reply, alone and within others.
REPLIES = {
    "status": b"+OK\r\n",
    "empty status": b"+\r\n",
    "error": b"-ERR foo bar\r\n",
    "integer": b":42\r\n",
    "negative": b":-9223372036854775808\r\n",
    "bulk": b"$5\r\nhello\r\n",
    "empty bulk": b"$0\r\n\r\n",
    "binary": b'$14\r\na"\\@0@\x01\n\r\t\x07\x08\x0c\x7f\xc3\xa9\r\n'.replace(b"$14", b"$14"),
    "quotes": b"$6\r\n'\"a\"'\\\r\n",
    "lines": b"$8\r\na\nb\r\nc\n\x1b\r\n".replace(b"$8", b"$8"),
    "null bulk": b"$-1\r\n",
    "null array": b"*-1\r\n",
    "null": b"_\r\n",
    "true": b"#t\r\n",
    "false": b"#f\r\n",
    "double": b",3.1400\r\n",
    "large double": b",1e+20\r\n",
    "infinity": b",inf\r\n",
    "minus infinity": b",-inf\r\n",
    "verbatim": b"=15\r\ntxt:Some string\r\n",
    "verbatim lines": b"=12\r\nmkd:one\ntwo\n\r\n",
    "empty array": b"*0\r\n",
    "empty map": b"%0\r\n",
    "empty set": b"~0\r\n",
    "array": b"*3\r\n:1\r\n$1\r\na\r\n+OK\r\n",
    "array of ten": b"*10\r\n" + b":7\r\n" * 10,
    "array of a hundred": b"*100\r\n" + b"$1\r\nx\r\n" * 100,
    "array with nulls": b"*3\r\n$-1\r\n_\r\n*-1\r\n",
    "array with an error": b"*2\r\n-ERR inside\r\n:1\r\n",
    "nested": b"*3\r\n*2\r\n:1\r\n*1\r\n+x\r\n*0\r\n*11\r\n" + b"*2\r\n:1\r\n:2\r\n" * 11,
    "deep": b"*1\r\n" * 12 + b":1\r\n",
    "map": b"%2\r\n$1\r\na\r\n:1\r\n$1\r\nb\r\n$1\r\nx\r\n",
    "map of ten": b"%10\r\n" + b"+k\r\n:1\r\n" * 10,
    "map of arrays": b"%2\r\n+k\r\n*2\r\n:1\r\n:2\r\n+j\r\n%1\r\n:1\r\n:2\r\n",
    "map with odd keys": b"%6\r\n#t\r\n:1\r\n,1.5\r\n:2\r\n_\r\n:3\r\n"
    b"=5\r\ntxt:a\r\n:4\r\n*1\r\n:1\r\n:5\r\n-E\r\n#f\r\n",
    "map with array keys of strings": b"%1\r\n*1\r\n$1\r\na\r\n:1\r\n",
    "set": b"~2\r\n$1\r\na\r\n-ERR in\r\n",
    "set of ten": b"~10\r\n" + b":1\r\n" * 10,
    "set of maps": b"~1\r\n%1\r\n+a\r\n~1\r\n+b\r\n",
    "push first": b">2\r\n+a\r\n:1\r\n+OK\r\n",
    "invalidation first": b">2\r\n$10\r\ninvalidate\r\n*2\r\n$1\r\na\r\n$1\r\nb\r\n+OK\r\n",
    "flush first": b">2\r\n$10\r\ninvalidate\r\n_\r\n+OK\r\n",
    "no RESP": b"Xfoo\r\n",
    "HTTP": b"HTTP/1.1 400 Bad Request\r\n\r\n",
}

_SCRIPT = b"""\
args 'x y' "z\\x41" 3
3 ping
0 ping
-1 ping
args 'x
args "a"b

   \t
nope
:foo
:set hints
:set nohints
:set foo
restart
args\ta  b\x20
args '' "" 'it\\'s' "\\n\\r\\t\\a\\b\\"\\\\" '\\n' "\\xzz" a"b c"
say "*2\\r\\n:1\\r\\n*0\\r\\n"
info "$3\\r\\na\\nb\\r\\n"
help nosuch
5
quit
ping
"""

WARNING_FREE = "--no-auth-warning"

INVOCATIONS: dict[str, Invocation] = {
    name: Invocation(words, *rest)
    for name, words, *rest in [
        ("arguments", ("args", "a", "", "b c", b"\xff\xfe")),
        ("empty command", ("",)),
        ("unknown", ("nope", "x")),
        ("unknown with -e", ("-e", "nope", "x")),
        ("unknown with -e and CSV", ("-e", "--csv", "-r", "3", "nope", "x")),
        ("well with -e", ("-e", "ping")),
        ("-e minds no nested error", ("-e", "say", b"*1\r\n-ERR x\r\n")),
        ("repeat", ("-r", "3", "ping")),
        ("repeat slowly", ("-r", "2", "-i", "0.01", "ping")),
        ("repeat nothing", ("-r", "0", "ping")),
        ("repeat nonsense", ("-r", "x", "ping")),
        ("repeat until the end", ("-r", "-1", "close")),
        ("repeat errors", ("-r", "3", "nope")),
        ("closed", ("close",)),
        ("password", ("-a", "pw", "ping")),
        ("password without warning", ("-a", "pw", "--no-auth-warning", "ping")),
        ("wrong password", (WARNING_FREE, "-a", "bad", "ping")),
        ("wrong password and more", (WARNING_FREE, "-a", "bad", "-n", "3", "-3", "ping")),
        ("user", (WARNING_FREE, "--pass", "pw", "--user", "joe", "ping")),
        ("user without password", ("--user", "joe", "ping")),
        ("password from the environment", ("ping",), b"", (("REDISCLI_AUTH", "secret"),)),
        ("password over the environment", (WARNING_FREE, "-a", "x", "ping"), b"", (("REDISCLI_AUTH", "secret"),)),
        ("asked password", ("--askpass", "ping"), b"typed\n"),
        ("database", ("-n", "2", "ping")),
        ("no such database", ("-n", "99", "ping")),
        ("negative database", ("-n", "-1", "ping")),
        ("database with letters", ("-n", "3x", "ping")),
        ("database of letters", ("-n", "abc", "ping")),
        ("SELECT", ("select", "3")),
        ("SELECT repeated", ("-r", "2", "select", "3")),
        ("AUTH", ("auth", "x")),
        ("RESP3", ("-3", "ping")),
        ("RESP2", ("-2", "ping")),
        ("JSON asks for RESP3", ("--json", "ping")),
        ("JSON with RESP2", ("--json", "-2", "ping")),
        ("JSON, then CSV", ("--json", "--csv", "args", "a")),
        ("CSV, then raw", ("--csv", "--raw", "args", "a")),
        ("CSV, then not raw", ("--csv", "--no-raw", "args", "a")),
        ("RESP3 of an old server", ("-p", "{old}", "-3", "ping")),
        ("JSON of an old server", ("-p", "{old}", "--json", "ping")),
        ("both protocols", ("-2", "-3", "ping")),
        ("URI", ("-p", "1", WARNING_FREE, "-u", "redis://joe:p%20w@127.0.0.1:{port}/3", "ping")),
        ("URI with password", ("-p", "1", "-u", "redis://pw@127.0.0.1:{port}", "ping")),
        ("URI with empty password", ("-p", "1", WARNING_FREE, "-u", "redis://joe:@127.0.0.1:{port}/", "ping")),
        ("URI of a host", ("-u", "redis://127.0.0.1", "ping")),
        ("URI of a database", ("-u", "redis:///2", "ping")),
        ("URI of another scheme", ("-u", "http://localhost", "ping")),
        ("URI with a broken escape", ("-u", "redis://a:%4@127.0.0.1", "ping")),
        ("URI with a wrong escape", ("-u", "redis://a:%zz@127.0.0.1", "ping")),
        ("last from input", ("-x", "args", "a"), b"in\nput\n"),
        ("binary from input", ("-x", "args", "a"), b"\x00\xff\r\n"),
        ("nothing from input", ("-x", "args", "a")),
        ("tag from input", ("-X", "T", "args", "T", "b", "T"), b"in"),
        ("no such tag", ("-X", "T", "args", "b"), b"in"),
        ("tag and last", ("-x", "-X", "T", "args", "b"), b"in"),
        ("quoted", ("--quoted-input", "args", '"a\\x00b"', "'c d'", "e", '""', "'it\\'s'", "'a\\n'", '"\\n"')),
        ("quoted and open", ("--quoted-input", "args", '"a')),
        ("quoted and glued", ("--quoted-input", "args", '"a"b')),
        ("quoted inside", ("--quoted-input", "args", 'a"b')),
        ("quoted and input", ("--quoted-input", "-x", "args", '"q"'), b'"zz"'),
        ("delimiter of elements", ("-d", "|", "args", "a", "b")),
        ("delimiter of replies", ("-D", "$$", "-r", "2", "args", "a", "b")),
        ("no delimiter", ("-D", "", "args", "a", "b")),
        ("delimiters elsewhere", ("--no-raw", "-d", "|", "-D", "$", "args", "a", "b")),
        ("INFO", ("info", b"$4\r\na\r\nb\r\n".replace(b"$4", b"$4"))),
        ("INFO for people", ("--no-raw", "info", b"$5\r\nab\n\n\n\r\n")),
        ("INFO as CSV", ("--csv", "info", b"$5\r\nab\n\n\n\r\n")),
        ("INFO as JSON", ("--json", "info", b"$5\r\nab\n\n\n\r\n")),
        ("INFO that fails", ("--no-raw", "info", b"-ERR x\r\n")),
        ("LOLWUT of an array", ("--no-raw", "lolwut", b"*2\r\n+a\r\n+b\r\n")),
        ("CLIENT LIST", ("--no-raw", "client", "list", b"$2\r\na\n\r\n")),
        ("CLIENT INFO", ("--no-raw", "client", "INFO", b"$2\r\na\n\r\n")),
        ("CLIENT other", ("--no-raw", "client", "other", b"$2\r\na\n\r\n")),
        ("CLUSTER NODES is of two words", ("--no-raw", "cluster", "nodes", b"$2\r\na\n\r\n")),
        ("LATENCY GRAPH", ("--no-raw", "latency", "graph", b"$2\r\na\n\r\n")),
        ("LATENCY DOCTOR is of two words", ("--no-raw", "latency", "doctor", b"$2\r\na\n\r\n")),
        ("MEMORY DOCTOR", ("--no-raw", "memory", "doctor", b"$2\r\na\n\r\n")),
        ("MOVED", ("say", b"-MOVED 3 127.0.0.1:{port}\r\n")),
        ("MOVED to nobody", ("-c", "say", b"-MOVED 3 127.0.0.1:1\r\n")),
        ("ASK to nobody", ("-c", "--no-raw", "say", b"-ASK 3 127.0.0.1:1\r\n")),
        ("subscription refused", ("--csv", "subscribe", b"-ERR x\r\n")),
        ("pushes", ("--show-pushes", "yes", "say", b">2\r\n$10\r\ninvalidate\r\n*2\r\n$1\r\na\r\n$1\r\nb\r\n+OK\r\n")),
        ("pushes for people", ("--show-pushes", "y", "--no-raw", "say", REPLIES["invalidation first"])),
        ("pushes as CSV", ("--show-pushes", "y", "--csv", "say", REPLIES["push first"])),
        ("a flush for people", ("--show-pushes", "y", "--no-raw", "say", REPLIES["flush first"])),
        ("no pushes", ("--show-pushes", "no", "--no-raw", "say", REPLIES["push first"])),
        ("pushes perhaps", ("--show-pushes", "q", "ping")),
        ("as on a terminal", ("args", "a"), b"", (("FAKETTY", "1"),)),
        ("unknown option", ("--nope", "ping")),
        ("two dashes", ("--", "ping")),
        ("glued value", ("-hlocalhost", "ping")),
        ("no value", ("-i",)),
        ("no value for a pattern", ("--pattern",)),
        ("socket and cluster", ("-c", "-s", "x", "ping")),
        ("no socket", ("-s", "/nonexistent/socket", "ping")),
        ("nobody there", ("-p", "1", "ping")),
        ("nobody there with -e", ("-p", "1", "-e", "ping")),
        ("nobody there, no host", ("-h", "nohost.invalid", "ping")),
        ("debugger without script", ("--ldb",)),
        ("two RDB files", ("--rdb", "a", "--functions-rdb", "b")),
        ("open quoted pattern", ("--quoted-pattern", '"abc')),
        ("script that is not there", ("--eval", "/nonexistent/script.lua")),
        ("no SCAN", ("--scan",)),
        ("no DBSIZE", ("--bigkeys",)),
        ("no DBSIZE for memory", ("--memkeys",)),
        ("no DBSIZE for hot keys", ("--hotkeys",)),
        ("help for nothing", ("help", "nosuch")),
        ("lines", ("--no-raw",), _SCRIPT),
        ("raw lines", (), _SCRIPT),
        ("CSV lines", ("--csv",), _SCRIPT),
        ("no lines", (), b""),
        ("one line without an end", ("--no-raw",), b"args a"),
        ("lines with -e", ("-e", "--no-raw"), b"nope\nping\n"),
        ("lines with -r", ("-r", "2", "--no-raw"), b"ping\n"),
        ("lines with -x", ("-x",), b"ping\n"),
        ("lines after the connection closed", ("--no-raw",), b"close\nping\nselect 3\nping\n"),
        ("lines to another", ("--no-raw",), b"connect 127.0.0.1 1\nping\nconnect 127.0.0.1 {port}\nping\n"),
        ("lines to nobody", ("-p", "1"), b"ping\nargs a\n"),
        ("lines with transactions", ("--no-raw",), b"multi\nexec\nreset\nEXIT\n"),
        ("clear", (), b"clear\nclear x\nconnect\nconnect a\n"),
    ]
}
for _name, _reply in REPLIES.items():
    for _form in FORMS:
        INVOCATIONS[f"{_name} {_form}"] = Invocation((_form, "say", _reply))
