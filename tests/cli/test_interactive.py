"""A session at a terminal: what is typed, completed, hinted, coloured, remembered, asked about."""

from __future__ import annotations

import contextlib
import re
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.cli.tmux import WAIT_SECONDS, Prompt, Screen
from tests.listener import Listener, RequestHandler

pytest.importorskip("prompt_toolkit", reason="prompt_toolkit is not installed")

OURS = [sys.executable, "-m", "redpoll.cli"]
COMMAND, UNKNOWN, KEYWORD = "38;5;75", "38;5;167", "38;5;175"

Open = Callable[..., Prompt]


@pytest.fixture
def terminal(server: Any, tmp_path: Path, screens: Callable[..., Screen]) -> Open:
    def start(*words: str, **environment: str) -> Prompt:
        given = {
            "TERM": "xterm-256color", "PROMPT_TOOLKIT_COLOR_DEPTH": "DEPTH_8_BIT",
            "REDISCLI_HISTFILE": str(tmp_path / "history"),
            "REDISCLI_RCFILE": "/dev/null", "VALKEYCLI_RCFILE": "/dev/null",
        }  # fmt: skip
        screen = screens([*OURS, "-p", str(server.port), *words], {**given, **environment})
        return Prompt(screen, f"127.0.0.1:{server.port}")

    return start


def test_commands_and_leaving(terminal: Open, server: Any) -> None:
    here = terminal()
    assert here.run("set greeting hello") == "OK\n"
    assert here.run("get greeting") == '"hello"\n'
    assert here.run("3 incr count") == "(integer) 1\n(integer) 2\n(integer) 3\n"
    here.run("select 3")
    assert here.screen.last_line() == f"127.0.0.1:{server.port}[3]>"
    here.run("multi")
    assert here.screen.last_line() == f"127.0.0.1:{server.port}[3](TX)>"
    here.run("discard")
    assert here.screen.last_line() == f"127.0.0.1:{server.port}[3]>"
    here.screen.enter("quit")
    assert here.screen.wait_for_end() == 0


def test_control_d_leaves(terminal: Open) -> None:
    here = terminal()
    here.screen.press("C-d")
    assert here.screen.wait_for_end() == 0


def test_hints_follow_what_is_typed(terminal: Open) -> None:
    here = terminal()
    here.screen.type("getrange ")
    here.screen.wait_for("getrange key start end")
    here.screen.type("k 1 ")
    here.screen.wait_for("getrange k 1 end")
    here.run("")
    here.screen.wait_for_match(r"> getrange k 1$")  # on a line that was entered there is none
    here.screen.type("5 getrange ")
    here.screen.wait_for("5 getrange key start end")
    here.drop()
    here.run(":set nohints")
    here.screen.type("strlen")
    here.screen.wait_for_match(r"> strlen$")


def test_commands_options_and_keys_are_completed(terminal: Open, server: Any) -> None:
    with server.connect() as client:
        client.call("SET", "a-long-name", "found")
    here = terminal()
    here.screen.type("getra")
    here.screen.press("Tab")
    here.screen.wait_for_match(r"> getrange")
    here.drop()
    here.screen.type("config rew")
    here.screen.press("Tab")
    here.screen.wait_for_match(r"> config rewrite")
    here.drop()
    here.screen.type("set k v kee")
    here.screen.press("Tab")
    here.screen.wait_for_match(r"> set k v keepttl")
    here.drop()
    here.screen.type("getrange a-lo")
    here.screen.press("Tab")
    here.screen.wait_for_match(r"> getrange a-long-name")
    assert '"found"\n' in here.run(" 0 -1")


@pytest.mark.parametrize(
    ("typed", "becomes"),
    [
        ("help getra", "help getrange"),
        ("help config rew", "help config rewrite"),
        ("help @bit", "help @bitmap"),
        (":set notab", ":set notables"),
        ("2 getra", "2 getrange"),
        ("conne", "connect"),
    ],
)
def test_words_of_the_session_are_completed(terminal: Open, typed: str, becomes: str) -> None:
    here = terminal()
    here.screen.type(typed)
    here.screen.press("Tab")
    here.screen.wait_for_match(rf"> {becomes}")


def test_a_choice_of_several_is_shown(terminal: Open) -> None:
    here = terminal()
    here.screen.type("zrangeby")
    here.screen.press("Tab")
    shown = here.screen.wait(lambda text: "zrangebyscore" in text and "zrangebylex" in text, "both commands")
    assert "zrank" not in shown


def test_a_script_of_several_lines(terminal: Open) -> None:
    here = terminal()
    here.screen.enter("eval 'local sum = 0 -- of all")
    here.screen.enter("for _, one in ipairs(ARGV) do sum = sum + one end")
    assert here.run('return {sum, "two words"}\' 0 1 2 39').endswith('1) (integer) 42\n2) "two words"\n')


def test_a_new_line_within_quotes(terminal: Open) -> None:
    here = terminal()
    here.screen.type("echo 'one")
    here.screen.press("M-Enter")
    assert here.run("two'").endswith('"one\\ntwo"\n')


def test_lines_are_remembered_but_for_passwords(terminal: Open, tmp_path: Path) -> None:
    here = terminal()
    assert here.run("echo remembered") == '"remembered"\n'
    assert "(error)" in here.run("auth nobody secret")
    here.screen.enter("quit")
    here.screen.wait_for_end()
    kept = (tmp_path / "history").read_text()
    assert "echo remembered" in kept
    assert "secret" not in kept
    again = terminal()
    again.screen.press("Up", "Up")
    again.screen.wait_for_match(r"> echo remembered$")
    assert again.run("") == '"remembered"\n'


def test_no_history_is_kept(terminal: Open, tmp_path: Path) -> None:
    here = terminal(REDISCLI_HISTFILE="/dev/null", HOME=str(tmp_path))
    here.run("echo forgotten")
    here.screen.enter("quit")
    here.screen.wait_for_end()
    assert not (tmp_path / ".rediscli_history").exists()


def test_lines_of_before_are_searched(terminal: Open) -> None:
    here = terminal()
    here.run("echo findme")
    here.run("ping")
    here.screen.press("C-r")
    here.screen.wait_for("I-search")
    here.screen.type("find")
    here.screen.wait(lambda text: text.count("> echo findme\n") == 2, "the line that was found")
    here.screen.press("Enter")
    here.screen.wait(lambda text: "I-search" not in text, "the end of the search")
    assert here.run("") == '"findme"\n'


@pytest.mark.parametrize(
    ("typed", "colour"), [("getrange k 1 x", COMMAND), ("nosuchthing x", UNKNOWN), ("eval 'return 1", KEYWORD)]
)
def test_words_are_coloured(terminal: Open, tmp_path: Path, typed: str, colour: str) -> None:
    here = terminal()
    here.screen.type(typed)
    here.screen.wait(lambda _: colour in here.screen.coloured(), f"{typed} in colour {colour}")
    (tmp_path / "settings").write_text(":set nocolour\n")
    plain = terminal(REDISCLI_RCFILE=str(tmp_path / "settings"))
    plain.screen.type(typed)
    plain.screen.wait_for(f"> {typed}")
    assert colour not in plain.screen.coloured()


def test_settings_from_a_file(terminal: Open, server: Any, tmp_path: Path) -> None:
    with server.connect() as client:
        client.call("HSET", "h", "name", "Ann")
    path = tmp_path / "settings"
    path.write_text("# mine\n:set notables\n\n:set nohints\n:set nonsense\n")
    here = terminal(REDISCLI_RCFILE=str(path))
    assert "settings: unknown redis-cli preference 'nonsense'" in here.screen.text()
    assert here.run("hgetall h") == '1) "name"\n2) "Ann"\n'
    here.run(":set tables")
    assert here.run("hgetall h") == "name  Ann\n"


def test_hashes_are_tables(terminal: Open, server: Any) -> None:
    with server.connect() as client:
        client.call("HSET", "h", "name", "Ann", "town", "Old Town")
    here = terminal()
    assert here.run("hgetall h") == 'name  Ann\ntown  "Old Town"\n'
    here.run(":set notables")
    assert here.run("hgetall h").startswith('1) "name"\n')


def test_streams_and_info_are_tables(terminal: Open, server: Any) -> None:
    with server.connect() as client:
        client.call("XADD", "s", "1-1", "name", "Ann", "town", "Old Town")
        client.call("XADD", "s", "10-1", "name", "Bob")
    here = terminal()
    assert here.run("xrange s - +") == '1-1   name=Ann  town="Old Town"\n10-1  name=Bob\n'
    assert here.run("xread streams s 1") == 's\n1-1   name=Ann  town="Old Town"\n10-1  name=Bob\n'
    assert re.search(r"^ *Server\n  redis_version +\d", here.run("info server"))


def test_tables_of_resp3(terminal: Open, server: Any) -> None:
    with server.connect() as client:
        client.call("HSET", "h", "name", "Ann")
        client.call("XADD", "s", "1-1", "name", "Ann")
    here = terminal("-3")
    assert here.run("hgetall h") == "name  Ann\n"
    assert here.run("xread streams s 0") == "s\n1-1  name=Ann\n"


def test_dangerous_commands_are_asked_about(terminal: Open, server: Any) -> None:
    with server.connect() as client:
        client.call("SET", "precious", "1")
    here = terminal("--confirm")
    here.screen.enter("flushall")
    here.screen.wait_for("Go on? [y/N]")
    here.run("n")
    assert here.run("exists precious") == "(integer) 1\n"
    here.screen.enter("flushall")
    here.screen.wait(lambda text: text.count("Go on? [y/N]") == 2, "a second question")
    assert here.run("y").endswith("OK\n")


@pytest.mark.parametrize("words", [(), ("--no-confirm",)])
def test_a_server_of_nobody_is_not_asked_about(terminal: Open, words: tuple[str, ...]) -> None:
    assert terminal(*words).run("flushall") == "OK\n"


def test_a_server_in_use_is_known_by_its_clients(terminal: Open, server: Any) -> None:
    with contextlib.ExitStack() as others:
        for _ in range(11):
            others.enter_context(server.connect()).call("PING")
        here = terminal()
        here.screen.enter("keys *")
        assert "this looks like a server in use (1" in here.screen.wait_for("Go on? [y/N]")
        here.run("n")
        here.run(":set noconfirm")
        assert here.run("keys nothing*") == "(empty array)\n"


def test_messages_until_a_key_is_pressed(terminal: Open, server: Any) -> None:
    here = terminal()
    here.screen.enter("subscribe news")
    here.screen.wait_for("3) (integer) 1")
    with server.connect() as client:
        deadline = time.monotonic() + 60
        while client.call("PUBLISH", "news", "extra") != 1:
            assert time.monotonic() < deadline
    here.screen.wait_for('"extra"')
    here.screen.press("x")
    here.screen.wait_for("(subscribed mode)>")
    here.run("unsubscribe")
    assert here.screen.last_line() == f"127.0.0.1:{server.port}>"


def test_what_the_session_itself_knows(terminal: Open) -> None:
    here = terminal()
    shown = here.run(":help")
    assert ":set nocolour" in shown
    assert "help <command>, help @<group>" in shown
    shown = here.run("help getrange")
    assert "GETRANGE key start end" in shown
    assert "summary:" in shown
    assert "GETRANGE key start end" in here.run("help @string")


def test_the_server_comes_back(terminal: Open, server: Any) -> None:
    here = terminal()
    with server.connect() as client:
        client.call("CLIENT", "KILL", "TYPE", "NORMAL", "SKIPME", "yes")
    here.screen.enter("echo again")
    here.screen.wait_for("Error: ")
    here.ready(2)
    assert here.run("echo again") == '"again"\n'


# -- long work ---------------------------------------------------------------------


@pytest.fixture
def many_keys(make_server: Any) -> Any:
    server = make_server(enable_debug_command="yes")
    with server.connect() as client:
        assert client.call("DEBUG", "POPULATE", "20000") == "OK"
    return server


BAR = r"^\[=* *\] +\d+\.\d%  "


def test_a_bar_while_keys_are_looked_at(many_keys: Any, screens: Callable[..., Screen]) -> None:
    words = [*OURS, "-p", str(many_keys.port), "--count", "10", "-i", "1", "--bigkeys"]
    screen = screens(words, {"TERM": "xterm-256color"})
    screen.wait_for_match(BAR + r"\d+ of 20000 keys$")
    screen.press("C-c")
    screen.wait_for("-------- summary -------")
    assert screen.wait_for_end() == 0
    assert not re.search(BAR, screen.text(), re.MULTILINE)


def test_a_bar_while_a_file_is_sent(server: Any, screens: Callable[..., Screen], tmp_path: Path) -> None:
    path = tmp_path / "requests"
    # The first waits, so that there is something to be seen for as long as it takes.
    path.write_bytes(b"BLPOP nothing 0\r\n" + b"PING\r\n" * 200_000)
    screen = screens(["sh", "-c", f"{sys.executable} -m redpoll.cli -p {server.port} --pipe < {path}"],
                     {"TERM": "xterm-256color"})  # fmt: skip
    screen.wait_for_match(BAR + r"[\d.]+M sent, 0 replies$")
    with server.connect() as client:
        client.call("RPUSH", "nothing", "x")
    screen.wait_for("errors: 0, replies: 200001")
    assert screen.wait_for_end() == 0
    assert not re.search(BAR, screen.text(), re.MULTILINE)


class _Primary(RequestHandler):
    """Sends a file of which the last part comes when it is told to go on."""

    server: Any

    def handle(self) -> None:
        while words := self.read_request()[0]:
            if words == [b"SYNC"]:
                self.wfile.write(b"$4000000\r\n" + b"x" * 3_000_000)
                self.server.go_on.wait(WAIT_SECONDS)
                self.wfile.write(b"x" * 1_000_000)
                return
            self.wfile.write(b"+OK\r\n")


def test_a_bar_while_a_file_is_fetched(screens: Callable[..., Screen], tmp_path: Path) -> None:
    with Listener(_Primary) as primary:
        primary.go_on = threading.Event()  # type: ignore[attr-defined]
        words = [*OURS, "-p", str(primary.port), "--rdb", str(tmp_path / "file")]
        screen = screens(words, {"TERM": "xterm-256color"})
        screen.wait_for_match(BAR + r"[\d.]+[KM] received$")
        primary.go_on.set()  # type: ignore[attr-defined]
        screen.wait_for("Transfer finished with success.")
        assert screen.wait_for_end() == 0
    assert not re.search(BAR, screen.text(), re.MULTILINE)
    assert (tmp_path / "file").stat().st_size == 4_000_000
