"""The same for asyncio: connections that have no socket but a session, and how a task waits in one."""

from __future__ import annotations

import asyncio
import math
from typing import Any

from redpoll.embedded.connections import CLOSED, Link, Packed
from redpoll.embedded.libraries import handle_push
from redpoll.embedded.replies import PushReply
from redpoll.embedded.session import NOTHING, Session, SessionClosed


class TaskLink(Link):
    """A connection for asyncio. It belongs to no event loop: whoever waits in it waits in his own."""

    def __del__(self, *args: Any, **kwargs: Any) -> None:
        if not self._hang_up() and hasattr(super(), "__del__"):
            super().__del__(*args, **kwargs)

    def _close(self) -> None:
        if not self._hang_up():
            super()._close()

    _reader: Any

    def _forget(self) -> None:
        self._hang_up()
        self._reader = None
        self._parser.on_disconnect()

    @property
    def is_connected(self) -> bool:
        return self._session is not None or bool(super().is_connected)

    async def _connect(self) -> None:
        self.path = self._open()
        if self.path:
            await super()._connect()
        else:
            # Parsers refuse to begin without one, and never read from it.
            self._reader = object()

    async def disconnect(self, *args: Any, **kwargs: Any) -> None:
        if self._session is None:
            await super().disconnect(*args, **kwargs)
            return
        self._forget()
        for reset in ("reset_should_reconnect", "_reset_himport_state"):
            if hasattr(self, reset):
                getattr(self, reset)()

    async def send_packed_command(self, command: Any, check_health: bool = True) -> None:
        if not self.is_connected:
            await self.connect()
        session = self._session
        if session is None:
            if type(command) is Packed:
                command = super(Link, self).pack_commands(command)
            await super().send_packed_command(command, check_health)
            return
        if check_health:
            await self.check_health()
        try:
            self._send(session, command)
        except BaseException:
            await self.disconnect(nowait=True)
            raise

    async def send_command(self, *args: Any, **kwargs: Any) -> None:
        await self.send_packed_command(Packed((args,)), check_health=kwargs.get("check_health", True))

    async def can_read(self) -> bool:
        session = self._session
        if session is None:
            return bool(await super().can_read())
        return self._has_something(session)

    async def can_read_destructive(self) -> bool:
        session = self._session
        if session is None:
            return bool(await super().can_read_destructive())
        return self._has_something(session)

    def _has_something(self, session: Session) -> bool:
        if session.closed and not session.take(1, True):
            raise self._broken(CLOSED)
        return session.pending

    async def process_invalidation_messages(self) -> None:
        while self._session is not None and self._session.pending:
            await self.read_response(push_request=True)

    async def read_response(
        self,
        disable_decoding: bool = False,
        timeout: float | None = None,
        *,
        disconnect_on_error: bool = True,
        push_request: bool | None = False,
    ) -> Any:
        session = self._session
        if session is None:
            return await super().read_response(
                disable_decoding, timeout, disconnect_on_error=disconnect_on_error, push_request=push_request
            )
        limit = None if timeout == math.inf else self.socket_timeout if timeout is None else timeout
        decoding = session.decoding.decoding and not disable_decoding
        try:
            while True:
                reply = self._receive(session, decoding)
                if reply is NOTHING:
                    if not await wait_for_news(session, limit):
                        if timeout is not None:
                            return None
                        raise self.library.errors.TimeoutError(f"Timeout reading from {self._host_error()}")
                    continue
                if type(reply) is PushReply:
                    reply = handle_push(self._parser, list(reply))
                    if asyncio.iscoroutine(reply):
                        reply = await reply
                    if not push_request:
                        continue
                break
        except BaseException:
            if disconnect_on_error:
                await self.disconnect(nowait=True)
            raise
        if self.health_check_interval:
            self.next_health_check = asyncio.get_running_loop().time() + self.health_check_interval
        if isinstance(reply, self._reply_errors):
            raise reply from None
        return reply

    async def come_for(self, decoding: bool) -> Any:
        """The reply of the command that waits here; given up, it leaves what it waited for to others."""
        session: Any = self._session
        try:
            while True:
                if not await wait_for_news(session, self.socket_timeout):
                    raise self.library.errors.TimeoutError(f"Timeout reading from {self._host_error()}")
                reply = session.come(decoding)
                if reply is not NOTHING:
                    return reply
        except SessionClosed as error:
            self._forget()
            raise self._broken(CLOSED) from error
        except BaseException:
            if not session.give_up() or not session.idle:
                # The reply is there, or will be, and nobody's.
                self._forget()
            raise


def _wake(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)


async def wait_for_news(session: Session, limit: float | None) -> bool:
    """Suspend until something arrived in a session, or for so many seconds; whether something did."""
    loop = asyncio.get_running_loop()
    end = None if limit is None else loop.time() + limit
    while True:
        future: asyncio.Future[None] = loop.create_future()

        def signal(future: asyncio.Future[None] = future) -> None:
            loop.call_soon_threadsafe(_wake, future)

        there, due = session.notify(signal)
        if there:
            return True
        times = [] if due is None else [loop.time() + due]
        if end is not None:
            if end <= loop.time():
                session.ignore()
                return False
            times.append(end)
        timer = loop.call_at(min(times), _wake, future) if times else None
        try:
            await future
        except BaseException:
            session.ignore()
            raise
        finally:
            if timer is not None:
                timer.cancel()
        if due is not None:
            session.pass_time()
        if session.invited:
            return True
