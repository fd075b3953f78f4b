"""Clients that wait for a key: who waits for what, in which order they are served, and until when.

A command that finds nothing calls `Call.block` and answers nothing. Its words are kept, and the connection runs no
more until it is over. Whenever a key that somebody waits for has changed, those who wait for it run their command
again, first come first served, right after the command that changed it. A command that still finds nothing calls
`block` again, which leaves it in its place. So there is no second way of doing what a blocking command does, whatever
made the key ready.

Those who wait for one key stand in lines by the type they can use, so that a change looks at no more of them than it
serves.

A client of this process may come itself (`Taker.comes_itself`): it is told, and what it waits for stays where it is, as
do those behind it, until it comes and its command runs. So nothing is taken for a client that has given up meanwhile;
then the next in line is told.
"""

import heapq
import itertools
from collections import OrderedDict

from libc.stdint cimport int64_t
from libc.stdlib cimport free, malloc
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE

from redpoll.commands.call cimport Call
from redpoll.engine.entry cimport Entry, entry_type
from redpoll.engine.keyspace cimport Database
from redpoll.server.connection cimport GATE_BLOCKED, GATE_REPLY_OFF, GATE_REPLY_SKIP
from redpoll.server.dispatch cimport Dispatcher

from redpoll.errors import CommandError

cdef enum:
    ANY_TYPE = -1
    NO_KEY = -2
    OVER_LEAST = 64          # deadlines of clients that wait no more, before they are cleared away


cdef class Waiter:
    """A client that waits, with the command that it will run again."""

    def __dealloc__(self):
        free(self.argv)

    cdef int take_words(self, Call call) except -1:
        cdef size_t i
        self.words = [PyBytes_FromStringAndSize(call.argv[i].ptr, call.argv[i].len) for i in range(call.argc)]
        self.argc = call.argc
        self.argv = <Arg*>malloc(self.argc * sizeof(Arg))
        if self.argv == NULL:
            raise MemoryError
        for i in range(self.argc):
            self.point(i)
        return 0

    cdef void point(self, size_t index) noexcept:
        word = self.words[index]
        self.argv[index].ptr = PyBytes_AS_STRING(word)
        self.argv[index].len = PyBytes_GET_SIZE(word)

    def replace(self, size_t index, bytes word):
        """Have another word there when the command runs again, for what meant the moment it was sent at."""
        self.words[index] = word
        self.point(index)


cdef class Queue:
    pass


cdef class Blocking:
    """The waiting clients of one server."""

    def __init__(self, server):
        self.server = server
        self.keyspace = server.keyspace
        self.changes = server.changes
        self.queues = {}
        self.deadlines = []
        self.ready = []
        self.ready_keys = set()
        self.numbers = itertools.count()
        self.waiting = 0
        self.changes.listen_to_wanted(self.changed)
        self.changes.listen_to_databases(self)

    @property
    def timed(self) -> int:
        """Clients that wait until some time only."""
        return sum(not (<Waiter>each[2]).over for each in self.deadlines)

    # Waiting

    def block(self, Call call, list keys, int type, bint wake_when_gone, int64_t timeout_ms, timeout_reply):
        """Have the call's client wait for keys; see `Call.block`."""
        cdef Waiter waiter
        if self.serving is not None:
            self.serving.served = False
            self.serving.connection.gate |= GATE_BLOCKED
            return self.serving
        waiter = Waiter()
        waiter.take_words(call)
        waiter.connection = call.connection
        waiter.routine = waiter.connection.last
        waiter.database = call.db.index
        waiter.type = type
        waiter.wake_when_gone = wake_when_gone
        waiter.timeout_reply = timeout_reply
        waiter.keys = [(call.db.index, key) for key in dict.fromkeys(keys)]
        waiter.deadline_ms = self.keyspace.now + timeout_ms if timeout_ms > 0 else 0
        self.enter(waiter)
        if waiter.deadline_ms:
            self.file_deadline(waiter)
        waiter.connection.gate |= GATE_BLOCKED
        waiter.connection.stalled = True
        waiter.connection.waiter = waiter
        self.waiting += 1
        return waiter

    cdef int enter(self, Waiter waiter) except -1:
        """Stand in the lines of all its keys."""
        cdef Queue queue
        cdef Database db = self.keyspace.databases[waiter.database]
        for place in waiter.keys:
            queue = self.queues.get(place)
            if queue is None:
                queue = Queue()
                queue.lines = {}
                queue.hash = db.hash_of(PyBytes_AS_STRING(place[1]), PyBytes_GET_SIZE(place[1]))
                self.queues[place] = queue
            line = queue.lines.get(waiter.type)
            if line is None:
                line = queue.lines[waiter.type] = OrderedDict()
            line[waiter] = None
            queue.waiting += 1
            queue.wanting_gone += waiter.wake_when_gone
            self.changes.want(place[1])
        return 0

    cdef int file_deadline(self, Waiter waiter) except -1:
        if len(self.deadlines) > 2 * self.waiting + OVER_LEAST:
            # Most of them were served long before their time.
            self.deadlines = [each for each in self.deadlines if not (<Waiter>each[2]).over]
            heapq.heapify(self.deadlines)
        heapq.heappush(self.deadlines, (waiter.deadline_ms, next(self.numbers), waiter))
        self.server.loop.wake_by(waiter.deadline_ms)
        return 0

    cdef int release(self, Waiter waiter) except -1:
        """It waits no more."""
        cdef Queue queue
        waiter.over = True
        waiter.connection.waiter = None
        waiter.connection.gate &= ~<unsigned int>GATE_BLOCKED
        # It is not idle who waited for us.
        waiter.connection.active_ms = self.keyspace.now
        for place in waiter.keys:
            queue = self.queues[place]
            del queue.lines[waiter.type][waiter]
            queue.waiting -= 1
            queue.wanting_gone -= waiter.wake_when_gone
            if not queue.waiting:
                del self.queues[place]
            elif waiter.invited:
                self.make_ready(place)
            self.changes.unwant(place[1])
        self.waiting -= 1
        if self.waiting == 0:
            self.deadlines.clear()
        return 0

    def forget(self, connection):
        """A client is gone."""
        if connection.waiter is not None:
            self.release(connection.waiter)

    def unblock(self, connection, str error = None):
        """End a client's waiting, as if its time were over or with an error; whether it waited."""
        cdef Waiter waiter = connection.waiter
        if waiter is None:
            return False
        self.release(waiter)
        self.finish(waiter, waiter.timeout_reply if error is None else CommandError(error))
        return True

    cdef int finish(self, Waiter waiter, reply) except -1:
        """Answer in the command's stead."""
        cdef Dispatcher dispatcher = self.server.dispatcher
        if callable(reply):
            reply = reply()
        cdef bint failed = isinstance(reply, CommandError)
        if failed:
            self.server.count_error(str(reply).encode())
        if not waiter.connection.gate & (GATE_REPLY_OFF | GATE_REPLY_SKIP):
            self.server.loop.send(waiter.connection, reply)
        dispatcher.count_waited(waiter.connection, waiter.routine, failed)
        self.server.loop.go_on(waiter.connection)
        return 0

    def retry(self, Waiter waiter, int64_t at_ms):
        """Have a waiter's command run again at a time, for what time alone makes ready; an earlier one holds."""
        if not waiter.retry_ms or at_ms < waiter.retry_ms:
            waiter.retry_ms = at_ms
            heapq.heappush(self.deadlines, (at_ms, next(self.numbers), waiter))
            self.server.loop.wake_by(at_ms)

    def expire(self, int64_t now_ms):
        """End the waiting of those whose time is over; when the next one's is, 0: nobody's."""
        cdef Waiter waiter
        while self.deadlines:
            deadline, _, waiter = self.deadlines[0]
            if not waiter.over and deadline > now_ms:
                return deadline
            heapq.heappop(self.deadlines)
            if waiter.over:
                continue
            if waiter.deadline_ms and waiter.deadline_ms <= now_ms:
                if waiter.invited and self.come(waiter.connection):
                    continue
                self.release(waiter)
                self.finish(waiter, waiter.timeout_reply)
            elif waiter.retry_ms and waiter.retry_ms <= now_ms:
                waiter.retry_ms = 0
                self.run(waiter)
                if self.keyspace.keys_ready:
                    self.serve()
        return 0

    # Being served

    def changed(self, int kind, event, bytes key, int database):
        """A key changed: whoever waits for it is served once the command is done."""
        self.make_ready((database, key))

    cdef int make_ready(self, tuple place) except -1:
        if place in self.queues and place not in self.ready_keys:
            self.ready_keys.add(place)
            self.ready.append(place)
            self.keyspace.keys_ready = True
        return 0

    def come(self, connection):
        """A client that was told comes for what there is; whether its command is done now, or was before."""
        cdef Waiter waiter = connection.waiter
        if waiter is None:
            return True
        waiter.invited = False
        self.run(waiter)
        # Those behind it had to wait for that.
        for place in waiter.keys:
            self.make_ready(place)
        self.passing = None if waiter.over else waiter
        try:
            self.serve()
        finally:
            self.passing = None
        return waiter.over

    def flushing(self, int database):
        """What matters is how it is afterwards."""

    def swapping(self, int one, int other):
        """What matters is how they are afterwards."""

    def database_changed(self, int database):
        """All keys of a database may be others now."""
        for place in self.queues:
            if place[0] == database:
                self.changed(0, None, place[1], database)

    cpdef int serve(self) except -1:
        """Run again the commands of those who wait for keys that changed."""
        while self.ready:
            ready, self.ready = self.ready, []
            self.ready_keys.clear()
            for place in ready:
                self.serve_key(place)
        self.keyspace.keys_ready = False
        return 0

    cdef int serve_key(self, tuple place) except -1:
        cdef Queue queue = self.queues.get(place)
        if queue is None:
            return 0
        for type in list(queue.lines):
            self.serve_line(place, queue, type)
        return 0

    cdef int serve_line(self, tuple place, Queue queue, int type) except -1:
        cdef Waiter waiter
        cdef list passed = []
        cdef int found
        cdef bint fits
        line = queue.lines[type]
        while len(line) > len(passed):
            found = self.type_at(place, queue)
            fits = found != NO_KEY and (type == ANY_TYPE or found == type)
            if not fits and not queue.wanting_gone:
                break
            waiter = next(iter(line))
            if waiter is not self.passing and (fits or waiter.wake_when_gone):
                if waiter.connection.taker is not None and waiter.connection.taker.comes_itself:
                    waiter.invited = True
                    waiter.connection.taker.arrived(False)
                    break
                self.run(waiter)
                if waiter.served:
                    continue
            # It keeps its place, but those behind it may want something else of the same key.
            line.move_to_end(waiter)
            passed.append(waiter)
        for waiter in reversed(passed):
            if not waiter.over:
                line.move_to_end(waiter, last=False)
        return 0

    cdef int type_at(self, tuple place, Queue queue) except -3:
        """The type of the value at a key, or NO_KEY."""
        cdef Database db = self.keyspace.databases[place[0]]
        cdef bytes key = place[1]
        cdef Entry** slot = db.find(PyBytes_AS_STRING(key), PyBytes_GET_SIZE(key), queue.hash)
        return NO_KEY if slot == NULL else entry_type(slot[0])

    cdef int run(self, Waiter waiter) except -1:
        cdef Dispatcher dispatcher = self.server.dispatcher
        self.serving = waiter
        waiter.served = True
        # Dispatch tells by this bit whether a command is done; `block` sets it again.
        waiter.connection.gate &= ~<unsigned int>GATE_BLOCKED
        try:
            dispatcher.invoke_again(waiter.connection, waiter.routine, waiter.argv, waiter.argc,
                                    self.keyspace.databases[waiter.database])
        finally:
            self.serving = None
        if waiter.served:
            if not waiter.over:
                self.release(waiter)
            self.server.loop.sent_out_of_turn(waiter.connection)
            self.server.loop.go_on(waiter.connection)
        return 0

    # For INFO

    @property
    def keys(self) -> int:
        """Keys that somebody waits for."""
        return len(self.queues)

    @property
    def keys_wanted_gone(self) -> int:
        """Keys whose deletion would wake somebody."""
        return sum((<Queue>queue).wanting_gone > 0 for queue in self.queues.values())
