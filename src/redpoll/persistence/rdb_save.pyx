"""Whole RDB files, written at once from a keyspace that nothing changes meanwhile.

The file grows beside the one that it replaces, is given to the disk as it grows, and takes the other's name only when
all of it is there.
"""

import os

from libc.errno cimport EINTR, errno
from libc.stdint cimport int64_t, uint64_t

from redpoll.engine.entry cimport ENC_BLOB, Entry, entry_encoding, entry_value
from redpoll.engine.keyspace cimport Database, Keyspace
from redpoll.engine.table cimport Table, table_buckets, table_visit_bucket
from redpoll.formats.crc64 cimport crc64
from redpoll.formats.rdb cimport (
    RDB_END, RDB_FREQUENCY, RDB_FUNCTION, RDB_IDLE, RDB_RESIZE, RDB_SELECT, RDB_VERSION_FIELDS, RDB_VERSION_SETS,
)
from redpoll.formats.rdb_output cimport (
    Output, output_free, output_init, put_aux, put_byte, put_bytes, put_fixed64, put_length, put_text,
)
from redpoll.formats.rdb_write cimport write_entry

cdef extern from "<unistd.h>" nogil:
    ssize_t write(int descriptor, const void* buffer, size_t size)
    int usleep(unsigned int microseconds)

cdef extern from "<fcntl.h>" nogil:
    int sync_file_range(int descriptor, int64_t offset, int64_t size, unsigned int flags)
    unsigned int SYNC_FILE_RANGE_WRITE

cdef extern from *:
    """
    #define redpoll_prefetch(p) __builtin_prefetch(p)
    """
    void prefetch "redpoll_prefetch"(const void* place) noexcept nogil

cdef enum:
    FLUSH_ABOVE = 1 << 20
    SYNC_ABOVE = 32 << 20
    AHEAD = 6                    # buckets whose entries are asked for before their turn


cdef void put_magic(Output* out, int version) noexcept nogil:
    put_bytes(out, b"REDIS00", 7)
    put_byte(out, <unsigned char>(48 + version // 10))
    put_byte(out, <unsigned char>(48 + version % 10))


cdef void put_database(Output* out, uint64_t index, uint64_t keys, uint64_t expires) noexcept nogil:
    put_byte(out, RDB_SELECT)
    put_length(out, index)
    put_byte(out, RDB_RESIZE)
    put_length(out, keys)
    put_length(out, expires)


cdef void put_function(Output* out, const char* library, size_t length) noexcept nogil:
    put_byte(out, RDB_FUNCTION)
    put_text(out, library, length)


cdef void put_end(Output* out, uint64_t crc, bint counting) noexcept nogil:
    put_byte(out, RDB_END)
    put_fixed64(out, crc64(crc, out.data, out.length) if counting else 0)


# A file under way.
cdef struct Sink:
    Output out
    int descriptor
    bint counting
    bint syncing
    uint64_t crc
    uint64_t written
    uint64_t synced
    uint64_t keys
    unsigned int delay           # microseconds after each key
    int failed                   # errno of a write


cdef bint flush(Sink* sink) noexcept nogil:
    if sink.counting:
        sink.crc = crc64(sink.crc, sink.out.data, sink.out.length)
    return write_all(sink)


cdef bint write_all(Sink* sink) noexcept nogil:
    cdef size_t done = 0
    cdef ssize_t wrote
    while done < sink.out.length and not sink.failed:
        wrote = write(sink.descriptor, sink.out.data + done, sink.out.length - done)
        if wrote >= 0:
            done += wrote
        elif errno != EINTR:
            sink.failed = errno
    sink.written += done
    sink.out.length = 0
    if sink.syncing and sink.written - sink.synced > SYNC_ABOVE:
        # Only begun here, so that the fsync at the end has little left to wait for.
        sync_file_range(sink.descriptor, sink.synced, sink.written - sink.synced, SYNC_FILE_RANGE_WRITE)
        sink.synced = sink.written
    return sink.failed == 0


cdef void write_visited(void* context, Entry* e) noexcept nogil:
    cdef Sink* sink = <Sink*>context
    write_entry(&sink.out, e)
    sink.keys += 1
    if sink.delay:
        usleep(sink.delay)


cdef void prefetch_entry(void* context, Entry* e) noexcept nogil:
    prefetch(e)


cdef void prefetch_value(void* context, Entry* e) noexcept nogil:
    if entry_encoding(e) >= ENC_BLOB:
        prefetch(entry_value(e))


cdef bint write_table(Sink* sink, const Table* table) noexcept nogil:
    cdef size_t buckets = table_buckets(table)
    cdef size_t i
    for i in range(min(buckets, <size_t>AHEAD)):
        table_visit_bucket(table, i, prefetch_entry, NULL)
    for i in range(buckets):
        if i + AHEAD < buckets:
            table_visit_bucket(table, i + AHEAD, prefetch_entry, NULL)
        if i + AHEAD // 2 < buckets:
            table_visit_bucket(table, i + AHEAD // 2, prefetch_value, NULL)
        table_visit_bucket(table, i, write_visited, sink)
        if sink.out.length > FLUSH_ABOVE and not flush(sink):
            return False
    return True


def file_version(Keyspace keyspace) -> int:
    """The least version that all values can be told in, as far as the keyspace tells."""
    cdef Database db
    for db in keyspace.databases:
        if db.field_index != NULL:
            return RDB_VERSION_FIELDS
    return RDB_VERSION_SETS


def write_file(Keyspace keyspace, int descriptor, *, dict aux, list functions=None, bint compressing=True,
               bint counting=True, bint syncing=True, str access="", int64_t delay=0):
    """Write everything to a descriptor; returns (keys, bytes). Raises `OSError`.

    `aux` are names and texts that stand first. `access` says what is told of keys' last access: "idle", "frequency" or
    "" for nothing. `delay`: microseconds to wait after each key.
    """
    cdef Sink sink
    cdef Database db
    cdef bint fine
    cdef bytes name, text
    output_init(&sink.out)
    sink.out.compressing = compressing
    sink.out.clock = keyspace.clock
    sink.out.lfu_decay_time = keyspace.lfu_decay_time
    sink.out.access = {"": 0, "idle": RDB_IDLE, "frequency": RDB_FREQUENCY}[access]
    sink.descriptor = descriptor
    sink.counting = counting
    sink.syncing = syncing
    sink.delay = <unsigned int>delay if delay > 0 else 0
    sink.crc = sink.written = sink.synced = sink.keys = 0
    sink.failed = 0
    try:
        put_magic(&sink.out, file_version(keyspace))
        for name, text in aux.items():
            put_aux(&sink.out, name, text, len(text))
        for text in functions or ():
            put_function(&sink.out, text, len(text))
        for db in keyspace.databases:
            if len(db) == 0:
                continue
            put_database(&sink.out, db.index, len(db), db.expires)
            with nogil:
                fine = write_table(&sink, &db.table)
            if not fine:
                break
        if not sink.failed:
            put_end(&sink.out, sink.crc, counting)
            write_all(&sink)
        if sink.failed:
            raise OSError(sink.failed, os.strerror(sink.failed))
    finally:
        output_free(&sink.out)
    return sink.keys, sink.written


def save_file(Keyspace keyspace, str folder, str name, **options):
    """Write a file of that name, in place of one that is there only once it is whole; returns (keys, bytes).

    Options are those of `write_file`. Raises `OSError`; nothing is left behind then.
    """
    folder = folder or "."
    path = os.path.join(folder, name)
    temporary = os.path.join(folder, f"temp-{os.getpid()}.rdb")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o644)
    try:
        try:
            result = write_file(keyspace, descriptor, **options)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        os.rename(temporary, path)
    except BaseException:
        try:
            os.unlink(temporary)
        except OSError:
            pass
        raise
    sync_folder(folder)
    return result


def sync_folder(str folder):
    """Have the names of files in a folder survive a crash."""
    descriptor = os.open(folder or ".", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
