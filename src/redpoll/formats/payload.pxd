"""DUMP payloads: see payload.pyx."""

# The version of RDB that a payload with a right checksum is of; -1 when it is none. `any_version`: newer ones too.
cdef int payload_version(const char* payload, size_t size, bint any_version) noexcept nogil
