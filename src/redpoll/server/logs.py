"""The log: one line an event, to standard output or a file, and to syslog.

Lines have one of three layouts (`log-format`) and times one of three forms (`log-timestamp-format`):

    legacy  PID:ROLE TIME LEVEL MESSAGE, e.g.  4711:M 23 Nov 2026 10:20:42.606 * Ready to accept connections
    logfmt  pid=4711 role=primary timestamp="…" level=notice message="…"
    json    {"pid":4711,"role":"primary","timestamp":"…","level":"notice","message":"…"}

A line is one write to a file opened for appending. Before it, a look at the path tells whether
the file was moved or removed, and then it is opened anew: log rotation needs no signal.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from enum import Enum, IntEnum
from types import ModuleType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import tzinfo

REDACTED = "*redacted*"

_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


class Level(IntEnum):
    """How much a line matters; a log shows its own level and those above."""

    DEBUG = 0
    VERBOSE = 1
    NOTICE = 2
    WARNING = 3
    NOTHING = 4


_LEVEL_SIGNS = ".-*#"


class Role(Enum):
    """Who writes: the letter of the legacy layout and the word of the others."""

    PRIMARY = ("M", "primary")
    REPLICA = ("S", "replica")
    CHILD = ("C", "RDB/AOF")
    SENTINEL = ("X", "sentinel")

    @property
    def letter(self) -> str:
        """One letter."""
        return self.value[0]

    @property
    def word(self) -> str:
        """A word."""
        return self.value[1]


class Log:
    """Where messages go. Settings are plain attributes; `loglevel` is the one that changes while a server runs.

    `clock` gives Unix time in microseconds. An empty `path` means `stdout`, a file descriptor.
    """

    def __init__(
        self,
        clock: Callable[[], int],
        *,
        pid: int | None = None,
        level: Level = Level.NOTICE,
        path: str = "",
        stdout: int = 1,
        layout: str = "legacy",
        timestamps: str = "legacy",
        zone: tzinfo | None = None,
        hide_user_data: bool = False,
    ) -> None:
        self._clock = clock
        self._zone = zone
        self._file: int | None = None
        self._file_id: tuple[int, int] | None = None
        self._syslog: ModuleType | None = None
        self.pid = os.getpid() if pid is None else pid
        self.role = Role.PRIMARY
        self.level = level
        self.path = path
        self.stdout = stdout
        self.layout = layout
        self.timestamps = timestamps
        self.hide_user_data = hide_user_data

    def debug(self, message: str) -> None:
        """Log what only a developer of the server wants to know."""
        self.write(Level.DEBUG, message)

    def verbose(self, message: str) -> None:
        """Log what happens often."""
        self.write(Level.VERBOSE, message)

    def notice(self, message: str) -> None:
        """Log what an operator wants to know."""
        self.write(Level.NOTICE, message)

    def warning(self, message: str) -> None:
        """Log what an operator must know."""
        self.write(Level.WARNING, message)

    def write(self, level: Level, message: str) -> None:
        """Log a message; line ends in it are escaped, so that it stays one line."""
        if level < self.level:
            return
        self._emit(self.line(level, message, self._clock()))
        if self._syslog is not None:
            self._syslog.syslog(_syslog_priority(self._syslog, level), _one_line(message))

    def raw(self, text: str, level: Level = Level.NOTICE) -> None:
        """Write a text as it is, several lines perhaps: the start-up banner, a crash report."""
        if level >= self.level:
            self._emit(text)

    def line(self, level: Level, message: str, now_us: int) -> str:
        """A message as it stands in the log, line end included."""
        time = timestamp(now_us, self.timestamps, self._zone)
        if self.layout == "legacy":
            return f"{self.pid}:{self.role.letter} {time} {_LEVEL_SIGNS[level]} {_one_line(message)}\n"
        name = level.name.lower()
        if self.layout == "logfmt":
            return (
                f"pid={self.pid} role={self.role.word} timestamp={_quoted(time)} level={name} "
                f"message={_quoted(message)}\n"
            )
        import json  # only where this layout is chosen: the server starts faster without

        fields = {"pid": self.pid, "role": self.role.word, "timestamp": time, "level": name, "message": message}
        return json.dumps(fields, ensure_ascii=False, separators=(",", ":")) + "\n"

    def user_data(self, text: str) -> str:
        """A key, value or name from a client as a message may show it under `hide-user-data-from-log`."""
        return REDACTED if self.hide_user_data else text

    def use_syslog(self, ident: str = "redpoll", facility: str = "local0", module: ModuleType | None = None) -> None:
        """Send messages to syslog too; `module` stands in for the standard library's in tests."""
        if module is None:
            import syslog  # rarely used

            module = syslog
        options = module.LOG_PID | module.LOG_NDELAY | module.LOG_NOWAIT
        module.openlog(ident, options, getattr(module, f"LOG_{facility.upper()}"))
        self._syslog = module

    def shows_logo(self, always: bool) -> bool:
        """Whether the banner is drawn: when asked for, or when a person seems to watch the terminal."""
        return always or (self._syslog is None and not self.path and os.isatty(self.stdout))

    def close(self) -> None:
        """Close the file; the next line opens it again."""
        if self._file is not None:
            os.close(self._file)
            self._file = self._file_id = None

    def _emit(self, text: str) -> None:
        data = text.encode(errors="backslashreplace")
        try:
            target = self._opened() if self.path else self.stdout
            while data:
                data = data[os.write(target, data) :]
        except OSError:
            # A full disk or a closed terminal must not stop the server, and there is nobody to tell.
            self.close()

    def _opened(self) -> int:
        """The log file's descriptor, opened or reopened when the path leads elsewhere by now."""
        try:
            found = os.stat(self.path)
            current = (found.st_dev, found.st_ino)
        except FileNotFoundError:
            current = None
        if self._file is None or current is None or current != self._file_id:
            self.close()
            self._file = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o644)
            found = os.fstat(self._file)
            self._file_id = (found.st_dev, found.st_ino)
        return self._file


def timestamp(now_us: int, form: str = "legacy", zone: tzinfo | None = None) -> str:
    """A time in one of the forms of `log-timestamp-format`, in the local time zone or `zone`."""
    milliseconds = now_us // 1000
    if form == "milliseconds":
        return str(milliseconds)
    from datetime import datetime

    # fromtimestamp() rounds floats, so the milliseconds are carried beside it.
    moment = datetime.fromtimestamp(milliseconds // 1000, zone).astimezone(zone)
    fraction = f"{milliseconds % 1000:03d}"
    if form == "iso8601":
        offset = moment.strftime("%z")
        return f"{moment:%Y-%m-%dT%H:%M:%S}.{fraction}{offset[:3]}:{offset[3:5]}"
    return f"{moment.day:02d} {_MONTHS[moment.month - 1]} {moment.year} {moment:%H:%M:%S}.{fraction}"


def _one_line(message: str) -> str:
    return message.replace("\r", "\\r").replace("\n", "\\n")


def _quoted(text: str) -> str:
    escaped = _one_line(text.replace("\\", "\\\\").replace('"', '\\"'))
    return f'"{escaped}"'


def _syslog_priority(module: ModuleType, level: Level) -> int:
    priority: int = (module.LOG_DEBUG, module.LOG_INFO, module.LOG_NOTICE, module.LOG_WARNING)[level]
    return priority
