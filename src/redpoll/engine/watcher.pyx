"""Who is told of what happens to keys.

The keyspace and the commands tell one watcher, which the server hands in: every change once it is done, and keys that
were missed, made or replaced while `Keyspace.notices` asks for that. While nobody wants to hear, neither is called.
"""


cdef class Watcher:
    """Hears nothing; to be derived from."""

    cdef void tell(self, int kind, const char* event, const char* key, size_t length, int database) noexcept:
        pass

    cdef void tell_fields(self, int kind, const char* event, const char* key, size_t length, int database,
                          list fields) noexcept:
        pass
