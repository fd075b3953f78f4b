"""The same for asyncio: clients and pipelines whose commands run at once, in the thread of the event loop."""

from __future__ import annotations

from inspect import CO_VARARGS, CO_VARKEYWORDS
from types import CoroutineType, FunctionType
from typing import Any

from redpoll.embedded.connections import CLOSED
from redpoll.embedded.fast import SLOW, Fast, Later
from redpoll.embedded.session import NOTHING, SessionClosed
from redpoll.embedded.short import Short, Unit

# What commands without options share: nobody finds anything to take out of it.
_NO_OPTIONS: dict[str, Any] = {}


class TaskClient(Short):
    """A client of a store here, for asyncio; see `Redis`. Only commands that wait suspend."""

    for_tasks = True

    async def execute_command(self, *args: Any, **options: Any) -> Any:
        fast = self._fast
        if fast is None:
            return await super().execute_command(*args, **options)
        result = fast.run_task(args, options)
        return await self._finish(result, args, options) if type(result) is Later else result

    async def _told(self, fast: Fast, words: tuple[Any, ...], options: dict[str, Any]) -> Any:
        result = fast.run_task(words, options)
        return await self._finish(result, words, options) if type(result) is Later else result

    async def _finish(self, later: Later, args: tuple[Any, ...], options: dict[str, Any]) -> Any:
        """The result of a command that was not done at once."""
        fast: Any = self._fast
        if later.awaitable is not None:
            return await later.awaitable
        if later.link is None:
            return await self._execute_anew(args, options)
        try:
            reply = await self._come_for(later.link, fast.decodes(later.link, options))
        finally:
            fast.give_back(later.link)
        return await _awaited(fast.end(reply, args[0], options))

    async def _execute_anew(self, args: tuple[Any, ...], options: dict[str, Any]) -> Any:
        """The result in a connection that is yet to be made, or by the library's own way."""
        fast: Any = self._fast
        if fast.callback_of(args[0]) is SLOW:
            return await super().execute_command(*args, **options)
        link = fast.take() or await self._fetch()
        if link is None:
            return await super().execute_command(*args, **options)
        try:
            reply = fast.begin(link, args, options)
            if reply is NOTHING:
                reply = await self._come_for(link, fast.decodes(link, options))
            if isinstance(reply, Exception) and fast.breaks(link, reply):
                reply = SLOW
        except SessionClosed:
            reply = fast.broken(link)
        finally:
            fast.give_back(link)
        if reply is SLOW:
            return await super().execute_command(*args, **options)
        return await _awaited(fast.end(reply, args[0], options))

    async def _fetch(self) -> Any:
        """A connection of this process, connected if it was not; None: the pool has to see to it."""
        pool: Any = self.connection_pool
        if pool._available_connections:
            link = pool._available_connections.pop()
        elif len(pool._in_use_connections) < pool.max_connections:
            link = pool.make_connection()
        else:
            return None
        try:
            if not link.is_connected:
                await link.connect()
            if link._session is not None and link._session.idle:
                return link
        except BaseException:
            pool._available_connections.append(link)
            raise
        pool._available_connections.append(link)
        return None

    async def _come_for(self, link: Any, decoding: bool) -> Any:
        """The reply of a command that waits. Meanwhile the connection counts as used, and can be disconnected."""
        pool: Any = self.connection_pool
        pool._in_use_connections.add(link)
        try:
            return await link.come_for(decoding)
        finally:
            pool._in_use_connections.discard(link)

    async def aclose(self, close_connection_pool: bool | None = None) -> None:
        await super().aclose(close_connection_pool)
        self._let_go()

    async def close(self, close_connection_pool: bool | None = None) -> None:
        await self.aclose(close_connection_pool)


class TaskPipeline(Unit):
    """A pipeline of a client of asyncio.

    A task that is cancelled while one of the commands waits leaves what that waited for; those behind it are not run.
    """

    def _is_unit(self) -> bool:
        """Whether the commands are run within MULTI and EXEC."""
        return bool(self.is_transaction or self.explicit_transaction)

    async def execute(self, raise_on_error: bool = True) -> Any:
        fast, commands = self._fast, self.command_stack
        link = self._borrow(commands)
        if link is None:
            return await super().execute(raise_on_error)
        transaction = self._is_unit()
        try:
            try:
                replies = await (self._run_unit if transaction else self._run)(link, commands)
            finally:
                fast.give_back(link)
            if transaction:
                return await finished(self._outcome(commands, replies, raise_on_error))
            if fast.is_plain(replies):
                return replies
            return self._results(commands, await finished(replies), raise_on_error)
        except SessionClosed:
            fast.broken(link)
            return await super().execute(raise_on_error)
        except self.library.errors.ConnectionError:
            if not link.retry._retries:
                raise
            return await super().execute(raise_on_error)
        finally:
            await self.reset()

    async def _run(self, connection: Any, commands: Any) -> list[Any]:
        fast = self._fast
        results: list[Any] = []
        while not fast.run_on(connection, commands, results, True):
            args, options = commands[len(results)]
            reply = await self._come_for(connection, fast.decodes(connection, options))
            results.append(fast.settle(connection, reply, args[0], options))
        return results

    async def _run_unit(self, connection: Any, commands: Any) -> list[Any]:
        fast = self._fast
        replies: list[Any] = []
        try:
            while not fast.run_unit(connection, commands, replies):
                # Held up by CLIENT PAUSE.
                decodes = fast.decodes_in_unit(connection, commands, replies)
                replies.append(await self._come_for(connection, decodes))
        except BaseException:
            # Between MULTI and EXEC: nothing of it is to be done.
            connection._forget()
            raise
        return replies

    async def _come_for(self, connection: Any, decoding: bool) -> Any:
        """The reply of a command that waits. Meanwhile the connection counts as used, and can be disconnected."""
        used = self.connection_pool._in_use_connections
        counted = connection in used
        used.add(connection)
        try:
            return await connection.come_for(decoding)
        finally:
            if not counted:
                used.discard(connection)

    # Where the library has taken the connection, as after WATCH

    async def _execute_pipeline(self, connection: Any, commands: Any, raise_on_error: bool) -> Any:
        if not self._leads_here(connection, commands, False):
            return await super()._execute_pipeline(connection, commands, raise_on_error)
        results = await self._run_in(connection, self._run, commands)
        return self._results(commands, await finished(results), raise_on_error)

    async def _execute_transaction(self, connection: Any, commands: Any, raise_on_error: bool) -> Any:
        if not self._leads_here(connection, commands, True):
            return await super()._execute_transaction(connection, commands, raise_on_error)
        replies = await self._run_in(connection, self._run_unit, commands)
        return await finished(self._outcome(commands, replies, raise_on_error))

    @staticmethod
    async def _run_in(connection: Any, run: Any, commands: Any) -> list[Any]:
        try:
            replies: list[Any] = await run(connection, commands)
        except SessionClosed as error:
            await connection.disconnect(nowait=True)
            raise connection._broken(CLOSED) from error
        return replies


async def _awaited(result: Any) -> Any:
    return await result.awaitable if type(result) is Later else result


async def finished(results: list[Any]) -> list[Any]:
    """The same with what callbacks, which may be coroutines, make of them."""
    for number, result in enumerate(results):
        if type(result) is CoroutineType:
            results[number] = await result
    return results


def asking(plain: Any, command: str, count: int) -> Any:
    """What `telling` makes, for tasks: a coroutine in one step."""

    async def method(self: Any, *args: Any, **kwargs: Any) -> Any:
        fast = self._tell
        if fast is None or kwargs or (count >= 0 and len(args) != count):
            return await plain(self, *args, **kwargs)
        words = (command, *args)
        result = fast.run_task(words, _NO_OPTIONS)
        return await self._finish(result, words, _NO_OPTIONS) if type(result) is Later else result

    # With as many parameters as the method has, for whom no tuple and dictionary need be made.

    async def with_one(self: Any, a: Any) -> Any:
        fast = self._tell
        if fast is None:
            return await plain(self, a)
        result = fast.run_task((command, a), _NO_OPTIONS)
        return await self._finish(result, (command, a), _NO_OPTIONS) if type(result) is Later else result

    async def with_two(self: Any, a: Any, b: Any) -> Any:
        fast = self._tell
        if fast is None:
            return await plain(self, a, b)
        result = fast.run_task((command, a, b), _NO_OPTIONS)
        return await self._finish(result, (command, a, b), _NO_OPTIONS) if type(result) is Later else result

    async def with_three(self: Any, a: Any, b: Any, c: Any) -> Any:
        fast = self._tell
        if fast is None:
            return await plain(self, a, b, c)
        result = fast.run_task((command, a, b, c), _NO_OPTIONS)
        return await self._finish(result, (command, a, b, c), _NO_OPTIONS) if type(result) is Later else result

    async def with_any(self: Any, *args: Any) -> Any:
        fast = self._tell
        if fast is None:
            return await plain(self, *args)
        result = fast.run_task((command, *args), _NO_OPTIONS)
        return await self._finish(result, (command, *args), _NO_OPTIONS) if type(result) is Later else result

    async def with_more(self: Any, a: Any, *args: Any) -> Any:
        fast = self._tell
        if fast is None:
            return await plain(self, a, *args)
        result = fast.run_task((command, a, *args), _NO_OPTIONS)
        return await self._finish(result, (command, a, *args), _NO_OPTIONS) if type(result) is Later else result

    known: Any = getattr(plain, "__code__", None)
    for one in (with_one, with_two, with_three, with_any, with_more):
        code = one.__code__
        if known is not None and not plain.__defaults__ and _shape(code) == _shape(known):
            # Its parameters are called what the library calls them.
            own = code.co_varnames[code.co_argcount :]
            code = code.replace(co_varnames=(*known.co_varnames[: known.co_argcount], *own))
            return FunctionType(code, globals(), code.co_name, None, one.__closure__)
    return method


def _shape(code: Any) -> tuple[int, int, int]:
    """How many parameters there are, and whether any number may follow, or may be named."""
    return code.co_argcount, code.co_kwonlyargcount, code.co_flags & (CO_VARARGS | CO_VARKEYWORDS)
