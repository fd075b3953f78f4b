"""A user as dispatch asks it: see account.pyx."""

from libc.stdint cimport uint8_t, uint64_t

from redpoll.wire.request cimport Arg

# Of several verdicts that selectors give, the greatest is told.
cdef enum Verdict:
    ALLOWED = 0
    DENIED_DATABASE = 1
    DENIED_COMMAND = 2
    DENIED_KEY = 3
    DENIED_CHANNEL = 4

cdef enum Shape:
    SHAPE_PREFIX             # literal bytes, then a star
    SHAPE_LITERAL
    SHAPE_GLOB

cdef struct Pattern:
    const char* text
    size_t length
    size_t compared          # of its bytes, which a text has to begin with or to be
    Shape shape
    uint8_t rights           # MAY_READ, MAY_WRITE

cdef struct Selector:
    uint64_t* commands       # a bit for each command by its number
    size_t command_words
    bint all_commands
    bint later_commands      # those whose number is beyond the bits
    bint first_args
    bint all_keys
    bint all_channels
    bint all_databases
    Pattern* keys
    size_t key_count
    Pattern* channels
    size_t channel_count

cdef class Account:
    cdef readonly bytes name
    cdef readonly object user            # its rules
    # Nothing has to be asked before it runs a command.
    cdef readonly bint unrestricted
    cdef readonly bint limits_databases
    cdef Selector* selectors
    cdef size_t count
    cdef list kept                       # texts that patterns point at
    cdef list places                     # of the keys of the command that is asked for, once somebody looked

    # Whether a command may run, and else which word, by its position, is what one of the selectors denies.
    cdef Verdict check(self, object command, size_t number, bint always, const Arg* argv, size_t argc, int database,
                       size_t* word) noexcept
    cdef Verdict ask(self, size_t index, object command, size_t number, bint always, const Arg* argv, size_t argc,
                     int database, size_t* word) noexcept
    cdef bint first_arg_allowed(self, size_t index, object command, size_t number, const Arg* argv,
                                size_t argc) noexcept
    cdef bint keys_allowed(self, Selector* s, object command, size_t number, const Arg* argv, size_t argc,
                           size_t* word) noexcept
    cdef bint found_keys_allowed(self, Selector* s, object command, const Arg* argv, size_t argc,
                                 size_t* word) noexcept
    cdef bint channels_allowed(self, Selector* s, object command, size_t number, const Arg* argv, size_t argc,
                               size_t* word) noexcept
    cdef bint databases_allowed(self, size_t index, object command, const Arg* argv, size_t argc, int database,
                                size_t* word) noexcept
    cdef void clear(self) noexcept
