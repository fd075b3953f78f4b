"""The server inside a store: all that serves commands, without a process around it."""

from __future__ import annotations

import threading
from typing import Any

from redpoll.embedded.faults import Faults
from redpoll.errors import CommandError
from redpoll.server import clock
from redpoll.server.config import Config
from redpoll.server.guard import Guard
from redpoll.server.logs import Level, Log
from redpoll.server.server import CHECKS_COMMANDS, Server

_LEVELS = {Level.DEBUG: "DEBUG", Level.VERBOSE: "DEBUG", Level.NOTICE: "INFO", Level.WARNING: "WARNING"}
NO_SHUTDOWN = "ERR SHUTDOWN ends a server; this store lives in a program, which closes it"


class ModuleLog(Log):
    """The server's log lines as records of the logger `redpoll`."""

    def __init__(self) -> None:
        super().__init__(clock.unix_us, level=Level.NOTICE)

    def write(self, level: Level, message: str) -> None:
        """Log a message."""
        if level >= self.level and level in _LEVELS:
            import logging  # takes a while, and most stores have nothing to say

            logging.getLogger("redpoll").log(getattr(logging, _LEVELS[level]), "%s", message)

    def raw(self, text: str, level: Level = Level.NOTICE) -> None:
        """Log several lines."""
        self.write(level, text)


class HostedServer(Server):
    """A server that has no loop of its own: see "Without a thread of its own" in server/loop.pyx."""

    def __init__(self, config: Config) -> None:
        super().__init__(config, log=ModuleLog())
        self.loop.guard = Guard()
        self.loop.attendant = self._start_attendant
        self.thread: threading.Thread | None = None
        self.faults = Faults(self)
        config.on_change("save", self._save_points_changed)
        self._save_points_changed(config)

    def _save_points_changed(self, config: Any) -> None:
        self.loop.saves = bool(config.save)

    # The thread that attends

    def _start_attendant(self) -> None:
        self.thread = threading.Thread(target=self.loop.attend, name="redpoll-attendant", daemon=True)
        self.thread.start()

    def end_attendance(self) -> None:
        """End the thread that attends, if there is one; who calls does not have the guard."""
        self.loop.permanent = False
        thread = self.thread
        if thread is None:
            return
        if thread is not threading.current_thread():
            while thread.is_alive():
                self.loop.stop()
                self.loop.wake()
                thread.join(0.05)
        self.thread = None

    def _add_listener(self, listener: Any) -> None:
        super()._add_listener(listener)
        self.loop.permanent = True
        self.loop.call_attendant()

    # What ends a server is not for a store

    def shut_down(self, *, save: bool | None, now: bool, force: bool) -> None:
        """SHUTDOWN. Raises `CommandError`."""
        raise CommandError(NO_SHUTDOWN)

    def stop(self, reason: str, *, code: int = 0) -> None:
        """Something wants to end the server: there is none."""
        del code
        self.log.warning(reason)

    def interrupted(self, error: BaseException) -> None:
        """Ctrl-C, or the end of the process, in the middle of a handler: it is for the program."""
        if isinstance(error, KeyboardInterrupt):
            self.loop.interrupted = True

    def refusal(self, connection: Any, routine: Any, words: list[bytes]) -> str | None:
        """Why a command may not run now; None: it may."""
        return self.faults.strike(connection, routine.name) or super().refusal(connection, routine, words)

    def check_refusals(self) -> None:
        """What commands are refused for may have changed."""
        super().check_refusals()
        if self.faults.planned:
            self.dispatcher.gate |= CHECKS_COMMANDS

    def show_title(self) -> None:
        """The process has a title of its own."""

    def after_fork(self) -> None:
        """In the child of a fork."""
        self.thread = None
        for listener in self.listeners:
            listener.sock.close()
        self.listeners.clear()
        self.persistence.after_fork()
        self.loop.after_fork()
        self.loop.guard.after_fork()
