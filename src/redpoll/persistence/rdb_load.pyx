"""Loading an RDB file into a keyspace."""

from libc.stdint cimport int64_t, uint32_t, uint64_t

from redpoll.engine.entry cimport Entry, entry_set_clock
from redpoll.engine.keyspace cimport CLOCK_LFU, Database, Keyspace
from redpoll.engine.table cimport table_reserve
from redpoll.formats.rdb_read cimport value_drop, value_store
from redpoll.formats.reading cimport READ_EMPTY
from redpoll.persistence.rdb_reader cimport RdbReader

cdef enum:
    CLOCK_MOST = 0xFFFFFF
    KEY_LEAST = 3                # bytes of the record of a key
    ROOM_FROM = 1000
    EMPTY_TOLD = 100             # keys that are named


cdef class Loaded:
    """What loading brought: counts of keys, and what stood in the file besides."""
    cdef readonly uint64_t keys
    cdef readonly uint64_t expired           # keys that were left out: their time had come
    cdef readonly uint64_t empty             # collections without elements, left out
    cdef readonly uint64_t bytes
    cdef readonly int version
    cdef readonly dict aux
    cdef readonly list functions
    cdef readonly list warnings


cdef void set_access(Keyspace keyspace, Entry* e, int64_t idle, int frequency) noexcept:
    cdef uint32_t clock = keyspace.clock
    if keyspace.clock_kind == CLOCK_LFU:
        if frequency >= 0:
            entry_set_clock(e, (clock << 8) | <uint32_t>frequency)
    elif idle >= 0:
        if idle > clock:
            entry_set_clock(e, (clock + CLOCK_MOST // 2) % CLOCK_MOST)
        else:
            entry_set_clock(e, clock - <uint32_t>idle)


cdef void make_room(Database db, RdbReader reader) noexcept:
    """Make the table of a database as large as it will be, so that it need not grow on the way."""
    cdef uint64_t keys = reader.told_keys
    cdef uint64_t most = reader.source.total // KEY_LEAST
    if keys > most:
        keys = most
    if db.table.used == 0 and keys > ROOM_FROM:
        table_reserve(&db.table, keys)


def load(Keyspace keyspace, RdbReader reader, *, bint keep_expired=False, bint replacing=False, object progress=None,
         uint64_t progress_bytes=2 << 20, object pause=None):
    """Read the whole file of a reader that is not open yet into the keyspace; returns what was `Loaded`.

    Keys whose time has come before `keyspace.now` are left out unless `keep_expired`. A key that is there already is an
    error unless `replacing`. `progress(position)` is called about every `progress_bytes`, `pause(answering)` after
    every key. Raises `DamagedFile`; what was loaded until then is in the keyspace.
    """
    cdef Loaded loaded = Loaded()
    cdef Database db = None
    cdef int database = -1
    cdef int databases = len(keyspace.databases)
    cdef uint64_t hash
    cdef uint64_t next_progress = progress_bytes
    cdef Entry** slot
    reader.open()
    loaded.version = reader.version
    loaded.aux = reader.aux
    loaded.functions = reader.functions
    loaded.warnings = reader.warnings
    while reader.advance():
        if reader.database != database:
            if reader.database >= databases:
                value_drop(&reader.value)
                reader.refuse(f"a key of database {reader.database}, but there are only {databases}; "
                              f"raise the directive 'databases'")
            database = reader.database
            db = keyspace.databases[database]
            make_room(db, reader)
        if reader.result == READ_EMPTY:
            loaded.empty += 1
            if loaded.empty <= EMPTY_TOLD:
                name = reader.current_key().decode("utf-8", "backslashreplace")
                reader.warnings.append(f"skipping empty key: {name}")
        elif 0 <= reader.expiry < keyspace.now and not keep_expired:
            value_drop(&reader.value)
            loaded.expired += 1
        else:
            hash = db.hash_of(reader.key.text, reader.key.length)
            slot = db.find(reader.key.text, reader.key.length, hash)
            if slot != NULL:
                if not replacing:
                    value_drop(&reader.value)
                    reader.refuse("a key that was there already")
                db.remove(slot, hash)
            slot = value_store(&reader.value, db, NULL, reader.key.text, reader.key.length, hash, reader.expiry)
            if reader.idle >= 0 or reader.frequency >= 0:
                set_access(keyspace, slot[0], reader.idle, reader.frequency)
            loaded.keys += 1
        if pause is not None:
            pause(progress is not None)
        if progress is not None and reader.position >= next_progress:
            progress(reader.position)
            next_progress = reader.position + progress_bytes
    loaded.bytes = reader.position
    return loaded
