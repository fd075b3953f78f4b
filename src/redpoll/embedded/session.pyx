"""One client of a store in this process.

A session is to an embedded store what a connection is to a server: it has a database, a protocol version, watched keys,
subscriptions. Its commands run in the thread that calls, under the store's guard; replies and messages lie in the
connection's output until they are taken.

What cannot be answered at once (a blocking pop, a command during CLIENT PAUSE) leaves the session waiting: `wait`
sleeps in this thread until something arrives, `notify` has a function called then, `fileno` gives a descriptor to poll.
Whoever waits sees to its own deadline, so that no other thread is needed for it. Commands sent meanwhile wait behind.
"""

import os
import time
from _thread import allocate_lock

from libc.stdint cimport int64_t, uint64_t
from posix.unistd cimport close as close_descriptor

from redpoll.embedded.replies cimport Decoding, take_reply
from redpoll.embedded.words cimport Words, words_free, words_of
from redpoll.engine.keyspace cimport Keyspace
from redpoll.persistence.file_writer cimport FileWriter
from redpoll.server.blocking cimport Waiter
from redpoll.server.clock cimport unix_microseconds
from redpoll.server.connection cimport GATE_BLOCKED, GATE_CLOSING, GATE_NO_TOUCH, GATE_RULES, GATE_TRACKING
from redpoll.server.dispatch cimport Request
from redpoll.wire.output cimport out_bytes, out_clear, out_consume, out_pending

from redpoll.wire.values import Sentinel

#: What `receive` returns when nothing is there.
NOTHING = Sentinel("NOTHING")

cdef object nothing = NOTHING

cdef enum:
    # With others in the way a reply may come later, or not at all, or among others.
    DIRECT_GATES = GATE_NO_TOUCH | GATE_RULES | GATE_TRACKING


def plain(value):
    """Bytes of a value that is neither bytes, str, int nor float. Raises TypeError where there is no obvious one."""
    if isinstance(value, (bytearray, memoryview)):
        return bytes(value)
    if isinstance(value, bool):
        raise TypeError("True and False are no words of commands; say 1 or 0, or what else is meant")
    if isinstance(value, (int, float)):
        return repr(value).encode()
    if isinstance(value, str):
        return value.encode()
    if isinstance(value, bytes):
        return bytes(value)
    raise TypeError(f"{type(value).__name__} is no word of a command; bytes, str, int and float are")


class SessionClosed(ConnectionError):
    """The store closed the session: it was killed, or the store itself is closed."""


cdef class Inbox(Taker):
    def __cinit__(self):
        self.event = -1

    def __dealloc__(self):
        # Not by Python's modules, which may be gone at the end of the process.
        if self.event >= 0:
            close_descriptor(self.event)

    cdef void arrived(self, bint something) noexcept:
        cdef object signal = self.signal
        if something and self.event >= 0:
            self.show(True)
        if signal is not None:
            self.signal = None
            try:
                signal()
            except RuntimeError:
                # An event loop that is closed already.
                pass

    cdef void show(self, bint something) noexcept:
        try:
            if something:
                os.eventfd_write(self.event, 1)
            else:
                os.eventfd_read(self.event)
        except OSError:
            pass


cdef class Session:
    """A client of `server`. `protocol` is 2 or 3.

    `encode` makes bytes of values that are neither bytes, int nor float, and of texts unless those become `utf8`.
    """

    def __init__(self, server, int protocol=2, Decoding decoding=None, encode=plain, bint utf8=True):
        self.server = server
        self.loop = server.loop
        self.dispatcher = server.dispatcher
        self.guard = self.loop.guard
        self.decoding = Decoding() if decoding is None else decoding
        self.encode = encode
        self.utf8 = utf8
        self.inbox = Inbox()
        # Not `with`: also while a script is busy.
        self.guard.acquire()
        try:
            self.loop.tick()
            server.connections_received += 1
            self.client = self.loop.add_local(self.inbox)
            self.client.parser.trusted = True
            # For those who ask whether somebody comes from this host, and those who tell clients apart by addresses.
            self.client.address = f"127.0.0.1:{self.client.id}"
            self.client.local_address = "127.0.0.1:0"
            server.welcome(self.client)
            self.client.resp = protocol
        finally:
            self.guard.release()

    def __del__(self):
        self.close()

    def close(self):
        """End it; whoever waits in it hears of that."""
        if self.client is not None and not self.client.closed:
            self.loop.let_go(self.client)
            if self.inbox.event >= 0:
                self.loop.polled -= 1

    @property
    def closed(self) -> bool:
        """Whether it has ended. What had arrived can still be received."""
        return self.client is None or self.client.closed

    @property
    def connection(self):
        """What the server knows of it."""
        return self.client

    # Running commands

    cdef bint waits(self) noexcept:
        """Whether a command has to wait for one before it."""
        return self.client.stalled or self.client.gate & GATE_BLOCKED != 0 or self.client.buffer_length != 0

    cdef bint has_reply(self) noexcept:
        return out_pending(&self.client.out) != 0 and not self.client.held

    cdef bint run(self, Words* words) except -1:
        """Run one command now; False: it has to wait, and is run again when it may go on."""
        cdef Request request
        cdef Keyspace keyspace = self.loop.keyspace
        cdef int64_t now = unix_microseconds()
        cdef bint done
        self.loop.unix_us = now
        now //= 1000
        if now != keyspace.now:
            keyspace.tick(now)
            self.client.active_ms = now
        request.connection = <void*>self.client
        request.argv = words.argv
        request.argc = words.argc
        request.start = NULL
        request.next = <const char*>words.total
        request.hash = 0
        self.dispatcher.begin()
        self.dispatcher.resolve(&request)
        done = self.dispatcher.run(self.client, &request)
        if not done:
            self.client.stalled = True
        return done

    cdef object call(self, tuple values, bint decoding, bint pairs):
        cdef Words words
        cdef object _kept = words_of(&words, values, self.encode, self.utf8)
        cdef object reply = nothing
        cdef bint done
        try:
            self.guard.acquire()
        except BaseException:
            words_free(&words)
            raise
        try:
            if self.client.closed:
                raise SessionClosed("the store closed this session")
            if not self.client.gate & ~DIRECT_GATES and self.loop.log is None:
                self.decoding.wants_text = decoding
                self.decoding.wants_pairs = pairs
                self.dispatcher.direct = <void*>self.decoding
            done = not self.waits() and self.run(&words)
            self.dispatcher.direct = NULL
            if not done:
                self.queue(&words)
            elif self.client.closed:
                # In the middle of the command, so without a reply.
                out_clear(&self.client.out)
                raise SessionClosed("the store closed this session")
            elif self.dispatcher.call.given is not None:
                reply = self.given()
            elif self.has_reply() and self.loop.log is None:
                reply = take_reply(&self.client.out, self.decoding, decoding)
            if self.loop.has_chores():
                self.loop.finish()
        finally:
            words_free(&words)
            self.guard.release()
        if self.loop.log is not None:
            self.commit()
            reply = self.receive(decoding)
        elif self.decoding.failure is not None:
            failure, self.decoding.failure = self.decoding.failure, None
            raise failure
        return reply

    cdef object given(self):
        """The reply that a handler made as a Python value."""
        cdef object value = self.dispatcher.call.given
        self.dispatcher.call.given = None
        if type(value) is tuple:
            # A set's members.
            value = (<tuple>value)[0]
            return set(value) if self.decoding.sets else value
        return value

    cdef bint call_all(self, list commands, list replies, object raw, bint later) except -1:
        cdef Words words
        cdef object _kept   # what the words point into, as long as they are used
        cdef tuple values
        cdef dict options
        cdef Py_ssize_t number
        cdef bint decoding, done = True
        cdef bint decodes = self.decoding.decoding
        self.guard.acquire()
        self.inbox.comes_itself = later
        self.decoding.wants_pairs = False
        try:
            for number in range(len(replies), len(commands)):
                if self.client.closed:
                    raise SessionClosed("the store closed this session")
                values, options = commands[number]
                decoding = decodes and not (options and raw in options)
                _kept = words_of(&words, values, self.encode, self.utf8)
                try:
                    if not self.client.gate & ~DIRECT_GATES:
                        self.decoding.wants_text = decoding
                        self.dispatcher.direct = <void*>self.decoding
                    done = not self.waits() and self.run(&words)
                    self.dispatcher.direct = NULL
                    if not done:
                        self.queue(&words)
                finally:
                    words_free(&words)
                if done and self.dispatcher.call.given is not None:
                    replies.append(self.given())
                    if self.decoding.failure is not None:
                        failure, self.decoding.failure = self.decoding.failure, None
                        raise failure
                elif self.client.closed:
                    # In the middle of the command, so without a reply.
                    out_clear(&self.client.out)
                    raise SessionClosed("the store closed this session")
                elif self.has_reply():
                    replies.append(take_reply(&self.client.out, self.decoding, decoding))
                else:
                    done = False
                    break
            if self.loop.has_chores():
                self.loop.finish()
        finally:
            if self.client.waiter is None:
                self.inbox.comes_itself = False
            self.guard.release()
        return done

    cdef int queue(self, Words* words) except -1:
        """Leave a command that has to wait where a socket's would be: the loop runs it when the session may go on."""
        cdef size_t i
        cdef list parts = [b"*%d\r\n" % words.argc]
        for i in range(words.argc):
            parts.append(b"$%d\r\n%s\r\n" % (words.argv[i].len, words.argv[i].ptr[:words.argv[i].len]))
        self.loop.take_bytes(self.client, b"".join(parts))
        return 0

    def execute(self, *words):
        """Run a command and return its reply, waiting for it if need be. Raises what `make_error` makes."""
        cdef object reply = self.call(words, self.decoding.decoding, False)
        while reply is nothing:
            self.wait()
            reply = self.receive(self.decoding.decoding)
        if isinstance(reply, Exception):
            raise reply
        return reply

    def send(self, tuple words):
        """Run a command; its reply is to be received."""
        self.send_all((words,))

    def send_all(self, commands):
        """Run commands, one after the other; their replies are to be received.

        Raises `SessionClosed`, and TypeError or what `encode` raises, and then has run those before the bad one.
        """
        cdef Words words
        cdef object _kept   # what the words point into, as long as they are used
        cdef tuple values
        self.guard.acquire()
        try:
            if self.client.closed:
                raise SessionClosed("the store closed this session")
            for values in commands:
                if self.client.gate & GATE_CLOSING:
                    break
                _kept = words_of(&words, values, self.encode, self.utf8)
                try:
                    if self.waits() or not self.run(&words):
                        self.queue(&words)
                finally:
                    words_free(&words)
                if self.client.closed:
                    out_clear(&self.client.out)
                    break
            if self.loop.has_chores():
                self.loop.finish()
            if self.inbox.event >= 0 and self.has_reply():
                self.inbox.show(True)
        finally:
            self.guard.release()
        if self.loop.log is not None:
            self.commit()

    cdef int commit(self) except -1:
        cdef FileWriter log = self.loop.log
        cdef uint64_t until
        if log is None:
            return 0
        until = min(self.client.logged_until, log.appended)
        if until > (log.synced_bytes() if self.loop.commit_first else log.written_bytes()):
            log.wait_until(until, self.loop.commit_first)
            self.guard.acquire()
            try:
                self.server.persistence.log.look()
                self.loop.release_replies()
                self.loop.finish()
            finally:
                self.guard.release()
        return 0

    # Receiving

    def receive(self, bint decoding=False):
        """The next reply or message; `NOTHING` when there is none yet. Raises `SessionClosed` when none will come."""
        self.guard.acquire()
        try:
            if self.has_reply():
                reply = take_reply(&self.client.out, self.decoding, decoding)
                if self.inbox.event >= 0 and not self.has_reply():
                    self.inbox.show(False)
                return reply
            if self.client.closed:
                raise SessionClosed("the store closed this session")
            return nothing
        finally:
            self.guard.release()

    @property
    def pending(self) -> bool:
        """Whether something is there to be received, were it only that the session is closed."""
        return self.client.closed or self.has_reply()

    cdef bint is_idle(self) noexcept:
        return not (self.client.closed or self.waits() or out_pending(&self.client.out) != 0)

    @property
    def idle(self) -> bool:
        """Whether it waits for nothing, and nothing waits in it."""
        return self.is_idle()

    @property
    def invited(self) -> bool:
        """Whether what its command waits for may be there; see `come`."""
        return self.client.waiter is not None and (<Waiter>self.client.waiter).invited

    @property
    def is_blocked(self) -> bool:
        """Whether its command waits for a key."""
        return self.client.waiter is not None

    cdef int64_t due_ms(self) except -1:
        """When time alone may bring something for it, Unix milliseconds; 0: never."""
        cdef Waiter waiter = self.client.waiter
        cdef int64_t due = 0
        if waiter is not None:
            due = waiter.deadline_ms
            if waiter.retry_ms and (not due or waiter.retry_ms < due):
                due = waiter.retry_ms
        elif self.client.stalled:
            due = self.server.clients.pause_end_ms
        return due

    def notify(self, signal):
        """Have `signal` called, once, when something arrives or the session may go on; any thread may call it.

        Returns (whether something is there already, and then nothing is called; when time alone may bring something, in
        seconds from now, or None). `pass_time` is to be called then.
        """
        cdef int64_t due
        self.guard.acquire()
        try:
            if self.client.closed or self.has_reply() or self.invited:
                return True, None
            self.inbox.signal = signal
            due = self.due_ms()
            return False, (max(due * 1000 - unix_microseconds(), 0) / 1e6 + 0.0005 if due else None)
        finally:
            self.guard.release()

    def ignore(self):
        """Undo `notify`."""
        self.inbox.signal = None

    def pass_time(self):
        """See to what is due by now."""
        self.guard.acquire()
        try:
            self.loop.pass_time()
        finally:
            self.guard.release()

    def wait(self, timeout=None):
        """Sleep until something is there to be received, or for so many seconds; whether there is.

        A signal that interrupts this is handled, and what its handler raises ends it.
        """
        cdef double end = 0
        cdef double left = -1
        if timeout is not None:
            end = time.monotonic() + timeout
        while True:
            lock = allocate_lock()
            lock.acquire()
            there, due = self.notify(lock.release)
            if there:
                return True
            left = -1
            if timeout is not None:
                left = end - time.monotonic()
                if left <= 0:
                    self.ignore()
                    return False
            if due is not None and (left < 0 or due < left):
                left = due
            try:
                lock.acquire(True, min(left, 4e6) if left >= 0 else -1)
            except BaseException:
                self.ignore()
                raise
            if due is not None:
                self.pass_time()

    # Coming for what it was told of; see `Blocking`

    cdef object call_later(self, tuple words, bint decoding, bint pairs):
        """As `execute`, but returns `NOTHING` when the command has to wait for a key, and then leaves what it waits for
        where it is until `come` is called."""
        self.inbox.comes_itself = True
        try:
            return self.call(words, decoding, pairs)
        finally:
            if self.client.waiter is None:
                self.inbox.comes_itself = False

    def come(self, bint decoding):
        """Run the command that waited, once `notify` said that there is something; its reply or `NOTHING`."""
        self.guard.acquire()
        try:
            if self.client.waiter is not None:
                self.loop.tick()
                self.dispatcher.begin()
                self.server.blocking.come(self.client)
                if self.loop.has_chores():
                    self.loop.finish()
            if self.client.waiter is None:
                self.inbox.comes_itself = False
        finally:
            self.guard.release()
        if self.loop.log is not None:
            self.commit()
        return self.receive(decoding)

    def give_up(self):
        """Stop waiting for a key; what it waited for is left to others. False: there is a reply already."""
        self.guard.acquire()
        try:
            self.inbox.signal = None
            self.inbox.comes_itself = False
            if self.has_reply():
                return False
            self.server.blocking.forget(self.client)
            self.client.stalled = False
            if self.loop.has_chores():
                self.loop.finish()
            return True
        finally:
            self.guard.release()

    # As bytes

    def feed(self, bytes data):
        """Take bytes of the protocol, as from a socket."""
        self.guard.acquire()
        try:
            if self.client.closed:
                raise SessionClosed("the store closed this session")
            self.loop.take_bytes(self.client, data)
            self.loop.finish()
        finally:
            self.guard.release()
        if self.loop.log is not None:
            self.commit()

    def take(self, size_t most, bint keeping=False):
        """Up to so many bytes of what is to be received, none when there is nothing; `keeping`: only look."""
        cdef bytes made
        self.guard.acquire()
        try:
            if not self.has_reply():
                return b""
            made = out_bytes(&self.client.out, most)
            if not keeping:
                out_consume(&self.client.out, len(made))
                if self.inbox.event >= 0 and not self.has_reply() and not self.client.closed:
                    self.inbox.show(False)
            return made
        finally:
            self.guard.release()

    def fileno(self):
        """A descriptor that can be read while there is something to be received."""
        if self.inbox.event < 0:
            self.inbox.event = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
            self.loop.polled += 1
            if self.pending:
                self.inbox.show(True)
        return self.inbox.event
