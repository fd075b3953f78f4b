"""RDB files key by key, from a descriptor that is read once from front to back.

Loading and checking are built on it. Whatever is wrong ends in `DamagedFile`, with the offset, the key under way and
the reason.
"""

from typing import NamedTuple

from libc.errno cimport EINTR, errno
from libc.stdint cimport int64_t, uint8_t, uint64_t
from libc.string cimport memcmp
from cpython.bytes cimport PyBytes_FromStringAndSize

from redpoll.engine.entry cimport TYPE_ARRAY, TYPE_HASH, TYPE_LIST, TYPE_SET, TYPE_STREAM, TYPE_STRING, TYPE_ZSET
from redpoll.engine.keyspace cimport Keyspace
from redpoll.formats.rdb cimport (
    RDB_AUX, RDB_END, RDB_EXPIRY, RDB_EXPIRY_MS, RDB_FREQUENCY, RDB_FUNCTION, RDB_FUNCTION_EARLY,
    RDB_HASH_TEMPLATE_RECORD, RDB_IDLE, RDB_KEY_META, RDB_MODULE_AUX, RDB_RESIZE, RDB_SELECT, RDB_SLOT_INFO,
    rdb_version_known,
)
from redpoll.formats.rdb_input cimport (
    Source, Text, source_byte, source_bytes, source_checksum, source_fail, source_fixed32, source_fixed64, source_free,
    source_key, source_length, source_of_stream, source_position, source_skip_text, source_text, source_text_kept,
)
from redpoll.formats.rdb_hash cimport read_template
from redpoll.formats.rdb_read cimport (
    read_value, reader_free, reader_init, value_drop, value_elements, value_encoding,
)
from redpoll.formats.reading cimport READ_EMPTY, READ_FAILED

cdef extern from "<unistd.h>" nogil:
    ssize_t read(int descriptor, void* buffer, size_t size)

cdef enum:
    BUFFER = 1 << 20
    MAGIC_BYTES = 9
    CHECKSUM_SINCE = 5
    OPCODES_FROM = 242
    MODULE_END = 0
    MODULE_SIGNED = 1
    MODULE_UNSIGNED = 2
    MODULE_FLOAT = 3
    MODULE_DOUBLE = 4
    MODULE_STRING = 5
    SECONDS_MOST = 4000000000

cdef const char* BAD_MODULE_DATA = b"data of a module that is damaged"
cdef bytes MODULE_LETTERS = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"


class DamagedFile(Exception):
    """A file that cannot be read on. `offset`: where; `reason`: why; `key`: under way there, or None."""

    def __init__(self, name: str, offset: int, reason: str, key: bytes | None = None, kind: int = -1) -> None:
        where = f" in key {key!r} (type {kind})" if key is not None else ""
        super().__init__(f"{name}: at byte {offset}{where}: {reason}")
        self.offset = offset
        self.reason = reason
        self.key = key
        self.kind = kind


class KeyFacts(NamedTuple):
    """What checking tells of a key: `bytes` are those of its record, `expiry` is -1 for never."""

    database: int
    key: bytes
    rdb_type: int
    type: str
    encoding: str
    elements: int
    bytes: int
    expiry: int


TYPE_NAMES = {
    TYPE_STRING: "string", TYPE_LIST: "list", TYPE_SET: "set", TYPE_ZSET: "zset", TYPE_HASH: "hash",
    TYPE_STREAM: "stream", TYPE_ARRAY: "array",
}


cdef inline int64_t expiry_told(int64_t time) noexcept nogil:
    """-1 stands for never; whatever else is before 1970 is long past."""
    return time if time >= -1 else 0


cdef bint refill_from_file(Source* source, size_t needed) noexcept nogil:
    cdef ssize_t got
    cdef int descriptor = (<int*>source.context)[0]
    while <size_t>(source.end - source.at) < needed:
        got = read(descriptor, <void*>source.end, source.buffer_room - (source.end - source.buffer))
        if got < 0 and errno == EINTR:
            continue
        if got <= 0:
            return False
        source.end += got
    return True


cdef class RdbReader:
    """Reads from a descriptor, which stays the caller's; `size`: bytes that are there, 0 when that is not known.

    `careful`: members that come twice in a packed value are looked for, as `sanitize-dump-payload` asks. `any_version`:
    of newer versions, what is known is read.
    """

    def __cinit__(self, Keyspace keyspace, int descriptor, *, str name="RDB", uint64_t size=0, bint verifying=True,
                  bint careful=False, bint any_version=False):
        self.descriptor = descriptor
        self.name = name
        self.verifying = verifying
        self.any_version = any_version
        source_of_stream(&self.source, refill_from_file, &self.descriptor, BUFFER)
        self.source.total = size
        self.source.counting = verifying
        reader_init(&self.reader, &self.source, keyspace)
        self.reader.careful = careful
        self.aux = {}
        self.functions = []
        self.warnings = []
        self.value.pointer = NULL

    def __dealloc__(self):
        reader_free(&self.reader)
        source_free(&self.source)

    @property
    def position(self):
        """Bytes read so far."""
        return source_position(&self.source)

    @property
    def total(self):
        """Bytes of the file, 0 when that is not known."""
        return self.source.total

    def open(self):
        """Read the magic and the version."""
        cdef char magic[MAGIC_BYTES]
        if not source_bytes(&self.source, magic, MAGIC_BYTES):
            self.refuse("shorter than the first line of an RDB file")
        if memcmp(magic, b"REDIS", 5) == 0:
            digits = magic[5:9]
        elif memcmp(magic, b"VALKEY", 6) == 0:
            digits = magic[6:9]
            self.valkey = self.reader.valkey = True
        else:
            self.refuse("no RDB file: it begins with neither REDIS nor VALKEY")
        if not digits.isdigit() or not (self.any_version or rdb_version_known(int(digits))):
            self.refuse(f"RDB version {digits.decode('latin-1')} is not known; a newer Redpoll may read it, or "
                        "`rdb-version-check relaxed` has this one try")
        self.version = int(digits)

    cdef int refuse(self, str reason) except -1:
        cdef uint64_t offset = source_position(&self.source)
        if self.source.reason != NULL:
            offset = self.source.failed_at
        raise DamagedFile(self.name, offset, reason, self.current_key() if self.in_key else None, self.rdb_type)

    def current_key(self):
        """The key that was read last."""
        return PyBytes_FromStringAndSize(self.key.text, self.key.length)

    def step(self):
        """The next key's `KeyFacts`, its value looked through and dropped; None at the end."""
        cdef uint64_t begin = source_position(&self.source)
        if not self.advance():
            return None
        if self.result == READ_EMPTY:
            return KeyFacts(self.database, self.current_key(), self.rdb_type, "none", "none", 0,
                            source_position(&self.source) - begin, self.expiry)
        facts = KeyFacts(
            self.database, self.current_key(), self.rdb_type, TYPE_NAMES[self.value.type],
            (<bytes>value_encoding(&self.value)).decode(), value_elements(&self.value),
            source_position(&self.source) - begin, self.expiry,
        )
        value_drop(&self.value)
        return facts

    cdef bint advance(self) except -1:
        cdef uint8_t byte
        self.expiry = self.idle = self.frequency = -1
        self.in_key = False
        self.rdb_type = -1
        while True:
            if not source_byte(&self.source, &byte):
                self.refuse("it ends too early: there is no end record")
            if byte == RDB_END:
                self.finish()
                return False
            if byte >= OPCODES_FROM:
                if not self.read_record(byte):
                    self.refuse((<bytes>self.source.reason).decode())
                continue
            self.rdb_type = byte
            if not source_key(&self.source, &self.key):
                self.refuse((<bytes>self.source.reason).decode())
            self.in_key = True
            self.result = read_value(&self.reader, byte, &self.value)
            if self.result == READ_FAILED:
                self.refuse((<bytes>self.source.reason).decode())
            return True

    cdef bint read_record(self, int opcode) except -1:
        """A record that is no key; False: it cannot be read, and the source knows why."""
        cdef Source* source = &self.source
        cdef Text text, name
        cdef uint64_t number, other
        cdef uint8_t byte
        if opcode == RDB_EXPIRY_MS:
            if not source_fixed64(source, &number):
                return False
            self.expiry = expiry_told(<int64_t>number)
        elif opcode == RDB_EXPIRY:
            if not source_fixed32(source, &number):
                return False
            self.expiry = expiry_told(<int64_t><int>number * 1000)
        elif opcode == RDB_FREQUENCY:
            if not source_byte(source, &byte):
                return False
            self.frequency = byte
        elif opcode == RDB_IDLE:
            if not source_length(source, &number):
                return False
            self.idle = number if number < SECONDS_MOST else SECONDS_MOST
        elif opcode == RDB_SELECT:
            if not source_length(source, &number):
                return False
            self.database = number if number < 1 << 30 else 1 << 30
            self.told_keys = self.told_expires = 0
        elif opcode == RDB_RESIZE:
            return source_length(source, &self.told_keys) and source_length(source, &self.told_expires)
        elif opcode == RDB_SLOT_INFO:
            return (source_length(source, &number) and source_length(source, &number)
                    and source_length(source, &number))
        elif opcode == RDB_AUX:
            if not source_text_kept(source, &name) or not source_text(source, &text):
                return False
            self.aux[PyBytes_FromStringAndSize(name.text, name.length)] = \
                PyBytes_FromStringAndSize(text.text, text.length)
        elif opcode == RDB_FUNCTION:
            if not source_text(source, &text):
                return False
            self.functions.append(PyBytes_FromStringAndSize(text.text, text.length))
        elif opcode == RDB_FUNCTION_EARLY:
            return source_fail(source, b"functions in the format of a release candidate of Redis 7.0")
        elif opcode == RDB_HASH_TEMPLATE_RECORD:
            return read_template(&self.reader)
        elif opcode == RDB_MODULE_AUX:
            return self.skip_module(True)
        elif opcode == RDB_KEY_META:
            if not self.valkey:
                return source_fail(source, b"a key with data of a module that is not loaded")
            # A slot's import that was under way: its job's name, and ranges of slots.
            if not source_skip_text(source) or not source_length(source, &number):
                return False
            while number:
                if not source_length(source, &other) or not source_length(source, &other):
                    return False
                number -= 1
        else:
            return source_fail(source, b"a record that this version does not know")
        return True

    cdef bint skip_module(self, bint with_when) noexcept:
        """Data of a module beside the keys: what was with it is told as a warning."""
        cdef Source* source = &self.source
        cdef uint64_t module, kind, number
        if not source_length(source, &module):
            return False
        if with_when and not (source_length(source, &number) and source_length(source, &number)):
            return False
        while True:
            if not source_length(source, &kind):
                return False
            if kind == MODULE_END:
                break
            if kind == MODULE_SIGNED or kind == MODULE_UNSIGNED:
                if not source_length(source, &number):
                    return False
            elif kind == MODULE_FLOAT:
                if not source_fixed32(source, &number):
                    return False
            elif kind == MODULE_DOUBLE:
                if not source_fixed64(source, &number):
                    return False
            elif kind == MODULE_STRING:
                if not source_skip_text(source):
                    return False
            else:
                return source_fail(source, BAD_MODULE_DATA)
        self.warnings.append(f"data of the module '{module_name(module)}' was left out: it is not loaded")
        return True

    cdef int finish(self) except -1:
        """The end: compare the checksum."""
        cdef uint64_t made = source_checksum(&self.source)
        cdef uint64_t told
        self.source.counting = False
        if self.version < CHECKSUM_SINCE:
            return 0
        if not source_fixed64(&self.source, &told):
            self.refuse("it ends too early: there is no checksum")
        if told == 0:
            return 0
        if self.verifying and told != made:
            self.refuse(f"wrong checksum (CRC error): {made:016x}, and the file says {told:016x}")
        return 0


def module_name(uint64_t module) -> str:
    """The name of a module's type, which its number holds: nine letters of six bits, and ten bits of version."""
    return "".join(chr(MODULE_LETTERS[(module >> (10 + 6 * place)) & 63]) for place in range(8, -1, -1))
