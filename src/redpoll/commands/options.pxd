"""Options that several string commands share: conditions and times of expiry."""

from libc.stdint cimport int64_t

from redpoll.commands.call cimport Call
from redpoll.engine.entry cimport Entry

cdef enum Option:
    OPTION_NX = 1
    OPTION_XX = 2
    OPTION_GET = 4
    OPTION_KEEPTTL = 8
    OPTION_PERSIST = 16
    OPTION_IFEQ = 32
    OPTION_IFNE = 64
    OPTION_IFDEQ = 128
    OPTION_IFDNE = 256
    OPTION_ENX = 512
    OPTION_EXPIRY = 1024       # one of EX, PX, EXAT, PXAT

    CONDITIONS = OPTION_NX | OPTION_XX | OPTION_IFEQ | OPTION_IFNE | OPTION_IFDEQ | OPTION_IFDNE
    TIMES = OPTION_KEEPTTL | OPTION_PERSIST | OPTION_EXPIRY

cdef struct Options:
    int given
    size_t expiry_word         # of the time
    bint seconds
    bint relative
    size_t comparand           # the word that IFEQ and its kin compare with
    int64_t expiry             # unix milliseconds; -1: none; set by `expiry_of`

# Reads the options from a word on; only those in `allowed` are known. Raises the syntax error.
cdef int read_options(Call call, size_t first, int allowed, Options* options) except -1
# Sets `expiry` from the words; raises for what is no time. `name` is the command's, lower case.
cdef int read_expiry(Call call, Options* options, str name) except -1
# Whether a key's value passes IFEQ and its kin; a missing key passes the negative ones. Raises WRONGTYPE.
cdef bint condition_holds(Call call, Entry** slot, const Options* options) except -1
cdef int check_string(Entry** slot) except -1
