"""The commands that one client has queued: see transaction.pyx."""

from libc.stdint cimport uint64_t

from redpoll.wire.request cimport Arg, LongWord, Parser

cdef struct Queued:
    void* routine                # Routine; the server's, and so always there
    uint64_t hash                # of its first key
    size_t first_word
    size_t argc
    size_t first_long
    size_t long_count
    size_t request_bytes

cdef class Transaction:
    cdef Queued* commands
    cdef readonly size_t count
    cdef size_t commands_room
    cdef Arg* words              # `ptr` is an offset into `text` until `point`
    cdef size_t word_count
    cdef size_t words_room
    cdef char* text              # of all words, one after the other
    cdef size_t text_length
    cdef size_t text_room
    cdef LongWord* long_words    # taken over from the parser; `index` counts from the command's first word
    cdef size_t long_count
    cdef size_t longs_room
    cdef public uint64_t flags   # of all its commands together
    cdef public int database     # that a queued SELECT has chosen, for users who may not use all; -1: none
    cdef public bint failed      # a command was refused

    cdef int add(self, void* routine, uint64_t routine_flags, const Arg* argv, size_t argc, uint64_t hash,
                 size_t request_bytes, Parser* parser) except -1
    # Makes words point at their texts; none may be added after that.
    cdef void point(self) noexcept
    cdef void clear(self) noexcept
