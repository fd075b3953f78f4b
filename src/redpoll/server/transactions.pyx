"""Transactions and watched keys.

Between MULTI and EXEC the dispatcher queues a client's commands; EXEC runs them through the dispatcher again, as one
unit.

Watched keys are kept by key, and `Changes` tells of those that change. A client one of whose keys changed is spoiled:
its next EXEC answers null and does nothing. It watches nothing any more from then on, as nothing could come of that. A
key that was there but had expired when it was watched counts as missing: that it is deleted changes nothing.
"""

from libc.stdint cimport uint32_t, uint64_t
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_GET_SIZE

from redpoll.commands.call cimport Call
from redpoll.engine.entry cimport Entry, entry_expiry
from redpoll.engine.keyspace cimport Database, due_time
from redpoll.engine.table cimport table_find, table_hash, table_prefetch, table_prefetch_entry
from redpoll.server.changes cimport Changes
from redpoll.server.clock cimport ticks
from redpoll.security.account cimport ALLOWED, Verdict
from redpoll.server.connection cimport GATE_MULTI, GATE_RULES, Connection
from redpoll.server.dispatch cimport SERVER_MONITORED, Dispatcher, Request, request_words
from redpoll.server.routine cimport Routine
from redpoll.server.transaction cimport Queued, Transaction
from redpoll.wire.reply cimport reply_array, reply_error, reply_null_array, reply_ok
from redpoll.wire.request cimport LongWord

from redpoll import errors
from redpoll.commands import flags as command_flags
from redpoll.errors import CommandError

cdef uint64_t FLAG_NO_AUTH = command_flags.NO_AUTH

cdef enum:
    SPARE_MOST = 64
    # What a key is
    MISSING = 0
    EXPIRED = 1
    THERE = 2


cdef class Transactions(Transactor):
    """Those of one server."""

    def __init__(self, server, Changes changes):
        self.server = server
        self.keyspace = server.keyspace
        self.dispatcher = server.dispatcher
        self.changes = changes
        self.spare = []
        self.watchers = {}
        changes.listen_to_wanted(self.changed)
        changes.listen_to_databases(self)

    # Transactions

    cdef int begin(self, Call call) except -1:
        cdef Connection connection = call.connection
        if connection.transaction is not None:
            raise CommandError(errors.NESTED_MULTI)
        connection.transaction = self.spare.pop() if self.spare else Transaction()
        connection.gate |= GATE_MULTI
        reply_ok(call.out)
        return 0

    cdef int discard(self, Call call) except -1:
        cdef Connection connection = call.connection
        if connection.transaction is None:
            raise CommandError(errors.DISCARD_WITHOUT_MULTI)
        self.end(connection)
        reply_ok(call.out)
        return 0

    cpdef int end(self, Connection connection) except -1:
        cdef Transaction transaction = connection.transaction
        if transaction is not None:
            connection.transaction = None
            connection.gate &= ~<uint32_t>GATE_MULTI
            transaction.clear()
            if len(self.spare) < SPARE_MOST:
                self.spare.append(transaction)
        self.forget_keys(connection)
        connection.spoiled = False
        return 0

    cdef int execute(self, Call call) except -1:
        cdef Connection connection = call.connection
        cdef Transaction transaction = connection.transaction
        if transaction is None:
            raise CommandError(errors.EXEC_WITHOUT_MULTI)
        if connection.watched is not None and self.has_expired(connection):
            connection.spoiled = True
        if transaction.failed:
            self.end(connection)
            raise CommandError(errors.EXEC_ABORT)
        if connection.spoiled:
            self.end(connection)
            reply_null_array(call.out)
            return 0
        # What the commands change is no reason for anything any more.
        self.forget_keys(connection)
        reply_array(call.out, transaction.count)
        call.may_block = False
        self.dispatcher.begin_unit()
        try:
            self.run(connection, transaction)
        finally:
            self.dispatcher.end_unit()
            # All is told; EXEC itself is no change.
            call.changes = 0
            call.effects = None
            if self.keyspace.propagating:
                connection.held_until = connection.logged_until = self.dispatcher.feed.log.appended
            call.may_block = True
            self.end(connection)
        return 0

    cdef int run(self, Connection connection, Transaction transaction) except -1:
        cdef Dispatcher dispatcher = self.dispatcher
        cdef Queued* queued
        cdef Request request
        cdef size_t i
        cdef uint64_t begun = ticks()
        cdef LongWord* long_words = connection.parser.long_words
        cdef size_t long_count = connection.parser.long_count
        transaction.point()
        for i in range(transaction.count):
            if transaction.commands[i].hash:
                table_prefetch(&connection.db.table, transaction.commands[i].hash)
        for i in range(transaction.count):
            if transaction.commands[i].hash:
                table_prefetch_entry(&connection.db.table, transaction.commands[i].hash)
        request.connection = <void*>connection
        dispatcher.begin()
        for i in range(transaction.count):
            queued = &transaction.commands[i]
            request.routine = queued.routine
            request.argv = transaction.words + queued.first_word
            request.argc = queued.argc
            request.hash = queued.hash
            # The bytes as they came are gone, but their number is known.
            request.start = NULL
            request.next = <const char*>queued.request_bytes
            connection.parser.long_words = transaction.long_words + queued.first_long
            connection.parser.long_count = queued.long_count
            if connection.gate & GATE_RULES and self.is_forbidden(connection, &request):
                continue
            dispatcher.invoke(connection, &request)
            if dispatcher.gate & SERVER_MONITORED:
                dispatcher.tell_monitors(connection, &request)
        connection.parser.long_words = long_words
        connection.parser.long_count = long_count
        # The time of EXEC is that of all its commands.
        dispatcher.running = <void*>connection
        dispatcher.stamp = begun
        return 0

    cdef bint is_forbidden(self, Connection connection, Request* request) except -1:
        """Whether a queued command may not run any more: its user's rules changed. Then that is its reply."""
        cdef Routine routine = <Routine>request.routine
        cdef size_t word = 0
        cdef Verdict verdict = connection.account.check(
            routine.command, routine.number, routine.flags & FLAG_NO_AUTH != 0, request.argv, request.argc,
            connection.db.index, &word)
        cdef bytes text
        if verdict == ALLOWED:
            return False
        text = self.server.access.refused_in_exec(
            connection, routine.command, request_words(request), verdict, word).encode("utf-8", "surrogateescape")
        self.dispatcher.count_refused(routine, text)
        reply_error(self.dispatcher.call.out, text, len(text))
        return True

    # Watching

    cdef int state_of(self, int database, bytes key) except -1:
        cdef Database db = self.keyspace.databases[database]
        cdef const char* text = PyBytes_AS_STRING(key)
        cdef size_t length = PyBytes_GET_SIZE(key)
        cdef Entry** slot = table_find(&db.table, text, length, table_hash(&db.table, text, length))
        if slot == NULL:
            return MISSING
        return EXPIRED if 0 <= entry_expiry(slot[0]) < due_time(self.keyspace) else THERE

    cdef int watch(self, Call call) except -1:
        cdef Connection connection = call.connection
        cdef size_t i
        cdef bytes key
        if connection.transaction is not None:
            raise CommandError(errors.WATCH_INSIDE_MULTI)
        if not connection.spoiled:
            if connection.watched is None:
                connection.watched = {}
                self.clients += 1
            for i in range(1, call.argc):
                key = call.word(i)
                place = (call.db.index, key)
                if place not in connection.watched:
                    connection.watched[place] = None
                    self.watchers.setdefault(place, {})[connection] = self.state_of(call.db.index, key) == EXPIRED
                    self.changes.want(key)
        reply_ok(call.out)
        return 0

    cdef int unwatch(self, Call call) except -1:
        cdef Connection connection = call.connection
        self.forget_keys(connection)
        connection.spoiled = False
        reply_ok(call.out)
        return 0

    cdef int forget_keys(self, Connection connection) except -1:
        cdef dict watched = connection.watched
        if watched is None:
            return 0
        connection.watched = None
        self.clients -= 1
        for place in watched:
            clients = self.watchers[place]
            del clients[connection]
            if not clients:
                del self.watchers[place]
            self.changes.unwant(place[1])
        return 0

    cdef int spoil(self, Connection connection) except -1:
        self.forget_keys(connection)
        connection.spoiled = True
        return 0

    def has_expired(self, Connection connection):
        """Whether a key that was there when it was watched has expired since."""
        for place in connection.watched:
            if not self.watchers[place][connection] and self.state_of(place[0], place[1]) == EXPIRED:
                return True
        return False

    # Told by `Changes`

    def changed(self, int kind, event, bytes key, int database):
        """A key changed."""
        clients = self.watchers.get((database, key))
        # What is no event, as what a consumer group remembers, spoils nothing.
        if clients is None or not kind:
            return
        for connection, had_expired in list(clients.items()):
            if had_expired and self.state_of(database, key) == MISSING:
                # Only now deleted; it was missing all along for this client.
                clients[connection] = False
            else:
                self.spoil(connection)

    def flushing(self, int index):
        """A database is about to be emptied."""
        self.replacing(index, -1)

    def swapping(self, int one, int other):
        """Two databases are about to be exchanged."""
        places = [place for place in self.watchers if place[0] in (one, other)]
        changed = []
        for place in places:
            changed += self.replaced_for(place, other if place[0] == one else one)
        for connection in changed:
            self.spoil(connection)

    def database_changed(self, int index):
        """All was said before."""

    def replacing(self, int index, int by):
        """A database's contents are about to be replaced by those of another, -1: by nothing."""
        changed = []
        for place in [place for place in self.watchers if place[0] == index]:
            changed += self.replaced_for(place, by)
        for connection in changed:
            self.spoil(connection)

    def replaced_for(self, tuple place, int by):
        """Whom it concerns that this key's database is replaced."""
        cdef int before = self.state_of(place[0], place[1])
        cdef int after = MISSING if by < 0 else self.state_of(by, place[1])
        if before == MISSING and after == MISSING:
            return []
        clients = self.watchers[place]
        spoiled = []
        for connection, had_expired in list(clients.items()):
            if had_expired and after != THERE:
                clients[connection] = after == EXPIRED
            elif not had_expired and before == MISSING and after == EXPIRED:
                clients[connection] = True
            else:
                spoiled.append(connection)
        return spoiled

    # For INFO

    @property
    def keys(self) -> int:
        """Keys that somebody watches."""
        return len(self.watchers)
