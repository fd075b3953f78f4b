"""Requests cut into words, in RESP and inline form. See request.pyx."""

from libc.stdint cimport int64_t

from redpoll.engine.blob cimport Blob

cdef struct Arg:
    const char* ptr
    size_t len

cdef enum Outcome:
    REQUEST_READY
    REQUEST_EMPTY        # a line or an array without words: nothing to do, go on
    REQUEST_MORE         # the rest has not come yet
    REQUEST_BAD          # `error` says why; the connection is beyond repair

cdef struct LongWord:    # a word that was read into a blob of its own
    size_t index
    Blob* blob

cdef struct Parser:
    # Of a request of which only a part has come; all zero between requests.
    int64_t words_wanted         # 0: the first line is still to come
    int64_t word_length          # -1: its line is still to come
    size_t offset                # bytes of the request that were looked at
    Arg* words                   # offsets from the request's start instead of pointers
    size_t count
    size_t room
    LongWord* long_words
    size_t long_count
    size_t long_room
    Blob* filling                # the long word that is being read: `filled` of its length + 2 bytes are there
    size_t filled
    char* line                   # unquoted words of an inline request
    size_t line_room
    # Limits
    int64_t longest_word
    bint trusted                 # else the limits of strangers hold
    char error[80]

cdef void parser_init(Parser* p) noexcept nogil
cdef void parser_free(Parser* p) noexcept nogil
# Forgets a partial request; long words that nobody took are released.
cdef void parser_reset(Parser* p) noexcept nogil
cdef size_t parser_memory(const Parser* p) noexcept nogil

# Cut one request out of the bytes from `start` to `end`. READY: the words are `argc[0]` at `argv[0]`, which is
# `room` when they fit there, and `next[0]` is where the following request begins; they are good until the next
# call or the bytes move. MORE: with `keep`, what was read so far is remembered and the next call has to pass
# the same bytes and what came since, and begins where it left off; without, it begins anew. While a long word is
# `filling`, the bytes to be passed again end at `next[0]`: those behind it are in the word already.
cdef Outcome parse(Parser* p, const char* start, const char* end, Arg* room, size_t room_words, bint keep,
                   Arg** argv, size_t* argc, const char** next) noexcept nogil
