"""DUMP and RESTORE: values as bytes, as in RDB files."""

from libc.stdint cimport int64_t, uint32_t, uint64_t

from redpoll.commands.call cimport EVENT_GENERIC, Call, native
from redpoll.engine.entry cimport Entry, entry_set_clock
from redpoll.engine.keyspace cimport CLOCK_LFU, due_time
from redpoll.formats.payload cimport payload_version
from redpoll.formats.rdb cimport RDB_FOOTER, RDB_VERSION_VALKEY
from redpoll.formats.rdb_input cimport Source, source_free, source_of_memory, source_position
from redpoll.formats.rdb_output cimport Output, output_free, output_init, put_footer
from redpoll.formats.rdb_read cimport read_value, reader_free, reader_init, value_drop, value_store
from redpoll.formats.reading cimport READ_WHOLE, Reader, ReadResult, Value
from redpoll.formats.rdb_write cimport write_value
from redpoll.wire.reply cimport reply_bulk, reply_null, reply_ok

from redpoll import errors
from redpoll.commands.declare import declare
from redpoll.commands.flags import ASKING, DENYOOM, READONLY, WRITE
from redpoll.errors import CommandError

cdef enum:
    CLOCK_MOST = 0xFFFFFF
    FREQUENCY_MOST = 255

cdef struct RestoreOptions:
    bint replace
    bint absolute
    int64_t ttl
    int64_t idle                 # -1: not given
    int64_t frequency


cdef int dump(Call call) except -1:
    cdef Entry** slot = call.read(1)
    cdef Output out
    if slot == NULL:
        reply_null(call.out)
        return 0
    output_init(&out)
    out.compressing = call.server.config.rdbcompression
    write_value(&out, slot[0])
    put_footer(&out, 0)
    reply_bulk(call.out, out.data, out.length)
    output_free(&out)
    return 0

declare(
    "DUMP key", native(dump), summary="Return the value at a key in serialized form.", group="generic", since="2.6.0",
    flags=READONLY, complexity="O(N) where N is the size of the value", tips="nondeterministic_output",
)


cdef int read_restore_options(Call call, RestoreOptions* options) except -1:
    cdef size_t i = 4
    options.replace = options.absolute = False
    options.idle = options.frequency = -1
    while i < call.argc:
        if call.word_is(i, b"REPLACE", 7):
            options.replace = True
        elif call.word_is(i, b"ABSTTL", 6):
            options.absolute = True
        elif call.word_is(i, b"IDLETIME", 8) and i + 1 < call.argc and options.frequency == -1:
            i += 1
            call.integer(i, &options.idle)
            if options.idle < 0:
                raise CommandError(errors.NEGATIVE_IDLE_TIME)
        elif call.word_is(i, b"FREQ", 4) and i + 1 < call.argc and options.idle == -1:
            i += 1
            call.integer(i, &options.frequency)
            if not 0 <= options.frequency <= FREQUENCY_MOST:
                raise CommandError(errors.BAD_FREQUENCY)
        else:
            raise CommandError(errors.SYNTAX)
        i += 1
    return 0


cdef void set_access(Call call, Entry* e, const RestoreOptions* options) noexcept:
    cdef uint32_t clock = call.keyspace.clock
    if call.keyspace.clock_kind == CLOCK_LFU:
        if options.frequency >= 0:
            entry_set_clock(e, (clock << 8) | <uint32_t>options.frequency)
    elif options.idle >= 0:
        # As far back as the clock can tell.
        if options.idle > clock:
            entry_set_clock(e, (clock + CLOCK_MOST // 2) % CLOCK_MOST)
        else:
            entry_set_clock(e, clock - <uint32_t>options.idle)


cdef int read_payload(Call call, Source* source, Value* value) except -1:
    """Read the value at the third word; an embedded text lies in the source's memory, which the caller frees."""
    cdef const char* payload = call.argv[3].ptr
    cdef size_t size = call.argv[3].len
    cdef int version = payload_version(payload, size, call.server.config.rdb_version_check == "relaxed")
    cdef Reader reader
    cdef ReadResult result
    if version < 0:
        raise CommandError(errors.BAD_PAYLOAD)
    source_of_memory(source, payload, size - RDB_FOOTER)
    reader_init(&reader, source, call.keyspace)
    reader.valkey = version >= RDB_VERSION_VALKEY
    reader.careful = True
    if size == RDB_FOOTER:
        raise CommandError(errors.BAD_DATA)
    source.at += 1
    result = read_value(&reader, <unsigned char>payload[0], value)
    reader_free(&reader)
    if result != READ_WHOLE:
        reason = "a collection without elements" if source.reason == NULL else (<bytes>source.reason).decode()
        position = source_position(source) if source.reason == NULL else source.failed_at
        source_free(source)
        call.server.log.verbose(f"RESTORE refused a payload of type {<unsigned char>payload[0]}, its "
                                f"integrity check failed: {reason}, at byte {position}")
        raise CommandError(errors.BAD_DATA)
    return 0


cdef int restore(Call call) except -1:
    cdef RestoreOptions options
    cdef Value value
    cdef Source source
    cdef Entry** slot
    cdef int64_t expiry = -1
    cdef bint deleted = False
    cdef uint64_t hash = call.hash_of(1)
    read_restore_options(call, &options)
    slot = call.find(1)
    if slot != NULL and not options.replace:
        raise CommandError(errors.BUSY_KEY)
    call.integer(2, &options.ttl)
    if options.ttl < 0:
        raise CommandError(errors.NEGATIVE_TTL)
    read_payload(call, &source, &value)
    if options.ttl:
        expiry = options.ttl if options.absolute else options.ttl + call.keyspace.now
    slot = call.write(1)
    if slot != NULL:
        call.db.remove(slot, hash)
        deleted = True
    if expiry >= 0 and options.absolute and expiry <= due_time(call.keyspace):
        # It is past its time already: all that there is to do is done.
        value_drop(&value)
        source_free(&source)
        if deleted:
            call.changed(EVENT_GENERIC, b"del", 1)
            call.say_deleted(1)
        reply_ok(call.out)
        return 0
    slot = value_store(&value, call.db, NULL, call.argv[1].ptr, call.argv[1].len, hash, expiry)
    source_free(&source)
    set_access(call, slot[0], &options)
    call.changed(EVENT_GENERIC, b"restore", 1)
    if options.ttl and not options.absolute and call.keyspace.propagating:
        words = call.args
        words[2] = b"%d" % expiry
        words.append(b"ABSTTL")
        call.instead(words)
    reply_ok(call.out)
    return 0

declare(
    "RESTORE key ttl serialized-value [REPLACE] [ABSTTL] [IDLETIME seconds] [FREQ frequency]", native(restore),
    summary="Create a key from a serialized value.", group="generic", since="2.6.0", flags=WRITE | DENYOOM,
    complexity="O(N) where N is the size of the value, O(N log N) for sorted sets", keys="OW update",
    categories="dangerous", added={"3.0.0": "REPLACE", "5.0.0": "ABSTTL IDLETIME FREQ"},
)
declare(
    "RESTORE-ASKING key ttl serialized-value [REPLACE] [ABSTTL] [IDLETIME seconds] [FREQ frequency]", native(restore),
    summary="Create a key from a serialized value while its slot migrates.", group="server", since="3.0.0",
    flags=WRITE | DENYOOM | ASKING, complexity="O(N) where N is the size of the value, O(N log N) for sorted sets",
    keys="OW update", categories="keyspace dangerous", added={"3.0.0": "REPLACE", "5.0.0": "ABSTTL IDLETIME FREQ"},
    syscmd=True,
)
