"""The same for asyncio: clients and pipelines whose commands run at once, in the thread of the event loop."""

from __future__ import annotations

from types import CoroutineType
from typing import Any

from redpoll.embedded.connections import CLOSED
from redpoll.embedded.fast import SLOW
from redpoll.embedded.session import NOTHING, SessionClosed
from redpoll.embedded.short import Short, Unit


class TaskClient(Short):
    """A client of a store here, for asyncio; see `Redis`. Only commands that wait suspend."""

    def _uses_one_connection(self) -> bool:
        return bool(self.single_connection_client)

    async def execute_command(self, *args: Any, **options: Any) -> Any:
        fast = self._fast
        if fast is None or fast.callback_of(args[0]) is SLOW:
            return await super().execute_command(*args, **options)
        link = fast.take() or await self._fetch()
        if link is None:
            return await super().execute_command(*args, **options)
        try:
            reply = fast.begin(link, args, options)
            if reply is NOTHING:
                reply = await self._come_for(link, fast.decodes(link, options))
        except SessionClosed:
            reply = fast.broken(link)
        finally:
            fast.give_back(link)
        if reply is SLOW:
            return await super().execute_command(*args, **options)
        result = fast.end(reply, args[0], options)
        return await result if type(result) is CoroutineType else result

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

    async def _execute_pipeline(self, connection: Any, commands: Any, raise_on_error: bool) -> Any:
        if not self._leads_here(connection, commands, False):
            return await super()._execute_pipeline(connection, commands, raise_on_error)
        fast = self._fast
        results: list[Any] = []
        try:
            while not fast.run_on(connection, commands, results, True):
                args, options = commands[len(results)]
                reply = await connection.come_for(fast.decodes(connection, options))
                results.append(fast.settle(connection, reply, args[0], options))
        except SessionClosed as error:
            await connection.disconnect(nowait=True)
            raise connection._broken(CLOSED) from error
        return self._results(commands, await finished(results), raise_on_error)

    async def _execute_transaction(self, connection: Any, commands: Any, raise_on_error: bool) -> Any:
        if not self._leads_here(connection, commands, True):
            return await super()._execute_transaction(connection, commands, raise_on_error)
        fast = self._fast
        replies: list[Any] = []
        try:
            while not fast.run_unit(connection, commands, replies):
                # Held up by CLIENT PAUSE.
                replies.append(await connection.come_for(fast.decodes_in_unit(connection, commands, replies)))
        except SessionClosed as error:
            await connection.disconnect(nowait=True)
            raise connection._broken(CLOSED) from error
        except BaseException:
            # Between MULTI and EXEC: nothing of it is to be done.
            await connection.disconnect(nowait=True)
            raise
        return await finished(self._outcome(commands, replies, raise_on_error))


async def finished(results: list[Any]) -> list[Any]:
    """The same with what callbacks, which may be coroutines, make of them."""
    for number, result in enumerate(results):
        if type(result) is CoroutineType:
            results[number] = await result
    return results
