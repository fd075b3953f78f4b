"""Who is told of what happens to keys: see watcher.pyx."""

# Classes of keyspace events, with Redis's letters.
cdef enum Event:
    EVENT_NONE = 0               # a change that no channel tells of
    EVENT_GENERIC = 4            # g
    EVENT_STRING = 8             # $
    EVENT_LIST = 16              # l
    EVENT_SET = 32               # s
    EVENT_HASH = 64              # h
    EVENT_ZSET = 128             # z
    EVENT_EXPIRED = 256          # x
    EVENT_EVICTED = 512          # e
    EVENT_STREAM = 1024          # t
    EVENT_KEY_MISS = 2048        # m
    EVENT_MODULE = 8192          # d
    EVENT_NEW = 16384            # n
    EVENT_OVERWRITTEN = 32768    # o
    EVENT_TYPE_CHANGED = 65536   # c
    EVENT_ARRAY = 8388608        # a
    # These tell more of a change that is told anyway, or are none.
    EVENT_NOTICES = EVENT_KEY_MISS | EVENT_NEW | EVENT_OVERWRITTEN | EVENT_TYPE_CHANGED
    # Channels that name the fields, not only the key; see server/notifications.
    EVENT_FIELDS = 7864320       # S T I V

cdef class Watcher:
    cdef void tell(self, int kind, const char* event, const char* key, size_t length, int database) noexcept
    # The fields of the key that the event is about, a list of bytes.
    cdef void tell_fields(self, int kind, const char* event, const char* key, size_t length, int database,
                          list fields) noexcept
