"""The settings of the library `cjson`, which its functions have as their first upvalue."""

from redpoll.scripting.libraries.library cimport GrowingText

cdef extern from *:
    """
    #define REDPOLL_JSON_ARRAY_MARK "__is_cjson_array"
    """
    # A field of this name makes a metatable that of an empty array.
    const char* ARRAY_MARK "REDPOLL_JSON_ARRAY_MARK"

# What becomes of numbers that JSON has not.
cdef enum InvalidNumbers:
    INVALID_REFUSED
    INVALID_WRITTEN
    INVALID_NULL

cdef struct Settings:
    GrowingText text             # what is being written or read
    bint sparse_convert          # sparse arrays become objects, and are no error
    int sparse_ratio             # from how many times more places than values on an array is sparse; 0: it never is
    int sparse_safe              # arrays of so many places are never sparse
    int encode_depth
    int decode_depth
    InvalidNumbers encode_invalid
    bint decode_invalid
    bint keep_buffer
    int precision
    bint mark_arrays             # empty arrays that are read get a metatable, by which they are written as arrays
