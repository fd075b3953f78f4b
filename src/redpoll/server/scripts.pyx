"""Scripts that run: what EVAL and FCALL do, and how a script's commands reach the dispatcher.

A script runs within a unit, as a transaction does: time stands still, and what its commands changed is told on as
one. Its commands run in the name of a client of their own, which has the caller's database and no socket; replies go
into the script's own buffer. Clients that wait for keys are served when the script is done.

When a script is slow, `ScriptHost.slow` has the loop serve others meanwhile. They may run few commands then
(`SERVER_BUSY`); the caller and what it has sent wait.

A script that is debugged runs here, while nobody else is served, or in a child of a fork: see debugging.py.
"""

import os

from libc.stdint cimport int64_t, uint32_t, uint64_t

from redpoll.engine.numbers cimport parse_int64
from redpoll.scripting.cache cimport Script
from redpoll.scripting.state cimport (
    RUN_ALLOW_OOM, RUN_NO_CLUSTER, RUN_NO_WRITES, RUN_READ_ONLY, RUN_SCRIPT, RUN_UNDECLARED, TELL_LOG, set_text,
)
from redpoll.server.clock cimport monotonic_microseconds, ticks
from redpoll.server.connection cimport GATE_RULES, GATE_TRACKING
from redpoll.server.dispatch cimport SERVER_BUSY, SERVER_CHECKS_COMMANDS, SERVER_LIMITED, SERVER_MONITORED
from redpoll.server.routine cimport Routine
from redpoll.wire.output cimport out_bytes, out_clear, out_pending, out_splice, out_write
from redpoll.wire.reply cimport reply_error
from redpoll.wire.request cimport Arg

from redpoll import errors
from redpoll.commands import flags as command_flags
from redpoll.errors import CommandError
from redpoll.scripting import inspection
from redpoll.scripting.debugger import Debugger
from redpoll.server.debugging import ClientLink, Debugging

ctypedef int (*raw_handler_t)(Call call) noexcept

cdef uint64_t FLAG_WRITE = command_flags.WRITE
cdef uint64_t FLAG_MAY_REPLICATE = command_flags.MAY_REPLICATE
cdef uint64_t FLAG_DENYOOM = command_flags.DENYOOM
cdef uint64_t FLAG_NOSCRIPT = command_flags.NOSCRIPT
cdef uint64_t FLAG_SCRIPT_RUNNER = command_flags.SCRIPT_RUNNER

cdef enum:
    DIGEST_DIGITS = 40
    COPY_MOST = 4096         # longer answers are handed on in their chunks
    DEBUG_LIMIT_US = 5000000  # after which a script that is debugged stops, where no threshold is set

_LOG_LEVELS = ("debug", "verbose", "notice", "warning")


cdef class ScriptHost(Host):
    """What scripts ask of one server."""

    def __init__(self, server):
        self.server = server
        self.dispatcher = server.dispatcher
        self.client = Connection(-1, 0, server.keyspace.databases[0], server.keyspace.now)
        self.client.server = server
        self.client.address = "lua"
        self.deprecated_api = server.config.lua_enable_deprecated_api

    cdef void command(self, State* state) noexcept:
        cdef Dispatcher dispatcher = self.dispatcher
        cdef Call call = dispatcher.call
        cdef Routine routine
        cdef Request request
        cdef uint64_t begun, ended
        cdef bint propagating, silent = False
        request.connection = <void*>self.client
        request.argv = state.argv
        request.argc = state.argc
        request.start = request.next = NULL
        request.hash = 0
        state.reply.resp = state.resp
        dispatcher.resolve(&request)
        if request.routine == NULL:
            self.refuse(state, NULL, errors.SCRIPT_UNKNOWN_COMMAND)
            return
        routine = <Routine>request.routine
        if (<size_t>routine.arity != request.argc) if routine.arity > 0 else (request.argc < <size_t>-routine.arity):
            self.refuse(state, request.routine, errors.SCRIPT_WRONG_ARITY)
            return
        if self.caller.gate & GATE_RULES and not self.caller_may(state, &request):
            return
        if routine.flags & (FLAG_NOSCRIPT | FLAG_WRITE | FLAG_MAY_REPLICATE | FLAG_DENYOOM):
            if not self.may_run(state, &request):
                return
            if routine.flags & FLAG_WRITE:
                state.wrote = True
        if dispatcher.gate & SERVER_MONITORED:
            dispatcher.tell_monitors(self.client, &request)
        call.argv = state.argv
        call.argc = state.argc
        call.out = &state.reply
        call.first_key = routine.first_key if routine.first_key > 0 else 0
        call.first_hash = request.hash
        call.db = self.client.db
        call.connection = self.client
        call.long_words = NULL
        call.long_count = 0
        call.changes = 0
        call.gate = self.caller.gate & GATE_RULES
        call.direct = NULL
        if not state.telling & TELL_LOG:
            silent = True
            propagating = dispatcher.keyspace.propagating
            dispatcher.keyspace.propagating = False
        begun = ticks()
        if routine.function != NULL:
            if (<raw_handler_t>routine.function)(call) == -1:
                dispatcher.failed(routine, 0)
        else:
            call.command = routine.command
            dispatcher.invoke_plain(routine, 0)
        if dispatcher.keyspace.propagating:
            dispatcher.propagate(self.client, &request)
        if silent:
            dispatcher.keyspace.propagating = propagating
        ended = ticks()
        dispatcher.commands += 1
        routine.record(ended - begun if ended > begun else 0, dispatcher.track_latency)
        if self.caller.gate & GATE_TRACKING:
            dispatcher.tracker.ran(self.caller, &request)

    cdef bint caller_may(self, State* state, Request* request) noexcept:
        """Whether the rules of the user who runs the script admit a command; answers itself when they do not."""
        self.client.account = self.caller.account
        try:
            text = self.dispatcher.access_refusal(self.caller, request, self.client.db.index, "lua")
        except Exception as error:
            self.server.internal_error("Asking for rights", error)
            text = errors.KEY_DENIED
        if text is None:
            return True
        self.refuse(state, request.routine, errors.denied_in_script(text))
        return False

    cdef bint may_run(self, State* state, Request* request) noexcept:
        """Whether flags and the server's state admit a command; answers itself when they do not."""
        cdef uint64_t flags = (<Routine>request.routine).flags
        cdef str text = None
        if flags & FLAG_NOSCRIPT and (flags & FLAG_SCRIPT_RUNNER or not self.unrestricted):
            text = errors.SCRIPT_NOT_ALLOWED
        elif state.flags & RUN_READ_ONLY and flags & (FLAG_WRITE | FLAG_MAY_REPLICATE):
            text = errors.SCRIPT_ONLY_READS
        elif state.wrote:
            # In the middle of its changes nothing is refused for what the server lacks.
            return True
        elif self.short_of_memory and flags & FLAG_DENYOOM and not state.flags & RUN_ALLOW_OOM:
            text = errors.OUT_OF_MEMORY
        elif flags & FLAG_WRITE and self.dispatcher.gate & SERVER_CHECKS_COMMANDS:
            text = self.refusal(state, request)
        if text is None:
            return True
        self.refuse(state, request.routine, text)
        return False

    cdef str refusal(self, State* state, Request* request):
        """Why a write may not run now."""
        try:
            return self.server.refusal(self.client, <Routine>request.routine, [])
        except Exception as error:
            self.server.internal_error("Looking for what forbids a command", error)
            return f"ERR internal error: {error}"

    cdef void refuse(self, State* state, void* routine, str text) noexcept:
        cdef bytes raw = text.encode("utf-8", "surrogateescape")
        state.refused = True
        if routine != NULL:
            (<Routine>routine).rejected_calls += 1
        self.dispatcher.error_replies += 1
        self.server.count_error(raw)
        reply_error(&state.reply, raw, len(raw))

    cdef bint slow(self, State* state) noexcept:
        cdef Dispatcher dispatcher = self.dispatcher
        cdef void* running = dispatcher.running
        cdef uint64_t stamp = dispatcher.stamp
        cdef bytes text
        try:
            if not dispatcher.gate & SERVER_BUSY:
                dispatcher.gate |= SERVER_BUSY
                # Where they are now, others' words will be.
                self.slow_words = [self.words[i].ptr[:self.words[i].len] for i in range(self.word_count)]
                spent = (monotonic_microseconds() - state.started_us) // 1000
                self.server.log.warning(
                    f"Slow script detected: still in execution after {spent} milliseconds. You can try killing the "
                    f"{'function' if self.is_function else 'script'} using the "
                    f"{'FUNCTION' if self.is_function else 'SCRIPT'} KILL command. "
                    f"{'Function' if self.is_function else 'Script'} name is: {state.name.decode('latin-1')}."
                )
            self.server.loop.serve_others(self.caller)
        except KeyboardInterrupt as error:
            state.killed = True
            self.server.interrupted(error)
        except BaseException as error:
            self.server.internal_error("A script", error)
        dispatcher.running = running
        dispatcher.stamp = stamp
        if self.server.ending:
            text = errors.SCRIPT_STOPPED.encode()
        elif state.killed:
            text = errors.SCRIPT_KILLED.encode()
        else:
            return False
        set_text(state, text, len(text))
        return True

    cdef int64_t now_us(self) noexcept:
        return monotonic_microseconds()

    cdef void log(self, int level, const char* text, size_t length) noexcept:
        try:
            getattr(self.server.log, _LOG_LEVELS[level])((<bytes>text[:length]).decode("utf-8", "replace"))
        except Exception as error:
            self.server.internal_error("redis.log", error)

    cdef int permitted(self, State* state) noexcept:
        cdef Request request
        request.connection = <void*>self.client
        request.argv = state.argv
        request.argc = state.argc
        request.hash = 0
        self.dispatcher.resolve(&request)
        if request.routine == NULL:
            return -1
        try:
            return self.dispatcher.access_refusal(self.caller, &request, self.client.db.index, None) is None
        except Exception as error:
            self.server.internal_error("Asking for rights", error)
            return 0


cdef class Scripts(ScriptRunner):
    """Those of one server."""

    def __init__(self, server):
        self.server = server
        self.dispatcher = server.dispatcher
        self.loop = server.loop
        self.host = ScriptHost(server)
        self.cache = ScriptCache(self.host, memory_limit=server.script_memory)
        self.debugging = Debugging(server)
        self.debuggers = self.debugging.modes

    # What EVAL and FCALL have in common

    cdef size_t key_count(self, Call call) except? 0xFFFFFFFF:
        cdef long long count
        if not parse_int64(call.argv[2].ptr, call.argv[2].len, &count):
            raise CommandError(errors.NOT_AN_INTEGER)
        if count > <long long>call.argc - 3:
            raise CommandError(errors.TOO_MANY_KEYS)
        if count < 0:
            raise CommandError(errors.NEGATIVE_KEYS)
        return count

    cdef uint32_t admit(self, Call call, uint32_t flags, bint only_reads) except? 0xFFFFFFFF:
        cdef Dispatcher dispatcher = self.dispatcher
        self.host.short_of_memory = dispatcher.gate & SERVER_LIMITED and not dispatcher.make_room()
        if flags & RUN_UNDECLARED:
            flags |= RUN_READ_ONLY if only_reads else 0
            return flags
        if flags & RUN_NO_CLUSTER and self.server.in_cluster:
            raise CommandError(errors.SCRIPT_NO_CLUSTER)
        if not flags & RUN_NO_WRITES:
            if dispatcher.gate & SERVER_CHECKS_COMMANDS:
                text = self.server.persistence.refusal(True)
                if text is not None:
                    raise CommandError(text)
            if only_reads:
                raise CommandError(errors.SCRIPT_WRITES_IN_RO)
        if self.host.short_of_memory and not flags & (RUN_ALLOW_OOM | RUN_NO_WRITES):
            raise CommandError(errors.OUT_OF_MEMORY)
        if flags & RUN_NO_WRITES:
            flags |= RUN_ALLOW_OOM | RUN_READ_ONLY
        if only_reads:
            flags |= RUN_READ_ONLY
        return flags

    cdef int execute(self, Call call, Machine machine, int reference, const char* name, uint32_t flags,
                     size_t keys) except -1:
        cdef Dispatcher dispatcher = self.dispatcher
        cdef ScriptHost host = self.host
        cdef State* state = machine.state
        cdef Connection caller = call.connection
        cdef Connection outer_caller = host.caller
        cdef State* outer_state = host.state
        cdef Arg* argv = call.argv
        cdef size_t argc = call.argc
        cdef Out* out = call.out
        cdef bint may_block = call.may_block
        cdef bint in_script = call.in_script
        cdef uint64_t dirty = dispatcher.keyspace.dirty
        host.caller = caller
        host.state = state
        host.is_function = not flags & RUN_SCRIPT
        host.words = argv
        host.word_count = argc
        host.client.db = caller.db
        state.threshold_us = self.threshold_us
        call.may_block = False
        call.in_script = True
        dispatcher.begin_unit()
        machine.run(reference, name, flags, argv + 3, keys, argv + 3 + keys, argc - 3 - keys, out.resp)
        dispatcher.end_unit()
        host.caller = outer_caller
        host.state = outer_state
        if state.slow:
            self.end_slow(caller)
        call.may_block = may_block
        call.in_script = in_script
        call.argv = argv
        call.argc = argc
        call.out = out
        call.connection = caller
        call.db = caller.db
        call.gate = caller.gate
        # All is told; the command itself is no change.
        call.changes = 0
        call.effects = None
        if dispatcher.keyspace.propagating and dispatcher.keyspace.dirty != dirty:
            caller.held_until = caller.logged_until = dispatcher.feed.log.appended
        if state.failed:
            return self.answer_failure(out, state, caller)
        if state.answer.first != NULL and state.answer.first == state.answer.last:
            out_write(out, state.answer.first.data, state.answer.cursor - state.answer.first.data)
        else:
            out_splice(out, &state.answer)
        return 0

    cdef int answer_failure(self, Out* out, State* state, Connection caller) except -1:
        cdef bytes text = state.text[:state.text_length].rstrip(b"\r\n")
        out_clear(&state.answer)
        if not state.counted:
            raise CommandError(text.decode("utf-8", "surrogateescape"))
        # The error is counted already, as the command's that the script called.
        (<Routine?>caller.last).failed_calls += 1
        reply_error(out, text, len(text))
        return 0

    cdef int end_slow(self, Connection caller) except -1:
        """Everybody goes on."""
        self.dispatcher.gate &= ~<uint32_t>SERVER_BUSY
        self.loop.served_others(caller)
        return 0

    # EVAL

    cdef int evaluate(self, Call call, bint by_digest, bint only_reads) except -1:
        if self.debuggers and (<Connection>call.connection).id in self.debuggers:
            return self.debug(call, by_digest, only_reads)
        return self.run_script(call, by_digest, only_reads)

    cdef int run_script(self, Call call, bint by_digest, bint only_reads) except -1:
        cdef Script script
        cdef size_t keys
        cdef uint32_t flags
        if by_digest and call.argv[1].len != DIGEST_DIGITS:
            raise CommandError(errors.NO_SCRIPT)
        keys = self.key_count(call)
        if by_digest:
            script = self.cache.find(call.word(1))
            if script is None:
                raise CommandError(errors.NO_SCRIPT)
        else:
            script = self.cache.define(call.word(1), True)
        flags = self.admit(call, script.flags, only_reads) | RUN_SCRIPT
        self.cache.use(script)
        if self.dispatcher.gate & SERVER_MONITORED:
            self.tell_monitors(call)
        return self.execute(call, self.cache.machine, script.reference, script.digest, flags, keys)

    # The debugger

    cdef int debug(self, Call call, bint by_digest, bint only_reads) except -1:
        cdef Connection connection = call.connection
        if by_digest:
            raise CommandError(errors.EVALSHA_IN_DEBUGGER)
        if connection.transaction is not None:
            raise CommandError(errors.DEBUGGER_IN_TRANSACTION)
        link = ClientLink(connection, self.server)
        try:
            return self.debug_through(call, only_reads, link)
        finally:
            link.release()

    cdef int debug_through(self, Call call, bint only_reads, object link) except -1:
        cdef Connection connection = call.connection
        # What was answered before goes out before.
        if out_pending(&connection.out):
            link.write(out_bytes(&connection.out, out_pending(&connection.out)))
            out_clear(&connection.out)
        if self.debuggers[connection.id] == "yes":
            if self.debugging.fork(connection):
                return self.debug_in_child(call, only_reads, link)
            if connection.secure is not None:
                connection.secure.give_away()
            self.loop.close(connection)
            return 0
        self.server.log.notice("Redpoll synchronous debugging eval session started")
        session = self.begin_session(call, link)
        try:
            return self.run_script(call, False, only_reads)
        finally:
            inspection.end()
            session.finish()
            self.server.log.notice("Redpoll synchronous debugging eval session ended")
            self.loop.close_after_reply(connection)

    def begin_session(self, Call call, link):
        """The debugger of EVAL's script."""
        session = Debugger(
            call.word(1), link, limit_us=self.threshold_us or DEBUG_LIMIT_US, now_us=lambda: monotonic_microseconds()
        )
        inspection.begin(session)
        return session

    cdef int debug_in_child(self, Call call, bint only_reads, object link) except -1:
        """Never comes back."""
        cdef Connection connection = call.connection
        cdef Connection other
        cdef bytes text
        try:
            # Nobody else is there for this process.
            for other in self.loop.connections.values():
                other.closed = other is not connection
            self.dispatcher.gate &= ~<uint32_t>SERVER_MONITORED
            session = self.begin_session(call, link)
            try:
                self.run_script(call, False, only_reads)
            except CommandError as error:
                text = str(error).encode("utf-8", "surrogateescape")
                reply_error(call.out, text, len(text))
            inspection.end()
            session.finish()
            link.write(out_bytes(&connection.out, out_pending(&connection.out)))
            self.server.log.notice("Lua debugging session child exiting")
        except BaseException as error:
            self.server.internal_error("Command eval", error)
        finally:
            os._exit(0)

    def tell_monitors(self, Call call):
        """Before the script's own commands."""
        routine = (<Connection>call.connection).last
        self.server.clients.tell_monitors(call.connection, routine.command, call.args, runs_commands=True)

    # Others meanwhile

    def kill(self, bint is_function):
        """SCRIPT KILL, FUNCTION KILL. Raises `CommandError`."""
        cdef State* state = self.host.state
        if self.host.caller is None or state == NULL:
            raise CommandError(errors.NO_SCRIPT_RUNS)
        if self.host.is_function != is_function:
            raise CommandError(errors.BUSY_FUNCTION if self.host.is_function else errors.BUSY_SCRIPT)
        if state.wrote:
            raise CommandError(errors.UNKILLABLE)
        state.killed = True

    def running_words(self):
        """The command that called what is slow."""
        return self.host.slow_words

    @property
    def busy_text(self) -> str:
        """What others are told while a script is slow."""
        return errors.BUSY_FUNCTION if self.host.is_function else errors.BUSY_SCRIPT
