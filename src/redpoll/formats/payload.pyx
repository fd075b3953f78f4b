"""DUMP payloads: a value, the version of RDB, and a checksum; formats/rdb.pxd has the layout."""

from libc.stdint cimport int64_t, uint8_t, uint16_t, uint64_t
from libc.string cimport memcpy

from redpoll.engine.entry cimport Entry
from redpoll.engine.keyspace cimport Database
from redpoll.formats.crc64 cimport crc64
from redpoll.formats.rdb cimport RDB_FOOTER, RDB_VERSION_VALKEY, rdb_version_known
from redpoll.formats.rdb_input cimport Source, source_free, source_of_memory
from redpoll.formats.rdb_output cimport Output, output_free, output_init, put_footer
from redpoll.formats.rdb_read cimport read_value, reader_free, reader_init, value_store
from redpoll.formats.rdb_write cimport write_value
from redpoll.formats.reading cimport READ_EMPTY, READ_FAILED, Reader, ReadResult, Value


# For tests that bring damaged payloads and reckon no checksums.
cdef bint verifying = True


def verify_checksums(bint wanted):
    """Whether payloads with a wrong checksum are refused."""
    global verifying
    verifying = wanted


cdef int payload_version(const char* payload, size_t size, bint any_version) noexcept nogil:
    cdef uint64_t checksum
    cdef uint16_t version
    if size < RDB_FOOTER:
        return -1
    memcpy(&version, payload + size - RDB_FOOTER, 2)
    memcpy(&checksum, payload + size - 8, 8)
    # Redis 8.10 makes none for what it tells its replicas, and takes none as right.
    if not (any_version or rdb_version_known(version)) or (
            verifying and checksum and crc64(0, payload, size - 8) != checksum):
        return -1
    return version


class BadPayload(ValueError):
    """A payload that is no value; the text says why, and at which byte."""


def dump(Database db, bytes key, *, bint compressing=True, bint valkey=False):
    """The payload of a key's value, or None. `valkey`: for Valkey, where it has types of its own."""
    cdef Entry** slot = db.find(key, len(key), db.hash_of(key, len(key)))
    cdef Output out
    if slot == NULL:
        return None
    output_init(&out)
    out.compressing = compressing
    out.valkey = valkey
    write_value(&out, slot[0])
    put_footer(&out, 0)
    try:
        return out.data[:out.length]
    finally:
        output_free(&out)


def restore(Database db, bytes key, bytes payload, int64_t expiry=-1):
    """Set a key to the value of a payload, whatever it was before. Raises `BadPayload`, and changes nothing then."""
    cdef const char* data = payload
    cdef size_t size = len(payload)
    cdef int version = payload_version(data, size, False)
    cdef uint64_t hash = db.hash_of(key, len(key))
    cdef Source source
    cdef Reader reader
    cdef Value value
    cdef ReadResult result = READ_EMPTY
    if version < 0:
        raise BadPayload("the version or the checksum is wrong")
    source_of_memory(&source, data, size - RDB_FOOTER)
    reader_init(&reader, &source, db.keyspace)
    reader.valkey = version >= RDB_VERSION_VALKEY
    reader.careful = True
    if size > RDB_FOOTER:
        source.at += 1
        result = read_value(&reader, <uint8_t>data[0], &value)
    reader_free(&reader)
    try:
        if result == READ_EMPTY:
            raise BadPayload("a collection without elements")
        if result == READ_FAILED:
            raise BadPayload(f"{(<bytes>source.reason).decode()}, at byte {source.failed_at}")
        value_store(&value, db, db.write(key, len(key), hash), key, len(key), hash, expiry)
    finally:
        source_free(&source)
