"""Keys that clients cache (CLIENT TRACKING): who may hold what, and telling them when it changes.

By default the keys that a client reads are remembered, and it is told once when one of them changes; then the key is
forgotten until it is read again. A client that broadcasts is told of every key that begins like one of its prefixes,
once a turn of the loop, whatever it reads. Keys are names: a key of the same name in another database is the same here,
as in Redis.

A message is a push in RESP3. For RESP2 another connection hears it, as a message on the channel `__redis__:invalidate`.
"""

from libc.stdint cimport uint32_t, uint64_t
from cpython.bytes cimport PyBytes_FromStringAndSize

from redpoll.server.connection cimport GATE_MULTI, GATE_SUBSCRIBED, GATE_TRACKING, Connection
from redpoll.server.routine cimport Routine
from redpoll.wire.output cimport Out
from redpoll.wire.reply cimport reply_value

from redpoll import errors
from redpoll.commands import flags as command_flags
from redpoll.commands.declare import get_keys
from redpoll.errors import CommandError
from redpoll.wire.values import Push

cdef uint64_t FLAG_READONLY = command_flags.READONLY
cdef uint64_t FLAG_MOVABLE = command_flags.MOVABLE_KEYS
cdef bytes CHANNEL = b"__redis__:invalidate"

cdef enum:
    PREFIX_BYTES = 128           # that a client's prefix occupies, about


cdef class Tracked:
    def __init__(self):
        self.prefixes = {}

    @property
    def bytes_held(self) -> int:
        """What the prefixes occupy, about."""
        return len(self.prefixes) * PREFIX_BYTES

    def flags(self):
        """The names in CLIENT TRACKINGINFO."""
        return [name for name, given in (
            (b"on", True), (b"bcast", self.broadcast), (b"optin", self.opt_in), (b"optout", self.opt_out),
            (b"caching-yes", self.caching and self.opt_in), (b"caching-no", self.caching and self.opt_out),
            (b"noloop", self.no_loop), (b"broken_redirect", self.broken),
        ) if given]


cdef class Reads(Tracker):
    cdef void ran(self, Connection connection, Request* request) noexcept:
        cdef Tracked own = connection.tracking
        cdef Routine routine = <Routine>request.routine
        if own is None:
            return
        if not own.broadcast and routine.flags & FLAG_READONLY and (
                own.caching if own.opt_in else not (own.opt_out and own.caching)):
            self.tracking.remember(connection, request)
        # CLIENT CACHING is about the next command that is not CLIENT, or all of the transaction that it begins.
        if own.caching and not connection.gate & GATE_MULTI and not routine.name.startswith("client|"):
            own.caching = False


cdef class Tracking(KeyListener):
    """The clients of one server that track keys."""

    def __init__(self, server, Changes changes):
        self.server = server
        self.changes = changes
        self.dispatcher = server.dispatcher
        self.loop = server.loop
        self.clients = {}
        self.keys = {}
        self.prefixes = {}
        self.altered = {}
        self.reads = Reads()
        self.reads.tracking = self
        self.dispatcher.tracker = self.reads
        changes.listen_to_keys(self)
        changes.listen_to_databases(self)

    # Switching it on and off

    def start(self, Connection connection, *, bint broadcast, bint opt_in, bint opt_out, bint no_loop, redirect,
              list prefixes):
        """CLIENT TRACKING ON. Raises `CommandError`."""
        cdef Tracked own = connection.tracking
        if own is not None and own.broadcast != broadcast:
            raise CommandError(errors.TRACKING_MODE)
        if broadcast and (opt_in or opt_out):
            raise CommandError(errors.TRACKING_OPT_BCAST)
        if opt_in and opt_out:
            raise CommandError(errors.TRACKING_OPT_BOTH)
        if own is not None and ((opt_in and own.opt_out) or (opt_out and own.opt_in)):
            raise CommandError(errors.TRACKING_OPT_MODE)
        self.check_prefixes(own, prefixes)
        if own is None:
            own = connection.tracking = Tracked()
            connection.gate |= GATE_TRACKING
            self.clients[connection.id] = connection
        own.broadcast, own.opt_in, own.opt_out, own.no_loop = broadcast, opt_in, opt_out, no_loop
        own.redirect = redirect
        own.broken = own.caching = False
        if broadcast:
            for prefix in prefixes or ([] if own.prefixes else [b""]):
                own.prefixes[prefix] = None
                self.prefixes.setdefault(prefix, {})[connection] = None
        self.follow()

    @staticmethod
    def check_prefixes(Tracked own, list prefixes):
        """Raises `CommandError` for prefixes of which one begins like another."""
        for number, prefix in enumerate(prefixes):
            for old in own.prefixes if own is not None else ():
                if prefix.startswith(old) or old.startswith(prefix):
                    if prefix != old:
                        raise CommandError(errors.prefix_overlap(prefix, old, "an existing"))
            for other in prefixes[number + 1:]:
                if prefix.startswith(other) or other.startswith(prefix):
                    raise CommandError(errors.prefix_overlap(prefix, other, "another provided"))

    def stop(self, Connection connection):
        """CLIENT TRACKING OFF, or the client is gone. What is remembered of it goes as its keys change."""
        cdef Tracked own = connection.tracking
        if own is None:
            return
        connection.tracking = None
        connection.gate &= ~<uint32_t>GATE_TRACKING
        del self.clients[connection.id]
        for prefix in own.prefixes:
            members = self.prefixes[prefix]
            del members[connection]
            if not members:
                del self.prefixes[prefix]
                self.altered.pop(prefix, None)
        if not self.clients:
            self.keys = {}
            self.items = 0
        self.follow()

    def follow(self):
        """Hear of changes while there is somebody to be told."""
        self.listening = bool(self.clients)
        self.changes.follow()

    # Remembering

    cdef int remember(self, Connection connection, Request* request) except -1:
        cdef Routine routine = <Routine>request.routine
        cdef object command = routine.command
        cdef Py_ssize_t at, last, step
        cdef bytes key
        cdef list words
        found = []
        if routine.flags & FLAG_MOVABLE:
            words = [request.argv[at].ptr[:request.argv[at].len] for at in range(<Py_ssize_t>request.argc)]
            try:
                found = [words[place] for place, _ in get_keys(command, words)]
            except CommandError:
                return 0
        elif routine.first_key > 0:
            last, step = command.last_key, command.key_step
            if last < 0:
                last += <Py_ssize_t>request.argc
            for at in range(routine.first_key, last + 1, step):
                if at < <Py_ssize_t>request.argc:
                    found.append(PyBytes_FromStringAndSize(request.argv[at].ptr, request.argv[at].len))
        for key in found:
            holders = self.keys.get(key)
            if holders is None:
                holders = self.keys[key] = {}
            if connection.id not in holders:
                holders[connection.id] = None
                self.items += 1
        self.keep_within(self.server.config.tracking_table_max_keys)
        return 0

    def keep_within(self, size_t most):
        """Forget keys, oldest first, telling those who may hold them, until no more are left than this; 0: all may."""
        while most and <size_t>len(self.keys) > most:
            self.forget_key(next(iter(self.keys)), NULL)

    # Told by `Changes`

    cdef void changed(self, const char* key, size_t length) noexcept:
        cdef bytes name = PyBytes_FromStringAndSize(key, length)
        if name in self.keys:
            self.forget_key(name, self.dispatcher.running)
        if self.prefixes:
            self.note(name)

    cdef int forget_key(self, bytes key, void* changer) except -1:
        """Tell those who may hold a key that it is another now. `changer`: the client that changed it, or NULL."""
        cdef Connection connection
        cdef Tracked own
        holders = self.keys.pop(key)
        self.items -= len(holders)
        for number in holders:
            connection = self.clients.get(number)
            if connection is None:
                continue
            own = connection.tracking
            if own.broadcast or (own.no_loop and <void*>connection == changer):
                continue
            self.send(connection, [key])
        return 0

    cdef int note(self, bytes key) except -1:
        """A key changed that some prefixes may be of; those are told when the turn ends."""
        cdef bytes prefix
        cdef object changer = 0
        if self.dispatcher.running != NULL:
            changer = (<Connection>self.dispatcher.running).id
        for prefix in self.prefixes:
            if key.startswith(prefix):
                if not self.altered:
                    self.loop.turn_end_wanted = True
                self.altered.setdefault(prefix, {})[key] = changer
        return 0

    def turn_ended(self):
        """Tell those with prefixes what changed in the turn."""
        altered, self.altered = self.altered, {}
        for prefix, keys in altered.items():
            for connection in list(self.prefixes.get(prefix, ())):
                if connection.tracking.no_loop:
                    own = [key for key, changer in keys.items() if changer != connection.id]
                else:
                    own = list(keys)
                if own:
                    self.send(connection, own)

    def flushing(self, int index):
        """All that anybody holds may be gone."""
        self.flush_wanted = True

    def swapping(self, int one, int other):
        """Names stay, as far as anybody caches them: nothing is told, as in Redis."""

    def database_changed(self, int index):
        """Told once for all databases that one command empties."""
        if not self.flush_wanted:
            return
        self.flush_wanted = False
        for connection in list(self.clients.values()):
            self.send(connection, None)
        self.keys = {}
        self.items = 0

    # Telling

    cdef int send(self, Connection connection, keys) except -1:
        """Tell a client, or whom it redirects to, that these keys are others now; None: all keys."""
        cdef Tracked own = connection.tracking
        cdef Connection target = connection
        if own.redirect:
            target = self.server.clients.by_id(own.redirect)
            if target is None:
                if not own.broken:
                    own.broken = True
                    if connection.out.resp == 3:
                        self.write(connection, Push.of(b"tracking-redir-broken", own.redirect))
                return 0
        if target.out.resp == 3:
            self.write(target, Push.of(b"invalidate", keys))
        elif own.redirect and target.gate & GATE_SUBSCRIBED:
            self.write(target, Push.of(b"message", CHANNEL, keys))
        return 0

    cdef int write(self, Connection connection, value) except -1:
        cdef Out* out = &connection.out
        if <void*>connection == self.dispatcher.running:
            out = &self.dispatcher.pushes
            out.resp = connection.out.resp
        reply_value(out, value)
        self.loop.sent_out_of_turn(connection)
        return 0

    # For INFO

    @property
    def prefix_count(self) -> int:
        """Prefixes that somebody tracks."""
        return len(self.prefixes)
