"""LZF compression: see lzf.pyx for the format."""

# Compresses into at most `room` bytes at `output` and returns how many, or 0 when that is too little room.
# Any thread may call it. The same input gives the same bytes always.
cdef size_t lzf_compress(const char* source, size_t size, char* output, size_t room) noexcept nogil
# Whether `size` bytes are the compressed form of exactly `expected` bytes, which are then at `output`.
# Nothing is read or written beyond either, whatever the input is.
cdef bint lzf_decompress(const char* source, size_t size, char* output, size_t expected) noexcept nogil
