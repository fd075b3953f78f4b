"""The short ways into a store: `store.execute`, and the commands of clients that look like redis-py.

Both take a session that is idle, run the command in it and put it back, so that threads never meet in one, and one that
has to wait keeps its session meanwhile.
"""

from redpoll.embedded.session cimport Session

from redpoll.embedded.session import NOTHING, SessionClosed, plain

#: What `Fast.run` returns when the long way has to be gone.
SLOW = object()

cdef object nothing = NOTHING
cdef object slow = SLOW
cdef object missing = object()
cdef object encode_plain = plain

# Commands that a pipeline notes, as it watches keys from then on, or no more.
cdef frozenset WATCHING = frozenset(("WATCH", "UNWATCH", "EXEC", "DISCARD", "MULTI"))


# What redis-py turns pairs of members and scores into tuples with, printing each score and reading it again.
cdef str SCORES = "zset_score_pairs_resp3_to_resp2_legacy"


cdef object scores_as_they_are(callback):
    """The same callback, without the detour where a score is to be a float, as it is already."""

    def pairs(reply, **options):
        if reply and options.get("withscores") and options.get("score_cast_func", float) is float:
            return [tuple(pair) for pair in reply]
        return callback(reply, **options)

    return pairs


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
            reply = session.call(words, encode_plain, True, False)
            while reply is nothing:
                session.wait()
                reply = session.receive(False)
        except BaseException:
            # Whatever it was about to answer is nobody's.
            if session.idle:
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

    `callbacks` are the client's; `known` holds what was found there, and has to be emptied when they change.
    """

    cdef object pool
    cdef object callbacks
    cdef readonly dict known
    cdef object never_decode
    cdef object empty_response

    def __init__(self, pool, callbacks, never_decode, empty_response):
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
            if getattr(found, "__name__", "") == SCORES:
                found = scores_as_they_are(found)
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
        cdef Session session
        if not available:
            return None
        connection = available.pop()
        session = connection._session
        if session is None or not session.idle:
            available.append(connection)
            return None
        return connection

    cpdef object give_back(self, connection):
        """Undo `take`."""
        self.pool._available_connections.append(connection)

    cpdef object callback_of(self, name):
        """What `learn` says, remembered."""
        callback = self.known.get(name, missing)
        return self.learn(name) if callback is missing else callback

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
            if options:
                return callback(reply, **options)
        return callback(reply)

    def run(self, tuple args, dict options):
        """A command's result, or `SLOW`."""
        cdef Session session
        cdef object reply
        cdef bint decoding
        callback = self.callback_of(args[0])
        if callback is slow:
            return slow
        connection = self.take()
        if connection is None:
            return slow
        session = connection._session
        decoding = session.decoding.decoding and not (options and self.never_decode in options)
        try:
            reply = session.call(args, connection._encode, connection._utf8, decoding)
            if reply is nothing:
                reply = self.wait_for(connection, decoding)
        except SessionClosed:
            return self.broken(connection)
        finally:
            self.pool._available_connections.append(connection)
        return self.finish(reply, callback, options)

    def run_all(self, connection, list commands):
        """The results of commands, (words, options) each, errors in their places; or `SLOW`, and then none was run."""
        cdef Session session = connection._session
        cdef list results = []
        cdef tuple args
        cdef dict options
        cdef object reply
        cdef bint decoding, decodes
        if session is None or not session.idle:
            return slow
        for args, _ in commands:
            if self.callback_of(args[0]) is slow or args[0] in WATCHING:
                return slow
        decodes = session.decoding.decoding
        for args, options in commands:
            decoding = decodes and not (options and self.never_decode in options)
            reply = session.call(args, connection._encode, connection._utf8, decoding)
            if reply is nothing:
                try:
                    reply = connection.read_response(disable_decoding=not decoding)
                except connection._reply_errors as error:
                    reply = error
            if isinstance(reply, connection._broken):
                raise reply
            try:
                results.append(self.finish(reply, self.callback_of(args[0]), options))
            except connection._reply_errors as error:
                results.append(error)
        return results

    def run_unit(self, connection, list commands):
        """A transaction: (errors by the number of their command, EXEC's reply); or `SLOW`, and then nothing was run.

        The number before the first command is MULTI's. Raises what the library would.
        """
        cdef Session session = connection._session
        cdef dict refused = {}
        cdef tuple args
        cdef dict options
        cdef object reply
        cdef Py_ssize_t number = -1
        if session is None or not session.idle:
            return slow
        for args, _ in commands:
            if self.callback_of(args[0]) is slow:
                return slow
        for args, options in ((("MULTI",), {}), *commands):
            if options and self.empty_response in options:
                refused[number] = options[self.empty_response]
            else:
                reply = session.call(args, connection._encode, connection._utf8, False)
                if isinstance(reply, Exception):
                    if not isinstance(reply, connection._reply_errors):
                        raise reply
                    refused[number] = reply
            number += 1
        return refused, session.call(("EXEC",), connection._encode, connection._utf8, session.decoding.decoding)

    def finished(self, reply, name, dict options):
        """The result of a command of a transaction; an error as it is."""
        return reply if isinstance(reply, Exception) else self.finish(reply, self.callback_of(name), options)

    def broken(self, connection):
        """The store closed the connection: the long way connects anew, if the client is one that tries again."""
        connection._forget()
        if connection.retry._retries:
            return slow
        raise connection._broken("Connection closed by server.")

    def wait_for(self, connection, bint decoding):
        """The reply of a command that waits. Meanwhile the connection counts as used, and can be disconnected."""
        self.pool._in_use_connections.add(connection)
        try:
            return connection.read_response(disable_decoding=not decoding)
        except connection._reply_errors as error:
            return error
        except BaseException:
            connection.disconnect()
            raise
        finally:
            self.pool._in_use_connections.discard(connection)

    # The same for asyncio, in pieces between which the caller awaits

    def begin(self, connection, tuple args, dict options):
        """Run a command in a connection that was taken: its reply, or NOTHING."""
        cdef Session session = connection._session
        cdef bint decoding = session.decoding.decoding and not (options and self.never_decode in options)
        return session.call_later(args, connection._encode, connection._utf8, decoding)

    def end(self, reply, name, dict options):
        """The result that a reply stands for."""
        return self.finish(reply, self.callback_of(name), options)
