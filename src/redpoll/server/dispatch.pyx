"""From a request's words to its reply.

The common command passes one test of two flag words and goes straight to its handler. All that
may stand in its way (authentication, pauses, monitors, muted replies …) sets a bit in the
connection's gate or the server's, and only then is looked at, in `allowed`.

Commands are timed by one reading of the clock each: the end of one is the start of the next.
"""

from libc.stdint cimport uint32_t, uint64_t

from redpoll.engine.eviction cimport ORDER_NONE, Eviction
from redpoll.engine.memory cimport KIND_CLIENT, used_by, used_memory
from redpoll.engine.table cimport table_hash
from redpoll.engine.value cimport value_free_some, values_waiting
from redpoll.server.clock cimport monotonic_microseconds, nanoseconds, ticks, ticks_of, unix_microseconds
from redpoll.server.connection cimport (
    GATE_BLOCKED, GATE_MULTI, GATE_NO_TOUCH, GATE_REPLAY, GATE_REPLY_OFF, GATE_REPLY_SKIP, GATE_REPLY_SKIP_NEXT,
    GATE_RULES, GATE_SUBSCRIBED,
    GATE_TRACKING, GATE_UNAUTHENTICATED,
)
from redpoll.security.account cimport ALLOWED, Account, Verdict
from redpoll.server.feed cimport Feed
from redpoll.server.transaction cimport Transaction
from redpoll.wire.output cimport out_clear, out_init, out_pending, out_splice, out_write, trim_pool
from redpoll.wire.reply cimport reply_error, reply_value

from redpoll import errors
from redpoll.commands import flags as command_flags
from redpoll.errors import CommandError
from redpoll.security.databases import chosen

ctypedef int (*raw_handler_t)(Call call) noexcept

cdef uint64_t FLAG_NO_AUTH = command_flags.NO_AUTH
cdef uint64_t FLAG_WRITE = command_flags.WRITE
cdef uint64_t FLAG_MAY_REPLICATE = command_flags.MAY_REPLICATE
cdef uint64_t FLAG_DENYOOM = command_flags.DENYOOM
cdef uint64_t FLAG_LOADING = command_flags.LOADING
cdef uint64_t FLAG_NO_MULTI = command_flags.NO_MULTI
cdef uint64_t FLAG_RUNS_IN_MULTI = command_flags.RUNS_IN_MULTI
cdef uint64_t FLAG_RUNS_QUEUED = command_flags.RUNS_QUEUED
cdef uint64_t FLAG_ALLOW_BUSY = command_flags.ALLOW_BUSY
cdef uint64_t FLAG_SCRIPT_RUNNER = command_flags.SCRIPT_RUNNER
cdef uint64_t FLAG_FOR_SUBSCRIBERS = command_flags.FOR_SUBSCRIBERS

cdef enum:
    REPLY_GATES = GATE_REPLY_OFF | GATE_REPLY_SKIP | GATE_REPLY_SKIP_NEXT
    ARGUMENTS_SHOWN = 128
    FREED_A_STEP = 256       # elements of an evicted collection


cdef int pending_exception() except -1:
    """Hands an exception that is set already to the caller's `try`."""
    return -1


cdef class Tracker:
    """Hears of the commands of clients that track keys; to be derived from."""

    cdef void ran(self, Connection connection, Request* request) noexcept:
        pass


cdef class Runners:
    """Knows scripts; to be derived from."""

    cdef uint64_t flags_of(self, Request* request, uint64_t flags) noexcept:
        return flags


cdef class Dispatcher:
    """Runs requests of one server. `server` is told of what is rare; see `server/server.py`."""

    def __init__(self, server, registry, Keyspace keyspace):
        self.server = server
        self.routines = Routines(registry)
        self.keyspace = keyspace
        self.call = Call()
        self.call.keyspace = keyspace
        self.call.server = server
        self.call.unix_us = unix_microseconds
        self.feed = Feed(keyspace)
        self.runners = Runners()
        self.eviction = Eviction(keyspace)
        self.eviction_us = 500
        self.track_latency = True
        self.large_request = self.large_reply = <uint64_t>-1
        self.slow_ticks = self.looked_at_ticks = <uint64_t>-1
        out_init(&self.silence)
        out_init(&self.pushes)

    def __dealloc__(self):
        out_clear(&self.silence)
        out_clear(&self.pushes)

    @property
    def short_for_us(self) -> int:
        """Microseconds for which there has not been room enough; 0: there is."""
        return monotonic_microseconds() - self.short_since_us if self.short_of_memory else 0

    def set_slow_threshold(self, uint64_t microseconds):
        """Commands that take as long or longer are told to the server's `slow_command`."""
        self.slow_ticks = ticks_of(microseconds * 1000)
        self.watch_all(self.onlooker)

    def watch_all(self, onlooker):
        """Tell `onlooker.note` of every command that has run; None: nobody."""
        self.onlooker = onlooker
        self.looked_at_ticks = self.slow_ticks if onlooker is None else 0

    cdef void begin(self) noexcept:
        """A batch begins: time and stamp are fresh."""
        self.stamp = ticks()

    cdef void resolve(self, Request* request) noexcept:
        """Which command the words mean, and the hash of its first key."""
        cdef Arg* argv = request.argv
        cdef void* found = self.routines.find(argv[0].ptr, argv[0].len)
        cdef Routine routine
        if found != NULL:
            routine = <Routine>found
            if routine.unusual:
                found = self.look_closer(routine, request)
                if found != NULL:
                    routine = <Routine>found
            if found != NULL and routine.first_key > 0 and <size_t>routine.first_key < request.argc:
                request.hash = table_hash(&(<Connection>request.connection).db.table,
                                          argv[routine.first_key].ptr, argv[routine.first_key].len)
        request.routine = found

    cdef void* look_closer(self, Routine routine, Request* request) noexcept:
        """The routine of a container's subcommand, or that same one; it knows itself then. NULL: there is none."""
        cdef Arg* argv = request.argv
        try:
            if routine.container and request.argc > 1:
                routine = routine.by_word.get((<bytes>argv[1].ptr[:argv[1].len]).lower())
                if routine is None:
                    return NULL
            if not routine.learned:
                routine.learn()
        except Exception as error:
            self.server.internal_error(f"Command {argv[0].ptr[:argv[0].len]}", error)
            return NULL
        # The table, or its container, keeps it.
        return <void*>routine

    cdef bint run(self, Connection connection, Request* request) noexcept:
        cdef Routine routine
        cdef bint waits = False
        cdef uint32_t monitored
        cdef size_t argc = request.argc
        if request.routine == NULL:
            if connection.gate & GATE_UNAUTHENTICATED:
                self.refuse(connection, NULL, errors.NO_AUTH)
            else:
                self.refuse(connection, NULL, self.unknown(request))
            return True
        routine = <Routine>request.routine
        if (<size_t>routine.arity != argc) if routine.arity > 0 else (argc < <size_t>-routine.arity):
            self.refuse(connection, request.routine, errors.wrong_arity(routine.name))
            return True
        if connection.gate | self.gate:
            if connection.gate | self.gate == GATE_RULES:
                if not self.permitted(connection, request):
                    return True
            elif not self.allowed(connection, request, &waits):
                return not waits
        monitored = self.gate & SERVER_MONITORED
        connection.last = routine
        self.invoke(connection, request)
        if monitored:
            self.tell_monitors(connection, request)
        if self.keyspace.keys_ready and not self.unit_depth:
            self.serve_waiting()
        if connection.gate & (REPLY_GATES | GATE_NO_TOUCH):
            self.keyspace.touching = True
            if not connection.gate & GATE_BLOCKED:
                self.after_reply_mode(connection)
        if self.gate & SERVER_IMPORTING:
            self.keyspace.replaying = False
        return True

    cdef void invoke(self, Connection connection, Request* request) noexcept:
        cdef Routine routine = <Routine>request.routine
        cdef Call call = self.call
        cdef uint64_t now, elapsed
        cdef size_t before
        call.argv = request.argv
        call.argc = request.argc
        call.out = &self.silence if connection.gate & (GATE_REPLY_OFF | GATE_REPLY_SKIP) else &connection.out
        call.first_key = routine.first_key if routine.first_key > 0 else 0
        call.first_hash = request.hash
        call.db = connection.db
        call.connection = connection
        call.long_words = connection.parser.long_words
        call.long_count = connection.parser.long_count
        call.changes = 0
        call.gate = connection.gate
        call.direct = self.direct
        self.direct = NULL
        self.running = <void*>connection
        before = out_pending(&connection.out)
        if routine.function != NULL:
            if (<raw_handler_t>routine.function)(call) == -1:
                self.failed(routine, before)
        else:
            call.command = routine.command
            self.invoke_plain(routine, before)
        if connection.gate & GATE_BLOCKED:
            # It waits, and is done, counted and timed when it runs again. A consumer that it made is told of now.
            if self.keyspace.propagating:
                self.propagate(connection, request)
            self.stamp = ticks()
            self.running = NULL
            return
        if self.keyspace.propagating:
            self.propagate(connection, request)
        now = ticks()
        # The counter may step back a little when the thread changes processors.
        elapsed = now - self.stamp if now > self.stamp else 0
        self.stamp = now
        connection.commands += 1
        self.commands += 1
        routine.record(elapsed, self.track_latency)
        before = out_pending(&connection.out) - before
        self.reply_bytes += before
        if call.gate & GATE_TRACKING:
            self.tracker.ran(connection, request)
        self.running = NULL
        if self.pushes.first != NULL and not self.unit_depth:
            out_splice(&connection.out, &self.pushes)
        if (elapsed >= self.looked_at_ticks or before >= self.large_reply
                or <uint64_t>(request.next - request.start) >= self.large_request
                or (call.long_count and request_size(request) >= self.large_request)):
            self.notice(connection, routine, request, elapsed, before)

    cdef void invoke_again(self, Connection connection, Routine routine, Arg* argv, size_t argc, Database db) noexcept:
        cdef Request request
        cdef Database own = connection.db
        request.argv = argv
        request.argc = argc
        request.routine = <void*>routine
        request.start = request.next = NULL
        request.hash = 0
        if routine.first_key > 0 and <size_t>routine.first_key < argc:
            request.hash = table_hash(&db.table, argv[routine.first_key].ptr, argv[routine.first_key].len)
        connection.db = db
        if connection.gate & GATE_RULES and not self.permitted(connection, &request):
            # Its rights changed while it waited.
            connection.db = own
            return
        self.keyspace.touching = not connection.gate & GATE_NO_TOUCH
        self.see_expired(connection, routine)
        self.invoke(connection, &request)
        self.keyspace.touching = True
        if self.gate & SERVER_IMPORTING:
            self.keyspace.replaying = False
        connection.db = own
        if connection.gate & REPLY_GATES and not connection.gate & GATE_BLOCKED:
            self.after_reply_mode(connection)

    cdef void count_waited(self, Connection connection, Routine routine, bint failed) noexcept:
        connection.commands += 1
        self.commands += 1
        routine.record(0, self.track_latency)
        if failed:
            routine.failed_calls += 1
            self.error_replies += 1
        if connection.gate & REPLY_GATES:
            self.after_reply_mode(connection)

    cdef void propagate(self, Connection connection, Request* request) noexcept:
        """Tell on what a command changed."""
        cdef Call call = self.call
        cdef int database = call.db.index
        cdef list effects = call.effects
        if effects is not None:
            call.effects = None
        if not call.changes:
            return
        self.tell_effects(request, effects, database)
        connection.held_until = connection.logged_until = self.feed.log.appended

    cdef void tell_effects(self, Request* request, list effects, int database) noexcept:
        if effects is None:
            # As it came, unless it was no RESP array or some of its words lie elsewhere.
            if request.start != NULL and request.start[0] == c"*" and not self.call.long_count:
                self.feed.command(request.argv, request.argc, database, request.start, request.next - request.start)
            else:
                self.feed.command(request.argv, request.argc, database, NULL, 0)
            return
        try:
            if len(effects) > 1:
                self.feed.begin_unit()
            for words in effects:
                self.feed.words(words, database)
            if len(effects) > 1:
                self.feed.end_unit()
        except Exception as error:
            self.server.internal_error("Telling changes on", error)

    cdef void serve_waiting(self) noexcept:
        try:
            self.server.serve_waiting()
        except Exception as error:
            self.server.internal_error("Serving those who wait", error)

    cdef void invoke_plain(self, Routine routine, size_t before) noexcept:
        cdef object result
        try:
            if routine.plain is None:
                raise CommandError(errors.wrong_arity(routine.name))
            result = routine.plain(self.call)
            reply_value(self.call.out, result)
        except BaseException as error:
            self.answer_error(routine, error, before)

    cdef void failed(self, Routine routine, size_t before) noexcept:
        """A compiled handler raised."""
        try:
            pending_exception()
        except BaseException as error:
            self.answer_error(routine, error, before)

    cdef void answer_error(self, Routine routine, error, size_t before) noexcept:
        cdef Connection connection = self.call.connection
        cdef bytes text
        try:
            if isinstance(error, CommandError):
                text = str(error).encode("utf-8", "surrogateescape")
            else:
                if isinstance(error, (KeyboardInterrupt, SystemExit)):
                    self.server.interrupted(error)
                self.server.internal_error(f"Command {routine.name}", error)
                text = f"ERR internal error: {type(error).__name__}: {error}".encode("utf-8", "replace")
                if self.call.out == &connection.out and connection.fd >= 0 and out_pending(self.call.out) != before:
                    # Nobody could tell the error from the rest of the half reply that is there already.
                    self.server.loop.close_after_reply(connection)
            routine.failed_calls += 1
            self.error_replies += 1
            self.server.count_error(text)
        except Exception:
            text = b"ERR internal error"
        reply_error(self.call.out, text, len(text))

    cdef void refuse(self, Connection connection, void* routine, object text) noexcept:
        """An error reply for a command that is not run."""
        cdef bytes raw
        if routine != NULL:
            (<Routine>routine).rejected_calls += 1
            if (<Routine>routine).flags & FLAG_RUNS_QUEUED:
                text = errors.aborted_because(text)
                self.server.transactions.end(connection)
        if connection.gate & GATE_MULTI:
            (<Transaction>connection.transaction).failed = True
        raw = text.encode("utf-8", "surrogateescape")
        self.error_replies += 1
        self.server.count_error(raw)
        if not connection.gate & (GATE_REPLY_OFF | GATE_REPLY_SKIP):
            reply_error(&connection.out, raw, len(raw))
        if connection.gate & REPLY_GATES:
            self.after_reply_mode(connection)

    cdef int count_refused(self, Routine routine, bytes text) except -1:
        routine.rejected_calls += 1
        self.error_replies += 1
        self.server.count_error(text)
        return 0

    cdef void begin_unit(self) noexcept:
        self.unit_depth += 1
        self.feed.begin_unit()

    cdef void end_unit(self) noexcept:
        self.unit_depth -= 1
        self.feed.end_unit()

    cdef bint queue(self, Connection connection, Request* request) noexcept:
        """Keep a command for EXEC."""
        cdef Transaction transaction = connection.transaction
        cdef uint64_t flags = (<Routine>request.routine).flags
        if flags & FLAG_SCRIPT_RUNNER:
            flags = self.runners.flags_of(request, flags)
        try:
            transaction.add(request.routine, flags, request.argv, request.argc, request.hash,
                            request_size(request), &connection.parser)
        except MemoryError:
            self.refuse(connection, request.routine, errors.NO_MEMORY)
            return False
        if self.clients_limit and transaction.memory > self.clients_limit // 2:
            # Long words were read past what the allocator counts as a client's.
            self.server.loop.clients_grew = True
        if not connection.gate & (GATE_REPLY_OFF | GATE_REPLY_SKIP):
            out_write(&connection.out, b"+QUEUED\r\n", 9)
        if connection.gate & REPLY_GATES:
            self.after_reply_mode(connection)
        return True

    cdef void after_reply_mode(self, Connection connection) noexcept:
        out_clear(&self.silence)
        connection.gate &= ~<uint32_t>GATE_REPLY_SKIP
        if connection.gate & GATE_REPLY_SKIP_NEXT:
            connection.gate = (connection.gate & ~<uint32_t>GATE_REPLY_SKIP_NEXT) | GATE_REPLY_SKIP

    def unknown_text(self, list args):
        """The error for words that name no command."""
        name = args[0].decode("latin-1")
        container = None if "|" in name else self.routines.by_name.get(name.lower())
        if container is not None:
            sub = args[1][:ARGUMENTS_SHOWN].decode("latin-1")
            return f"ERR unknown subcommand '{sub}'. Try {name.upper()} HELP."
        shown = ""
        for argument in args[1:]:
            if len(shown) >= ARGUMENTS_SHOWN:
                break
            shown += f"'{argument[:ARGUMENTS_SHOWN - len(shown)].decode('latin-1')}' "
        return f"ERR unknown command '{name[:ARGUMENTS_SHOWN]}', with args beginning with: {shown}"

    cdef object unknown(self, Request* request):
        cdef size_t i
        cdef list args = []
        for i in range(min(request.argc, <size_t>64)):
            args.append(request.argv[i].ptr[:request.argv[i].len])
        try:
            return self.unknown_text(args)
        except Exception:
            return "ERR unknown command"

    cdef bint allowed(self, Connection connection, Request* request, bint* waits) noexcept:
        """Whether a command may run now though some gate is not empty; answers itself when it may not, or is queued."""
        cdef Routine routine = <Routine>request.routine
        cdef uint32_t gate = connection.gate
        cdef uint64_t flags = routine.flags
        if gate & GATE_REPLAY:
            if gate & GATE_MULTI and not flags & FLAG_RUNS_IN_MULTI:
                self.queue(connection, request)
                return False
            return True
        if gate & GATE_UNAUTHENTICATED and not flags & FLAG_NO_AUTH:
            self.refuse(connection, request.routine, errors.NO_AUTH)
            return False
        if gate & GATE_MULTI and flags & FLAG_NO_MULTI:
            self.refuse(connection, request.routine, errors.NOT_IN_MULTI)
            return False
        if gate & GATE_RULES and not self.permitted(connection, request):
            return False
        if flags & FLAG_SCRIPT_RUNNER:
            flags = self.runners.flags_of(request, flags)
        if flags & FLAG_RUNS_QUEUED and connection.transaction is not None:
            flags |= (<Transaction>connection.transaction).flags & (FLAG_WRITE | FLAG_MAY_REPLICATE | FLAG_DENYOOM)
        if gate & GATE_SUBSCRIBED and connection.out.resp == 2 and not flags & FLAG_FOR_SUBSCRIBERS:
            self.refuse(connection, request.routine, errors.only_for_subscribers(routine.name))
            return False
        if self.gate & SERVER_LOADING and not flags & FLAG_LOADING:
            self.refuse(connection, request.routine, errors.LOADING)
            return False
        if self.gate & SERVER_BUSY and not flags & FLAG_ALLOW_BUSY:
            self.refuse(connection, request.routine, self.server.scripts.busy_text)
            return False
        if self.gate & SERVER_LIMITED and not self.make_room():
            # What is queued needs memory too, whatever it will do.
            if flags & FLAG_DENYOOM or (gate & GATE_MULTI and not flags & FLAG_RUNS_IN_MULTI):
                self.refuse(connection, request.routine, errors.OUT_OF_MEMORY)
                return False
        if self.gate & SERVER_CHECKS_COMMANDS:
            text = self.refusal(connection, request)
            if text is not None:
                self.refuse(connection, request.routine, text)
                return False
        if self.gate & (SERVER_PAUSED | SERVER_PAUSED_WRITES):
            if self.gate & SERVER_PAUSED or flags & (FLAG_WRITE | FLAG_MAY_REPLICATE):
                self.postpone(connection)
                waits[0] = True
                return False
        if gate & GATE_MULTI and not flags & FLAG_RUNS_IN_MULTI:
            self.queue(connection, request)
            return False
        self.keyspace.touching = not gate & GATE_NO_TOUCH or routine.name == "touch"
        self.see_expired(connection, routine)
        return True

    cdef void see_expired(self, Connection connection, Routine routine) noexcept:
        """To the source of an import, nothing is due: what it says happened in the past of another server."""
        if self.gate & SERVER_IMPORTING and connection.import_source:
            self.keyspace.replaying = routine.name != "flushall"

    cdef bint permitted(self, Connection connection, Request* request) noexcept:
        cdef Routine routine = <Routine>request.routine
        cdef Account account = connection.account
        cdef int database = connection.db.index
        cdef size_t word = 0
        cdef Verdict verdict
        if account.limits_databases and connection.transaction is not None:
            if (<Transaction>connection.transaction).database >= 0:
                database = (<Transaction>connection.transaction).database
        verdict = account.check(routine.command, routine.number, routine.flags & FLAG_NO_AUTH != 0,
                                request.argv, request.argc, database, &word)
        if verdict == ALLOWED:
            if account.limits_databases and connection.transaction is not None:
                self.note_database(connection, request)
            return True
        try:
            text = self.server.access.refused(connection, routine.command, request_words(request), verdict, word, "")
        except Exception as error:
            self.server.internal_error("Asking for rights", error)
            text = errors.KEY_DENIED
        self.refuse(connection, request.routine, "NOPERM " + text)
        return False

    cdef void note_database(self, Connection connection, Request* request) noexcept:
        """What is queued next may run in another database than what is queued now."""
        try:
            database = chosen((<Routine>request.routine).command, request_words(request))
        except Exception as error:
            self.server.internal_error("Asking for rights", error)
            return
        if database is not None:
            (<Transaction>connection.transaction).database = database

    cdef object access_refusal(self, Connection connection, Request* request, int database, object context):
        cdef Routine routine = <Routine>request.routine
        cdef size_t word = 0
        cdef Verdict verdict
        if not connection.gate & GATE_RULES:
            return None
        verdict = connection.account.check(routine.command, routine.number, routine.flags & FLAG_NO_AUTH != 0,
                                           request.argv, request.argc, database, &word)
        if verdict == ALLOWED:
            return None
        return self.server.access.refused(
            connection, routine.command, request_words(request), verdict, word, context)

    cdef bint make_room(self) noexcept:
        """Evict until memory is within its limit, or the time for it is over; whether it is."""
        cdef int64_t begin, now
        cdef int step = 0
        cdef bint evicting = True
        cdef size_t limit = self.memory_limit
        if not limit or used_memory() <= limit:
            self.note_room(True)
            return True
        # Buffers that are not in use go before keys do, and so do clients that have too much: after this turn.
        trim_pool()
        if self.clients_limit and used_by(KIND_CLIENT) > self.clients_limit:
            limit += used_by(KIND_CLIENT) - self.clients_limit
        begin = now = monotonic_microseconds()
        while evicting and used_memory() > limit:
            # What was evicted counts until it is freed, so that comes first.
            if values_waiting():
                value_free_some(FREED_A_STEP)
            else:
                evicting = self.eviction.evict_one()
            step += 1
            if not step & 15:
                now = monotonic_microseconds()
                if now - begin > self.eviction_us:
                    break
        if step:
            self.server.evicted(monotonic_microseconds() - begin)
        self.note_room(used_memory() <= limit)
        # With more to evict, the loop goes on with it; the command may run: it adds less than is evicted meanwhile.
        return not self.short_of_memory or (evicting and self.eviction.order != ORDER_NONE)

    cdef void note_room(self, bint enough) noexcept:
        cdef int64_t now
        if enough == (not self.short_of_memory):
            return
        now = monotonic_microseconds()
        if enough:
            self.eviction_exceeded_us += now - self.short_since_us
        else:
            self.short_since_us = now
        self.short_of_memory = not enough

    cdef object refusal(self, Connection connection, Request* request):
        try:
            return self.server.refusal(connection, <Routine>request.routine, request_words(request))
        except Exception as error:
            self.server.internal_error("Looking for what forbids a command", error)
            return f"ERR internal error: {error}"

    cdef void postpone(self, Connection connection) noexcept:
        self.server.postpone(connection)

    cdef void tell_monitors(self, Connection connection, Request* request) noexcept:
        self.server.tell_monitors(connection, (<Routine>request.routine).command, request_words(request))

    cdef void notice(self, Connection connection, Routine routine, Request* request, uint64_t elapsed,
                     size_t reply_bytes) noexcept:
        """Something about this command was slow or large, or all are looked at."""
        cdef list words = request_words(request)
        cdef size_t request_bytes = request_size(request)
        if self.onlooker is not None:
            self.onlooker.note(routine.command, words, nanoseconds(elapsed), request_bytes + reply_bytes,
                               self.unit_depth > 0)
            if elapsed < self.slow_ticks and reply_bytes < self.large_reply and request_bytes < self.large_request:
                return
        if self.server.notable_command(
                connection, routine.command, words, nanoseconds(elapsed) // 1000, request_bytes, reply_bytes):
            routine.note_slow(nanoseconds(elapsed) // 1000)
        if not self.unit_depth:
            self.keyspace.tick(unix_microseconds() // 1000)


cdef size_t request_size(const Request* request) noexcept:
    """Bytes of a request; long words were read past the buffer that it lies in."""
    cdef size_t size = 0
    cdef size_t i
    for i in range(request.argc):
        size += request.argv[i].len
    return max(size, <size_t>(request.next - request.start))


cdef list request_words(Request* request):
    cdef size_t i
    return [(<bytes>request.argv[i].ptr[:request.argv[i].len]) for i in range(request.argc)]
