"""The short ways into a store: `store.execute`, and the commands of clients that look like redis-py.

Both take a session that is idle, run the command in it and put it back, so that threads never meet in one, and one that
has to wait keeps its session meanwhile.
"""

from types import CoroutineType

from cpython.dict cimport PyDict_GetItem
from cpython.object cimport PyObject

from redpoll.embedded.session cimport Session
from redpoll.embedded.shortcuts cimport Shape

from redpoll.embedded.session import NOTHING, SessionClosed
from redpoll.embedded.shortcuts import shortened

#: What `Fast.run` returns when the long way has to be gone.
SLOW = object()

cdef object nothing = NOTHING
cdef object slow = SLOW
cdef object Coroutine = CoroutineType

# Commands that a pipeline notes, as it watches keys from then on, or no more.
cdef frozenset WATCHING = frozenset(("WATCH", "UNWATCH", "EXEC", "DISCARD", "MULTI"))
cdef tuple MULTI = ("MULTI",)
cdef tuple EXEC = ("EXEC",)


cdef inline bint is_ready(session) except -1:
    """Whether a connection's session is one of this process, and waits for nothing."""
    return session is not None and (<Session?>session).is_idle()


cdef class Later:
    """A command of a task that is not done yet.

    It waits in `link`, a connection that was taken out of the pool for it; or its result is what `awaitable` makes; or,
    where there is neither, the long way has to be gone.
    """

    cdef readonly object link
    cdef readonly object awaitable


cdef class Door:
    """`execute` of one store; `make` makes a session."""

    cdef list idle
    cdef object make

    def __init__(self, make):
        self.make = make
        self.idle = []

    def execute(self, *words):
        """Run a command in this thread and return its reply: `store.execute("SET", "key", 1)`.

        Words are bytes, str, int and float. The reply has the types of RESP2: bytes, int, list, None. Raises
        `ReplyError`. A command that waits for a key sleeps in this thread.
        """
        cdef Session session = self.idle.pop() if self.idle else self.make()
        cdef object reply
        try:
            reply = session.call(words, False, False)
            while reply is nothing:
                session.wait()
                reply = session.receive(False)
        except BaseException:
            # Whatever it was about to answer is nobody's.
            if session.is_idle():
                self.idle.append(session)
            else:
                session.close()
            raise
        self.idle.append(session)
        if isinstance(reply, Exception):
            raise reply
        return reply

    def close(self):
        """End the sessions."""
        while self.idle:
            self.idle.pop().close()


cdef class Fast:
    """`execute_command` of one client over `pool`, for commands of which redis-py does nothing but send and receive.

    `for_tasks`: for asyncio's. `callbacks` are the client's; `known` holds what was found there, and has to be emptied
    when they change.
    """

    def __init__(self, pool, callbacks, never_decode, empty_response, bint for_tasks):
        self.for_tasks = for_tasks
        self.pool = pool
        self.callbacks = callbacks
        self.known = {}
        self.never_decode = never_decode
        self.empty_response = empty_response

    cdef object learn(self, name):
        """The callback for the replies of a command, None: there is none; or that the long way has to be gone."""
        if not isinstance(name, str):
            found = slow if not isinstance(name, bytes) or self.is_special(name.decode("latin-1")) else None
        elif self.is_special(name):
            found = slow
        else:
            found = self.callbacks[name] if name in self.callbacks else None
            found = shortened(found)
        if len(self.known) < 4096:
            self.known[name] = found
        return found

    def is_special(self, str name):
        """Whether redis-py does more than to send a command, or its answers come by another way."""
        return name.upper().startswith(("HIMPORT", "MONITOR", "SUBSCRIBE", "PSUBSCRIBE", "SSUBSCRIBE", "UNSUBSCRIBE",
                                        "PUNSUBSCRIBE", "SUNSUBSCRIBE"))

    cpdef object take(self):
        """An idle connection of this process out of the pool, or None."""
        cdef list available = self.pool._available_connections
        cdef object connection = available.pop() if available else None
        if connection is not None and not is_ready(connection._session):
            available.append(connection)
            return None
        return connection

    cpdef object give_back(self, connection):
        """Undo `take`."""
        self.pool._available_connections.append(connection)

    cpdef object callback_of(self, name):
        """What `learn` says, remembered."""
        cdef PyObject* callback = PyDict_GetItem(self.known, name)
        return self.learn(name) if callback == NULL else <object>callback

    cpdef bint decodes(self, connection, dict options) except -1:
        """Whether strings in a command's reply are to become str."""
        return (<Session>connection._session).decoding.decoding and not (options and self.never_decode in options)

    cdef object call(self, Session session, tuple args, dict options, callback, bint later):
        cdef bint decoding = session.decoding.decoding and not (options and self.never_decode in options)
        cdef bint pairs = isinstance(callback, Shape) and (<Shape>callback).fits(options)
        if later:
            return session.call_later(args, decoding, pairs)
        return session.call(args, decoding, pairs)

    cdef object finish(self, reply, callback, dict options):
        if isinstance(reply, Exception):
            if options and self.empty_response in options:
                return options[self.empty_response]
            raise reply
        if callback is None:
            return reply
        if options:
            options.pop("keys", None)
            options.pop(self.never_decode, None)
            options.pop(self.empty_response, None)
        if isinstance(callback, Shape):
            return (<Shape>callback).of(reply, options)
        return callback(reply, **options) if options else callback(reply)

    cpdef object run(self, tuple args, dict options):
        """A command's result, or `SLOW`."""
        cdef object callback = self.callback_of(args[0])
        # A pool that is reset meanwhile gets another list, and no use for connections of before.
        cdef list available = self.pool._available_connections
        cdef object connection, session, reply
        if callback is slow or not available:
            return slow
        connection = available.pop()
        session = connection._session
        if not is_ready(session):
            available.append(connection)
            return slow
        try:
            reply = self.call(<Session>session, args, options, callback, False)
            if reply is nothing:
                reply = self.reply_of(connection, self.decodes(connection, options))
            if isinstance(reply, Exception) and self.breaks(connection, reply):
                return slow
        except SessionClosed:
            return self.broken(connection)
        finally:
            available.append(connection)
        return self.finish(reply, callback, options)

    # Pipelines: `commands` are (words, options). What is done is in the caller's list, so that the next call goes on.

    def may_run(self, connection, list commands, bint transaction):
        """Whether the methods below may be called for these commands: the library does nothing else for them."""
        cdef Session session = connection._session
        cdef tuple args
        if session is None or not session.is_idle():
            return False
        for args, _ in commands:
            if self.callback_of(args[0]) is slow or (not transaction and args[0] in WATCHING):
                return False
        return True

    def run_on(self, connection, list commands, list results, bint later):
        """Run commands from number `len(results)` on, results and errors in their places.

        False: one has to wait; its result is missing, and none behind it was run. `later`: the caller comes for it.
        """
        cdef Session session = connection._session
        cdef tuple args
        cdef dict options
        cdef object reply
        cdef Py_ssize_t number, done = len(results)
        cdef bint all_done
        if session.loop.log is None:
            try:
                all_done = session.call_all(commands, results, self.never_decode, later)
            finally:
                for number in range(done, len(results)):
                    reply = results[number]
                    args, options = commands[number]
                    callback = self.callback_of(args[0])
                    if callback is not None or isinstance(reply, Exception):
                        results[number] = self.settle(connection, reply, args[0], options)
            return all_done
        for number in range(done, len(commands)):
            args, options = commands[number]
            reply = self.call(session, args, options, None, later)
            if reply is nothing:
                return False
            results.append(self.settle(connection, reply, args[0], options))
        return True

    def is_plain(self, list results):
        """Whether these are values all, and neither errors nor coroutines."""
        for one in results:
            if not (type(one) is bytes or type(one) is int or type(one) is str or one is None or type(one) is bool
                    or type(one) is list or type(one) is dict or type(one) is float):
                return False
        return True

    cpdef object settle(self, connection, reply, name, dict options):
        """The result of a command of a pipeline, or its error; one that means a broken connection is raised."""
        if isinstance(reply, Exception):
            if not isinstance(reply, connection._reply_errors):
                connection._forget()
                raise reply
            if not options or self.empty_response not in options:
                return reply
        try:
            return self.finish(reply, self.callback_of(name), options)
        except connection._reply_errors as error:
            return error

    def wait_on(self, connection, list commands, list results):
        """After `run_on` was false: wait in this thread."""
        cdef tuple args
        cdef dict options
        args, options = commands[len(results)]
        results.append(self.settle(connection, self.reply_of(connection, self.decodes(connection, options)),
                                   args[0], options))

    def run_unit(self, connection, list commands, list replies):
        """Run MULTI, the commands, and EXEC, from number `len(replies)` on, whose raw replies that list gets.

        False: one has to wait, as during CLIENT PAUSE. Raises errors that are no replies.
        """
        cdef Session session = connection._session
        cdef tuple args
        cdef dict options
        cdef object reply
        cdef Py_ssize_t number, last = len(commands) + 1
        for number in range(len(replies), last + 1):
            if number == 0:
                args = MULTI
            elif number == last:
                args = EXEC
            else:
                args, options = commands[number - 1]
                if options and self.empty_response in options:
                    replies.append(options[self.empty_response])
                    continue
            reply = session.call(args, number == last and session.decoding.decoding, False)
            if reply is nothing:
                return False
            # As libraries' parsers see to it, that what means a broken connection is the first result suffices.
            error = (<list>reply)[0] if type(reply) is list and reply else reply
            if isinstance(error, Exception) and not isinstance(error, connection._reply_errors):
                connection._forget()
                raise error
            replies.append(reply)
        return True

    def wait_in_unit(self, connection, list commands, list replies):
        """After `run_unit` was false: wait in this thread."""
        replies.append(self.reply_of(connection, self.decodes_in_unit(connection, commands, replies)))

    def decodes_in_unit(self, connection, list commands, list replies):
        """Whether the reply that is missing is to be decoded: EXEC's only."""
        return len(replies) > len(commands) and (<Session>connection._session).decoding.decoding

    def refused(self, list commands, list replies):
        """Commands of a transaction that were not queued: their errors by number, MULTI's as -1."""
        cdef dict found = {}
        cdef dict options
        cdef Py_ssize_t number
        if isinstance(replies[0], Exception):
            found[-1] = replies[0]
        for number in range(len(commands)):
            _, options = commands[number]
            if isinstance(replies[number + 1], Exception) or (options and self.empty_response in options):
                found[number] = replies[number + 1]
        return found

    def finish_all(self, list commands, list results):
        """The results of a transaction's commands; errors as they are."""
        cdef tuple args
        cdef dict options
        cdef list made = []
        if len(results) != len(commands):
            raise RuntimeError("EXEC answered something else than was queued; this is a bug in Redpoll, report it")
        for reply, (args, options) in zip(results, commands):
            made.append(reply if isinstance(reply, Exception)
                        else self.finish(reply, self.callback_of(args[0]), options))
        return made

    cdef object reply_of(self, connection, bint decoding):
        """The reply of a command that waits, an error as it is. Meanwhile the connection counts as used."""
        cdef set used = self.pool._in_use_connections
        cdef bint counted = connection in used
        used.add(connection)
        try:
            return connection.read_response(disable_decoding=not decoding)
        except connection._reply_errors as error:
            return error
        except BaseException:
            connection.disconnect()
            raise
        finally:
            if not counted:
                used.discard(connection)

    cpdef bint breaks(self, connection, error) except -1:
        """Whether the long way has to be gone after an error reply; one that means a broken connection breaks it."""
        if isinstance(error, connection._reply_errors):
            return False
        connection._forget()
        return connection.retry._retries != 0

    def broken(self, connection):
        """The store closed the connection: the long way connects anew, if the client is one that tries again."""
        connection._forget()
        if connection.retry._retries:
            return slow
        raise connection._broken("Connection closed by server.")

    # The same for asyncio, in pieces between which the caller awaits

    cpdef object run_task(self, tuple args, dict options):
        """A command's result, or what is yet to be done for it: `Later`; its connection is to be given back then."""
        cdef object callback = self.callback_of(args[0])
        cdef list available = self.pool._available_connections
        cdef object connection, session, reply
        cdef Later left = None
        if callback is slow or not available:
            return Later.__new__(Later)
        connection = available.pop()
        session = connection._session
        if not is_ready(session):
            available.append(connection)
            return Later.__new__(Later)
        try:
            reply = self.call(<Session>session, args, options, callback, True)
        except BaseException as error:
            available.append(connection)
            if not isinstance(error, SessionClosed):
                raise
            self.broken(connection)
            return Later.__new__(Later)
        if reply is nothing:
            left = Later.__new__(Later)
            left.link = connection
            return left
        available.append(connection)
        if isinstance(reply, Exception) and self.breaks(connection, reply):
            return Later.__new__(Later)
        return self.result_of(reply, callback, options)

    def begin(self, connection, tuple args, dict options):
        """Run a command in a connection that was taken: its reply, or NOTHING."""
        return self.call(connection._session, args, options, self.callback_of(args[0]), True)

    def end(self, reply, name, dict options):
        """The result that a reply stands for, or `Later` where a callback is a coroutine."""
        return self.result_of(reply, self.callback_of(name), options)

    cdef object result_of(self, reply, callback, dict options):
        cdef object result = self.finish(reply, callback, options)
        cdef Later left
        if callback is None or type(result) is not Coroutine:
            return result
        left = Later.__new__(Later)
        left.awaitable = result
        return left
