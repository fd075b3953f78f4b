"""The debugger of scripts, as `redis-cli --ldb` speaks with it.

From EVAL on, the client's connection belongs to the session, which reads from it and writes to it until the script is
done:

    session = *(stop  *(request answer))  end  reply of EVAL
    stop    = lines     * Stopped at 3, stop reason = step over
                        ->  3   local x = 1
    request = array of 1 to 1024 bulk strings of 1 to 1024 bytes: a command and its words
    answer  = lines;  of step, next and continue what comes is the next stop, or the end
    lines   = array of simple strings
    end     = lines, of which the last is <endsession>

What a script's commands do while it steps, and what it tells by `redis.debug`, is among the lines of the next stop.
Marks at the beginning of lines say what they are: <redis> a command, <reply> what it answered, <error> what it was
refused for, <value> of a variable, <retval> of code, <debug> told by the script, <hint>.

A user who closes the connection lets the script run to its end.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Protocol

from redpoll import errors
from redpoll.scripting.inspection import set_breakpoints, step
from redpoll.wire.quoting import quote

_REASONS = (b"step over", b"break point", b"redis.breakpoint() called", b"timeout reached, infinite loop?")
_BY_TIME = 3
_BREAKPOINTS_MOST = 64
_LENGTH = 256
_LENGTH_LEAST = 60
_WORDS_MOST = 1024
_WORD_MOST = 1024
_REQUEST_MOST = 1 << 20
_WORDS_SHOWN = 10
_CONTEXT = 5
_NUMBER = re.compile(rb"\s*([+-]?\d+)")
_LINE_NUMBER = re.compile(rb"-?[1-9]\d{0,17}|0")
_HINT = b"<hint> The above reply was trimmed. Use 'maxlen 0' to disable trimming."

HELP = """\
Redis Lua debugger help:
[h]elp               Show this help.
[s]tep               Run current line and stop again.
[n]ext               Alias for step.
[c]ontinue           Run till next breakpoint.
[l]ist               List source code around current line.
[l]ist [line]        List source code around [line].
                     line = 0 means: current position.
[l]ist [line] [ctx]  In this form [ctx] specifies how many lines
                     to show before/after [line].
[w]hole              List all source code. Alias for 'list 1 1000000'.
[p]rint              Show all the local variables.
[p]rint <var>        Show the value of the specified variable.
                     Can also show global vars KEYS and ARGV.
[b]reak              Show all breakpoints.
[b]reak <line>       Add a breakpoint to the specified line.
[b]reak -<line>      Remove breakpoint from the specified line.
[b]reak 0            Remove all breakpoints.
[t]race              Show a backtrace.
[e]val <code>        Execute some Lua code (in a different callframe).
[r]edis <cmd>        Execute a Redis command.
[m]axlen [len]       Trim logged Redis replies and Lua var dumps to len.
                     Specifying zero as <len> means unlimited.
[a]bort              Stop the execution of the script. In sync
                     mode dataset changes will be retained.

Debugger functions you can call from Lua scripts:
redis.debug()        Produce logs in the debugger console.
redis.breakpoint()   Stop execution like if there was a breakpoint in the
                     next line of code.
"""


class Link(Protocol):
    """The client's connection."""

    def read(self) -> bytes:
        """Wait for bytes; none: it is closed."""

    def write(self, data: bytes) -> None:
        """Send bytes, if that can be done."""

    def has_gone(self) -> bool:
        """Whether the client has closed it, or the server is to end."""

    def must_end(self) -> bool:
        """Whether the server is to end."""


class BadRequest(Exception):
    """What came is no request."""


class _Ended(Exception):
    """The script is to end with an error, the argument."""


def take_request(data: bytes) -> tuple[list[bytes], int] | None:
    """Read a request from the beginning of bytes: its words and its length; None: there is more to come.

    Raises `BadRequest`.
    """
    if not data:
        return None
    if not data.startswith(b"*"):
        raise BadRequest
    end = data.find(b"\r\n")
    if end < 0:
        return None
    count = _integer(data[1:end])
    if not 0 < count <= _WORDS_MOST:
        raise BadRequest
    at = end + 2
    words = []
    for _ in range(count):
        if at == len(data):
            return None
        if data[at] != 0x24:
            raise BadRequest
        end = data.find(b"\r\n", at)
        if end < 0:
            return None
        length = _integer(data[at + 1 : end])
        if not 0 < length <= _WORD_MOST:
            raise BadRequest
        at = end + 2 + length + 2
        if at > len(data):
            return None
        if data[at - 2 : at] != b"\r\n":
            raise BadRequest
        words.append(data[at - 2 - length : at - 2])
    return words, at


def _integer(text: bytes) -> int:
    """The number that a text begins with; 0: with none."""
    found = _NUMBER.match(text)
    return max(-(2**31), min(int(found[1]), 2**31 - 1)) if found else 0


class Debugger:
    """One session: a script, a client, and between them commands."""

    def __init__(self, script: bytes, link: Link, *, limit_us: int, now_us: Callable[[], int]) -> None:
        text = script.rstrip(b"\r\n")
        self.link = link
        self._source = text.split(b"\n") if text else []
        self._limit_us, self._now_us = limit_us, now_us
        self._since_us = now_us()
        self._lines: list[bytes] = []
        self._breakpoints: list[int] = []
        self._length = _LENGTH
        self._hinted = False
        self._received = b""
        self._commands: dict[bytes, Callable[[Any, list[bytes]], None]] = {}
        for name, command in (
            (b"help", self._help),
            (b"list", self._list),
            (b"whole", self._whole),
            (b"print", self._print),
            (b"break", self._break),
            (b"trace", self._trace),
            (b"eval", self._eval),
            (b"redis", self._redis),
            (b"maxlen", self._maxlen),
            (b"abort", self._abort),
        ):
            self._commands[name] = self._commands[name[:1]] = command

    # Lines

    def _log(self, line: bytes) -> None:
        self._lines.append(line.replace(b"\r", b" ").replace(b"\n", b" "))

    def _log_trimmed(self, line: bytes) -> None:
        if not self._length or len(line) <= self._length:
            self._log(line)
            return
        self._log(line[: self._length] + b" ...")
        if not self._hinted:
            self._hinted = True
            self._log(_HINT)

    def _send(self) -> None:
        """Send the lines that there are, none also."""
        lines, self._lines = self._lines, []
        self.link.write(b"*%d\r\n" % len(lines) + b"".join([b"+%b\r\n" % line for line in lines]))

    def _log_source(self, number: int, current: int) -> None:
        line = self._source[number - 1] if 0 < number <= len(self._source) else b"<out of range source code line>"
        mark = b"#" if number in self._breakpoints else b" "
        self._log(b"%b%b%-3d %b" % (b"->" if number == current else b"  ", mark, number, line))

    def _log_lines_around(self, around: int, context: int, current: int) -> None:
        first, last = max(1, around - context), min(len(self._source), around + context)
        for number in range(first, last + 1):
            self._log_source(number, current)

    # Told by the script's hook

    def is_late(self) -> bool:
        """Whether the script has run for so long that it may never end."""
        return self._now_us() - self._since_us >= self._limit_us or self.link.must_end()

    def stopped(self, reason: int, frame: Any) -> bytes | None:
        """Serve the user until the script is to go on; the error that it is to end with, or None."""
        self._log(b"* Stopped at %d, stop reason = %b" % (frame.line, _REASONS[reason]))
        self._log_source(frame.line, frame.line)
        self._send()
        try:
            served = self._serve(frame)
        except BadRequest:
            return errors.DEBUGGER_PROTOCOL.encode()
        except _Ended as ended:
            return ended.args[0].encode()
        finally:
            self._since_us = self._now_us()
        if served:
            return None
        # Nobody is there any more.
        self._breakpoints.clear()
        set_breakpoints([])
        return errors.DEBUGGER_CLIENT_GONE.encode() if reason == _BY_TIME else None

    def _serve(self, frame: Any) -> bool:
        """Whether the user wants the script to go on; False: the user has gone."""
        while True:
            words = self._next_request()
            if words is None:
                return False
            name = words[0].lower()
            if name in (b"step", b"s", b"next", b"n"):
                step()
                return True
            if name in (b"continue", b"c"):
                return True
            command = self._commands.get(name)
            if command is None or (command == self._redis and len(words) == 1):
                self._log(b"<error> Unknown Redis Lua debugger command or wrong number of arguments.")
            else:
                command(frame, words)
            self._send()

    def _next_request(self) -> list[bytes] | None:
        while True:
            found = take_request(self._received)
            if found is not None:
                self._received = self._received[found[1] :]
                return found[0]
            data = self.link.read()
            if not data:
                return None
            self._received += data
            if len(self._received) > _REQUEST_MOST:
                self._received = b""
                raise _Ended(errors.DEBUGGER_REQUEST_LENGTH)

    def finish(self) -> None:
        """The script has ended: say so, after what was not told yet."""
        self._log(b"<endsession>")
        self._send()

    # Told by the library `redis`

    def called(self, words: list[bytes]) -> None:
        """A command is about to run."""
        more = len(words) - _WORDS_SHOWN
        shown = b" ".join([b"<redis>", *words[:_WORDS_SHOWN]])
        self._log(shown if more <= 0 else b"%b ... (%d more)" % (shown, more - 1))

    def answered(self, reply: bytes) -> None:
        """The command's reply, as bytes of the protocol."""
        if reply.startswith(b"-"):
            self._log(b"<error> " + reply[:-2])
        self._log_trimmed(b"<reply> " + show_reply(reply, self._length))

    def refused(self, text: bytes) -> None:
        """What was asked of the library cannot be."""
        # Redis has errors with a code of their own ready, as bytes of the protocol, and shows them so.
        self._log(b"<error> " + (text[4:] if text.startswith(b"ERR ") else b"-%b\r\n" % text))

    def debugged(self, line: int, values: bytes) -> None:
        """`redis.debug` was called."""
        self._log(b"<debug> line %d: %b" % (line, values))

    # Commands

    def _help(self, _frame: Any, _words: list[bytes]) -> None:
        for line in HELP.splitlines():
            self._log(line.encode())

    def _list(self, frame: Any, words: list[bytes]) -> None:
        around = _integer(words[1]) if len(words) > 1 else 0
        context = _integer(words[2]) if len(words) > 2 else _CONTEXT
        self._log_lines_around(around if around > 0 else frame.line, context, frame.line)

    def _whole(self, frame: Any, _words: list[bytes]) -> None:
        self._log_lines_around(1, 1000000, frame.line)

    def _print(self, frame: Any, words: list[bytes]) -> None:
        if len(words) == 2:
            value = frame.find_local(words[1], self._length)
            if value is None and words[1] in (b"KEYS", b"ARGV"):
                value = frame.global_value(words[1], self._length)
            if value is None:
                self._log(b"No such variable.")
            else:
                self._log_trimmed(b"<value> " + value)
            return
        found = frame.locals(self._length)
        for name, value in found:
            self._log_trimmed(b"<value> %b = %b" % (name, value))
        if not found:
            self._log(b"No local variables in the current context.")

    def _break(self, frame: Any, words: list[bytes]) -> None:
        if len(words) == 1:
            if not self._breakpoints:
                self._log(b"No breakpoints set. Use 'b <line>' to add one.")
                return
            self._log(b"%d breakpoints set:" % len(self._breakpoints))
            for number in self._breakpoints:
                self._log_source(number, frame.line)
            return
        for word in words[1:]:
            if _LINE_NUMBER.fullmatch(word):
                self._change_breakpoint(int(word), frame.line)
            else:
                self._log(b"Invalid argument:'%b'" % word)
        set_breakpoints(self._breakpoints)

    def _change_breakpoint(self, number: int, current: int) -> None:
        known = self._breakpoints
        if number == 0:
            known.clear()
            self._log(b"All breakpoints removed.")
        elif number < 0:
            if -number in known:
                known.remove(-number)
                self._log(b"Breakpoint removed.")
            else:
                self._log(b"No breakpoint in the specified line.")
        elif len(known) == _BREAKPOINTS_MOST:
            self._log(b"Too many breakpoints set.")
        elif number > len(self._source) or number in known:
            self._log(b"Wrong line number.")
        else:
            known.append(number)
            self._log_lines_around(number, 1, current)

    def _trace(self, frame: Any, _words: list[bytes]) -> None:
        for level, name, number in frame.backtrace():
            self._log(b"%b %b:" % (b"From" if level else b"In", name or b"top level"))
            self._log_source(number, frame.line)

    def _eval(self, frame: Any, words: list[bytes]) -> None:
        well, shown = frame.evaluate(b" ".join(words[1:]), self._length)
        if well:
            self._log_trimmed(b"<retval> " + shown)
        else:
            self._log(b"<error> " + shown)

    def _redis(self, frame: Any, words: list[bytes]) -> None:
        if not frame.call(words[1:]):
            self._log(b"max lua stack reached")

    def _maxlen(self, _frame: Any, words: list[bytes]) -> None:
        if len(words) == 2:
            length = _integer(words[1])
            self._hinted = True
            self._length = max(length, _LENGTH_LEAST) if length else 0
        if self._length:
            self._log(b"<value> replies are truncated at %d bytes." % self._length)
        else:
            self._log(b"<value> replies are unlimited.")

    def _abort(self, _frame: Any, _words: list[bytes]) -> None:
        raise _Ended(errors.DEBUGGER_ABORTED)


# Replies for people


def show_reply(reply: bytes, limit: int) -> bytes:
    """Return a whole reply in the debugger's notation, cut off somewhere behind `limit` bytes (0: never)."""
    parts: list[bytes] = []
    _Shower(reply, parts, limit or len(reply) * 8 + 64).show(0)
    return b"".join(parts)


_BRACKETS = {b"*": (b"[", b"]"), b">": (b"[", b"]"), b"~": (b"~(", b")"), b"%": (b"{", b"}"), b"|": (b"{", b"}")}


class _Shower:
    def __init__(self, reply: bytes, parts: list[bytes], room: int) -> None:
        self._reply, self._parts, self._room = reply, parts, room

    def _put(self, part: bytes) -> None:
        self._parts.append(part)
        self._room -= len(part)

    def show(self, at: int) -> int:
        """Show the reply that begins at a place; where the next one does, as long as there is room."""
        if self._room < 0:
            return at
        kind = self._reply[at : at + 1]
        end = self._reply.index(b"\r\n", at)
        line = self._reply[at + 1 : end]
        after = end + 2
        if kind == b"$":
            if line == b"-1":
                self._put(b"NULL")
                return after
            self._put(quote(self._reply[after : after + min(int(line), self._room + 1)]))
            return after + int(line) + 2
        if kind == b"=":
            self._put(quote(self._reply[after + 4 : after + int(line)]))
            return after + int(line) + 2
        if kind in _BRACKETS:
            return self._show_items(kind, int(line), after)
        if kind == b":":
            self._put(line)
        elif kind in (b"+", b"-"):
            self._put(quote(kind + line))
        elif kind == b"_":
            self._put(b"(null)")
        elif kind == b"#":
            self._put(b"#true" if line == b"t" else b"#false")
        elif kind == b",":
            self._put(b"(double) " + line)
        else:
            self._put(b"(big number) " + line if kind == b"(" else b"")
        return after

    def _show_items(self, kind: bytes, count: int, at: int) -> int:
        if count < 0:
            self._put(b"NULL")
            return at
        opening, closing = _BRACKETS[kind]
        pairs = kind in (b"%", b"|")
        self._put(opening)
        for number in range(count):
            if self._room < 0:
                break
            if number:
                self._put(b",")
            at = self.show(at)
            if pairs:
                self._put(b" => ")
                at = self.show(at)
        self._put(closing)
        return at
