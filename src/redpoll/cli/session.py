"""What both a single command and a session do: connect, send, follow redirections, print what comes back."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from redpoll.cli import render
from redpoll.cli.connection import ConnectFailed, Connection, introduce, open_connection, reason
from redpoll.cli.numbers import leading_integer
from redpoll.cli.replies import ConnectionLost, ErrorReply, ProtocolError, Push, Status

if TYPE_CHECKING:
    from redpoll.cli.command_docs import CommandDocs
    from redpoll.cli.preferences import Preferences

# Commands whose replies are texts for people: printed as they are, in every form.
_TEXTS = {b"info", b"lolwut"}
_TEXTS_WITH = {
    (b"debug", b"htstats"),
    (b"debug", b"htstats-key"),
    (b"memory", b"malloc-stats"),
    (b"memory", b"doctor"),
    (b"cluster", b"nodes"),
    (b"cluster", b"info"),
    (b"client", b"list"),
    (b"client", b"info"),
    (b"latency", b"graph"),
    (b"latency", b"doctor"),
    (b"proxy", b"info"),
}
_EXACT_TEXTS = {
    (b"latency", b"graph"): 3,
    (b"latency", b"doctor"): 2,
    (b"cluster", b"nodes"): 2,
    (b"cluster", b"info"): 2,
}
_SUBSCRIBING = {b"subscribe", b"psubscribe", b"ssubscribe"}
_UNSUBSCRIBING = {b"unsubscribe", b"punsubscribe", b"sunsubscribe"}


def is_text(words: list[bytes]) -> bool:
    """Tell whether a command's reply is a text for people."""
    name = words[0].lower()
    if name in _TEXTS:
        return True
    if len(words) < 2:
        return False
    both = (name, words[1].lower())
    return both in _TEXTS_WITH and len(words) == _EXACT_TEXTS.get(both, len(words))


class Session:
    """A connection that may come and go, and what is known of it."""

    def __init__(self, options, out=None, err=None) -> None:
        self.options = options
        self.out = out or sys.stdout.buffer
        self.err = err or sys.stderr
        self.form = options.form
        self.interactive = False
        self.connection: Connection | None = None
        self.host, self.port = options.host, options.port
        self.on_socket = bool(options.socket)
        self.database = options.database
        self.selected = 0
        self.in_transaction = False
        self.subscriptions = 0
        self.last_reply: object = None
        # A script is being debugged; it was until now, and what it returned is still to come; the next one is to be.
        self.debugging = False
        self.debugger_ended = False
        self.debug_next_script = False
        self.show_pushes = options.show_pushes
        # A session prints replies in other ways: called with words and reply, it returns bytes, or None to leave it.
        self.present: Callable[[list[bytes], object], bytes | None] | None = None
        # Waits between looks at a subscribed connection; answers True when the user wants the prompt back.
        self.wait_for_message: Callable[[Connection], bool] | None = None
        self.docs: CommandDocs | None = None
        self.preferences: Preferences | None = None
        self._asking = False
        self._redirected = False

    # -- the connection ----------------------------------------------------------

    def connect(self, *, quiet: bool = False, force: bool = False) -> bool:
        """Connect unless there is a connection; what fails is told on the error output unless `quiet`."""
        if self.connection is not None and not force:
            return True
        self.disconnect()
        options = self.options
        unix = self.on_socket and not self._redirected
        try:
            if unix:
                connection = open_connection(options)
            else:
                connection = open_connection(options, host=self.host, port=self.port, unix=False)
        except ConnectFailed as failure:
            if not quiet:
                self._tell_failure(failure, unix)
            return False
        connection.pushed = self._pushed if self.shows_pushes() else None
        self.connection = connection
        try:
            well = introduce(connection, options, self.database, self.tell)
        except (ConnectionLost, ProtocolError):
            self.tell("\nI/O error")
            return False
        if well:
            self.selected = self.database
        return well

    def disconnect(self) -> None:
        """Drop the connection with all that it knew."""
        if self.connection is not None:
            self.connection.close()
        self.connection = None
        self.selected = self.subscriptions = 0
        self.in_transaction = False

    def _tell_failure(self, failure: ConnectFailed, unix: bool) -> None:
        if type(failure).__name__ == "TlsFailed":
            self.tell(f"Could not negotiate a TLS connection: {failure}")
        place = self.options.socket if unix else f"{self.host}:{self.port}"
        self.tell(f"Could not connect to Redis at {place}: {failure}")

    def shows_pushes(self) -> bool:
        """Tell whether messages that come out of turn are printed."""
        return self.out.isatty() if self.show_pushes is None else self.show_pushes

    # -- printing ------------------------------------------------------------------

    def tell(self, line: str) -> None:
        """Print a line on the error output."""
        print(line, file=self.err, flush=True)

    def write(self, data: bytes) -> None:
        """Print bytes at once."""
        self.out.write(data)
        self.out.flush()

    def _pushed(self, message: Push) -> None:
        self.write(render.push(message, self.form, self.options))

    def _print(self, words: list[bytes], reply, as_text: bool) -> None:
        if self.debugging:
            self._print_debugger(reply)
            return
        shown = None
        if self.present is not None and self.form == render.STANDARD:
            shown = self.present(words, reply)
        if shown is None:
            shown = render.render(reply, self.form, self.options, as_text=as_text)
        self.write(shown)

    # -- the debugger of scripts ---------------------------------------------------

    def begin_debugging(self) -> None:
        """What comes is the debugger's, from the next reply on."""
        self.debugging, self.debugger_ended, self.debug_next_script = True, False, False
        self.form = render.RAW

    def _print_debugger(self, reply) -> None:
        from redpoll.cli.ldb import show_lines

        shown, ended = show_lines(reply)
        self.write(shown + b"\n")
        if ended:
            self.debugging, self.debugger_ended = False, True
            self.form = render.STANDARD

    def end_debugging(self) -> None:
        """If the script has just ended, print what it returned."""
        if not self.debugger_ended or self.connection is None:
            return
        self.debugger_ended = False
        self._print([], self.connection.read(), as_text=False)
        # The server closes the connection, so the next command makes another one.
        self.disconnect()
        changes = "" if self.options.debugging_blocks else " -- dataset changes rolled back"
        self.write(f"\n(Lua debugging session ended{changes})\n\n".encode())

    # -- commands ------------------------------------------------------------------

    def issue(self, words: list[bytes], repeat: int = 1) -> bool:
        """Send a command, as often as `repeat` says (below 0: for ever), and print its replies; whether all came."""
        from_help = words[0].lower() in (b"help", b"?") and not self.debugging
        if from_help:
            from redpoll.cli.help import show_help

            show_help(self, words[1:])
            return True
        while True:
            if self.connection is None or self._redirected:
                well = self.connect(force=True)
                self._redirected = False
                if not well and self.connection is None:
                    return False
            if not self._send_asking() or not self._issue_once(words, repeat):
                return False
            if not self._redirected:
                return True

    def ask(self, *words: bytes):
        """Send a command and return its reply, unprinted. Raises `ConnectionLost` where there is no connection."""
        if not self.connect(quiet=True) or self.connection is None:
            raise ConnectionLost
        return self.connection.call(*words)

    def _send_asking(self) -> bool:
        if not self._asking or self.connection is None:
            return True
        self._asking = False
        reply = self.connection.call(b"ASKING")
        if isinstance(reply, ErrorReply):
            self.tell(f"ASKING failed: {reply.decode('utf-8', 'replace')}")
            return False
        return True

    def _issue_once(self, words: list[bytes], repeat: int) -> bool:
        try:
            return self._exchange(words, repeat)
        except (ConnectionLost, ProtocolError) as error:
            self.disconnect()
            if words[0].lower() == b"shutdown" and isinstance(error, ConnectionLost):
                return True
            self.tell(f"Error: {reason(error)}")
            if not self.interactive:
                raise SystemExit(1) from None
            return False

    def _exchange(self, words: list[bytes], repeat: int) -> bool:
        connection = self.connection
        assert connection is not None
        name = words[0].lower()
        as_text = is_text(words)
        self._mind_debugging(name, words)
        while repeat:
            repeat -= 1
            connection.send(words)
            if name == b"monitor":
                return self._follow(words)
            if name in _SUBSCRIBING or (name in _UNSUBSCRIBING and self.subscriptions):
                return self._subscribe(words)
            if name in (b"sync", b"psync"):
                return self._replicate()
            reply = connection.read()
            if not self._take(words, reply, as_text):
                return True
            if self.options.interval and (not self.interactive or repeat):
                time.sleep(self.options.interval)
        return True

    def _take(self, words: list[bytes], reply, as_text: bool = False) -> bool:
        """Print a reply and learn from it; False when the command has to be sent elsewhere."""
        self.last_reply = reply
        if self.options.redirecting and isinstance(reply, ErrorReply) and reply.code in (b"MOVED", b"ASK"):
            self._redirect(reply)
            return False
        if isinstance(reply, ErrorReply) and self.options.exit_with_errors and not self.interactive:
            print(reply.decode("utf-8", "surrogateescape"), file=self.err, flush=True)
            raise SystemExit(1)
        self._print(words, reply, as_text)
        self._learn(words, reply)
        return True

    def _redirect(self, reply: ErrorReply) -> None:
        _, slot, place = reply.decode("utf-8", "replace").split(" ")[:3]
        host, _, port = place.partition("?")[0].rpartition(":")
        self.host, self.port = host or self.host, leading_integer(port)
        if self.interactive and self.form == render.STANDARD:
            self.write(f"-> Redirected to slot [{slot}] located at {self.host}:{self.port}\n".encode())
        self._redirected = True
        self._asking = reply.code == b"ASK"

    def _learn(self, words: list[bytes], reply) -> None:
        if isinstance(reply, ErrorReply):
            if reply.code == b"EXECABORT":
                self._transaction_ended()
            return
        name = words[0].lower()
        if name == b"select" and len(words) == 2:
            self.database = self.selected = leading_integer(words[1].decode("ascii", "replace"))
        elif name == b"multi":
            self.in_transaction = True
            self._database_outside = self.database
        elif name == b"exec" and self.in_transaction:
            self.in_transaction = False
        elif name == b"discard" and self.in_transaction:
            self._transaction_ended()
        elif name == b"reset":
            self.in_transaction = False
            self.database = self.selected = self.subscriptions = 0
        elif name == b"auth" and self.database and self.selected != self.database and self.connection:
            self.connection.call(b"SELECT", b"%d" % self.database)

    def _transaction_ended(self) -> None:
        if self.in_transaction:
            self.database = self.selected = self._database_outside
        self.in_transaction = False

    def _mind_debugging(self, name: bytes, words: list[bytes]) -> None:
        if name == b"script" and len(words) == 3 and words[1].lower() == b"debug":
            self.debug_next_script = words[2].lower() in (b"sync", b"yes")
        elif name == b"eval" and self.debug_next_script:
            self.begin_debugging()

    # -- commands whose replies do not end -----------------------------------------

    def _follow(self, words: list[bytes]) -> bool:
        connection = self.connection
        assert connection is not None
        while True:
            reply = connection.read_any()
            self._print(words, reply, as_text=False)
            if isinstance(reply, ErrorReply) or (self.wait_for_message and self.wait_for_message(connection)):
                break
        if not isinstance(reply, ErrorReply):
            self.disconnect()
        return True

    def _subscribe(self, words: list[bytes]) -> bool:
        connection = self.connection
        assert connection is not None
        expected = max(1, len(words) - 1)
        if not self.subscriptions and self.form != render.RAW:
            other = b" or any key to type command" if self.wait_for_message else b""
            self.write(b"Reading messages... (press Ctrl-C to quit%b)\n" % other)
        while True:
            message = connection.read_any()
            self._print(words, message, as_text=False)
            if isinstance(message, ErrorReply | Status):
                return True
            if isinstance(message, list) and len(message) == 3 and isinstance(message[0], bytes):
                expected -= self._count_subscription(message)
            if self.subscriptions == 0 and expected <= 0:
                return True
            if expected <= 0 and self.wait_for_message and self.wait_for_message(connection):
                return True

    def _count_subscription(self, message: list) -> int:
        kind = message[0].lower()
        if (kind in _SUBSCRIBING or kind in _UNSUBSCRIBING) and isinstance(message[2], int):
            self.subscriptions = message[2]
            return 1
        return 0

    def read_messages(self) -> None:
        """Print messages of a subscribed connection until the user wants the prompt or nothing is subscribed to."""
        connection = self.connection
        if connection is None or self.wait_for_message is None:
            return
        while self.subscriptions and not self.wait_for_message(connection):
            message = connection.read_any()
            self._print([b"subscribe"], message, as_text=False)
            if isinstance(message, list) and len(message) == 3 and isinstance(message[0], bytes):
                self._count_subscription(message)

    def _replicate(self) -> bool:
        from redpoll.cli.replica import follow_primary

        connection = self.connection
        assert connection is not None
        self.write(b"Entering replica output mode...  (press Ctrl-C to quit)\n")
        follow_primary(connection, self, sent=True)
        self.disconnect()
        return False
