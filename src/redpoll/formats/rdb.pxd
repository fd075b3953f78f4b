"""RDB, the format of snapshots, DUMP payloads and full resynchronisations: its numbers.

A file

    "REDIS" and four digits of the version, or "VALKEY" and three
    records                         each begins with a byte: an opcode, or the type of a value
    255                             the end
    checksum                        8 bytes, little endian; zero: none was made; from version 5 on

A key's record

    [252 time]                      it expires: unix milliseconds, 8 bytes little endian    (253: seconds, 4 bytes)
    [248 length] [249 byte]         seconds since the last access, or the frequency of access
    type key value

A DUMP payload

    type value version checksum     the version in 2 bytes little endian; the checksum covers all before it, zero: none

A length: by the two highest bits of the first byte, 00: the other six; 01: those and the next byte; 10: 0x80 and 4
bytes, or 0x81 and 8 bytes, big endian; 11 within a string: it is encoded as the other six bits say.

A string: its length and bytes; or 0xC0, 0xC1, 0xC2 and an integer of 1, 2, 4 bytes, little endian; or 0xC3, the
compressed length, the length, and LZF data.

Values by type are described where they are written (rdb_write.pyx) and, for those that are only read, where they are
read (rdb_read.pyx, packed_old.pyx).
"""

cdef enum RdbType:
    RDB_STRING = 0
    RDB_LIST = 1
    RDB_SET = 2
    RDB_ZSET = 3                       # scores as text
    RDB_HASH = 4
    RDB_ZSET_2 = 5
    RDB_MODULE = 6                     # before modules were released
    RDB_MODULE_2 = 7
    RDB_HASH_ZIPMAP = 9
    RDB_LIST_ZIPLIST = 10
    RDB_SET_INTSET = 11
    RDB_ZSET_ZIPLIST = 12
    RDB_HASH_ZIPLIST = 13
    RDB_LIST_QUICKLIST = 14            # of ziplists
    RDB_STREAM = 15
    RDB_HASH_LISTPACK = 16
    RDB_ZSET_LISTPACK = 17
    RDB_LIST_QUICKLIST_2 = 18
    RDB_STREAM_2 = 19                  # with entries added, first and greatest deleted id
    RDB_SET_LISTPACK = 20
    RDB_STREAM_3 = 21                  # with consumers' time of activity
    RDB_HASH_FIELDS_EARLY = 22         # release candidates of Redis 7.4; Valkey 9 means RDB_HASH_2 by it
    RDB_HASH_PACKED_EARLY = 23
    RDB_HASH_FIELDS = 24               # fields that expire, from here on after the least time of expiry
    RDB_HASH_PACKED = 25
    RDB_STREAM_4 = 26                  # with producers of idempotent messages
    RDB_STREAM_5 = 27                  # with given-back entries
    RDB_ARRAY = 28
    RDB_HASH_TEMPLATE_PACKED = 29      # fields, then the values in a listpack
    RDB_HASH_TEMPLATE_PACKED_REF = 30  # a template's number and the values in a listpack
    RDB_HASH_TEMPLATE = 31             # fields and values
    RDB_HASH_TEMPLATE_REF = 32         # a template's number and the values
    RDB_GCRA = 33
    RDB_HASH_2 = 22                    # Valkey: each field with its time of expiry

cdef enum RdbOpcode:
    RDB_HASH_TEMPLATE_RECORD = 242
    RDB_KEY_META = 243                 # Redis; Valkey: RDB_SLOT_IMPORT
    RDB_SLOT_IMPORT = 243
    RDB_SLOT_INFO = 244
    RDB_FUNCTION = 245
    RDB_FUNCTION_EARLY = 246
    RDB_MODULE_AUX = 247
    RDB_IDLE = 248
    RDB_FREQUENCY = 249
    RDB_AUX = 250
    RDB_RESIZE = 251
    RDB_EXPIRY_MS = 252
    RDB_EXPIRY = 253
    RDB_SELECT = 254
    RDB_END = 255

cdef enum:
    RDB_VERSION_OLDEST = 1
    RDB_VERSION_NEWEST = 16            # of Redis: 8.10
    RDB_VERSION_VALKEY = 80            # the first of Valkey's own
    RDB_VERSION_VALKEY_NEWEST = 89
    RDB_VERSION_FIRST = 10             # the one of listpacks, which is the least that is written: Redis 7.0 reads it
    RDB_VERSION_SETS = 11              # of packed sets, and streams as they are now: Redis 7.2
    RDB_VERSION_FIELDS = 12            # of hashes with fields that expire: Redis 7.4
    RDB_VERSION_PRODUCERS = 13         # of streams with producers of idempotent messages: Redis 8.6
    RDB_VERSION_GIVEN_BACK = 14        # of streams with given-back entries, and arrays: Redis 8.8
    RDB_FOOTER = 10                    # bytes of version and checksum behind a DUMP payload

cdef inline bint rdb_version_known(int version) noexcept nogil:
    return (RDB_VERSION_OLDEST <= version <= RDB_VERSION_NEWEST
            or RDB_VERSION_VALKEY <= version <= RDB_VERSION_VALKEY_NEWEST)
