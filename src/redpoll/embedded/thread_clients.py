"""Clients and pipelines for threads: whoever calls runs the command himself, and sleeps where it has to wait."""

from __future__ import annotations

from typing import Any

from redpoll.embedded.connections import CLOSED
from redpoll.embedded.methods import execute_command
from redpoll.embedded.session import SessionClosed
from redpoll.embedded.short import Short, Unit


class ThreadClient(Short):
    """A client of a store here: `Redis()`, `Redis("app.rdb")`, `Redis("redpoll://memory")`, `Redis(store)`.

    Takes what the library's own client takes and makes sense without a network. What it opened it closes.
    """

    execute_command = execute_command

    def close(self) -> None:
        super().close()
        self._let_go()


class ThreadPipeline(Unit):
    """A pipeline of a client of threads."""

    def _is_unit(self) -> bool:
        """Whether the commands are run within MULTI and EXEC."""
        return bool(self.transaction or self.explicit_transaction)

    def execute(self, raise_on_error: bool = True) -> Any:
        fast, commands = self._fast, self.command_stack
        link = self._borrow(commands)
        if link is None:
            return super().execute(raise_on_error)
        transaction = self._is_unit()
        try:
            try:
                replies = (self._run_unit if transaction else self._run)(link, commands)
            finally:
                fast.give_back(link)
            return (self._outcome if transaction else self._results)(commands, replies, raise_on_error)
        except SessionClosed:
            fast.broken(link)
            return super().execute(raise_on_error)
        except self.library.errors.ConnectionError:
            if not link.retry._retries:
                raise
            return super().execute(raise_on_error)
        finally:
            self.reset()

    def _run(self, connection: Any, commands: Any) -> list[Any]:
        results: list[Any] = []
        while not self._fast.run_on(connection, commands, results, False):
            self._fast.wait_on(connection, commands, results)
        return results

    def _run_unit(self, connection: Any, commands: Any) -> list[Any]:
        replies: list[Any] = []
        while not self._fast.run_unit(connection, commands, replies):
            self._fast.wait_in_unit(connection, commands, replies)
        return replies

    # Where the library has taken the connection, as after WATCH

    def _execute_pipeline(self, connection: Any, commands: Any, raise_on_error: bool) -> Any:
        if not self._leads_here(connection, commands, False):
            return super()._execute_pipeline(connection, commands, raise_on_error)
        return self._results(commands, self._run_in(connection, self._run, commands), raise_on_error)

    def _execute_transaction(self, connection: Any, commands: Any, raise_on_error: bool) -> Any:
        if not self._leads_here(connection, commands, True):
            return super()._execute_transaction(connection, commands, raise_on_error)
        return self._outcome(commands, self._run_in(connection, self._run_unit, commands), raise_on_error)

    @staticmethod
    def _run_in(connection: Any, run: Any, commands: Any) -> list[Any]:
        try:
            replies: list[Any] = run(connection, commands)
        except SessionClosed as error:
            connection.disconnect()
            raise connection._broken(CLOSED) from error
        return replies
