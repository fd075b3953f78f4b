"""Options that several string commands share, and how they are told when they are wrong."""

from libc.stdint cimport INT64_MAX, int64_t, uint64_t
from libc.string cimport memcmp

from redpoll.commands.call cimport Call
from redpoll.engine.entry cimport TYPE_STRING, Entry, entry_type, string_text
from redpoll.engine.xxh3 cimport xxh3_64

from redpoll import errors
from redpoll.errors import CommandError


cdef inline int one_of_times(Options* options, int option) except -1:
    # Only a flag may be said twice.
    if options.given & TIMES & ~(option & ~OPTION_EXPIRY):
        raise CommandError(errors.SYNTAX)
    options.given |= option
    return 0


cdef inline int one_of_conditions(Options* options, int option) except -1:
    if options.given & CONDITIONS & ~option:
        raise CommandError(errors.SYNTAX)
    options.given |= option
    return 0


cdef int read_options(Call call, size_t first, int allowed, Options* options) except -1:
    cdef size_t i = first
    cdef bint more
    cdef int condition
    options.given = 0
    options.expiry = -1
    options.comparand = 0
    while i < call.argc:
        more = i + 1 < call.argc
        condition = 0
        if allowed & OPTION_NX and call.word_is(i, b"NX", 2):
            one_of_conditions(options, OPTION_NX)
        elif allowed & OPTION_XX and call.word_is(i, b"XX", 2):
            one_of_conditions(options, OPTION_XX)
        elif allowed & OPTION_GET and call.word_is(i, b"GET", 3):
            options.given |= OPTION_GET
        elif allowed & OPTION_ENX and call.word_is(i, b"ENX", 3):
            options.given |= OPTION_ENX
        elif allowed & OPTION_KEEPTTL and call.word_is(i, b"KEEPTTL", 7):
            one_of_times(options, OPTION_KEEPTTL)
        elif allowed & OPTION_PERSIST and call.word_is(i, b"PERSIST", 7):
            one_of_times(options, OPTION_PERSIST)
        elif more and call.word_is(i, b"EX", 2):
            one_of_times(options, OPTION_EXPIRY)
            options.seconds = options.relative = True
            i += 1
            options.expiry_word = i
        elif more and call.word_is(i, b"PX", 2):
            one_of_times(options, OPTION_EXPIRY)
            options.seconds = False
            options.relative = True
            i += 1
            options.expiry_word = i
        elif more and call.word_is(i, b"EXAT", 4):
            one_of_times(options, OPTION_EXPIRY)
            options.seconds = True
            options.relative = False
            i += 1
            options.expiry_word = i
        elif more and call.word_is(i, b"PXAT", 4):
            one_of_times(options, OPTION_EXPIRY)
            options.seconds = options.relative = False
            i += 1
            options.expiry_word = i
        elif more and allowed & OPTION_IFEQ:
            if call.word_is(i, b"IFEQ", 4):
                condition = OPTION_IFEQ
            elif call.word_is(i, b"IFNE", 4):
                condition = OPTION_IFNE
            elif call.word_is(i, b"IFDEQ", 5):
                condition = OPTION_IFDEQ
            elif call.word_is(i, b"IFDNE", 5):
                condition = OPTION_IFDNE
            if not condition or options.given & CONDITIONS:
                raise CommandError(errors.SYNTAX)
            options.given |= condition
            i += 1
            options.comparand = i
        else:
            raise CommandError(errors.SYNTAX)
        i += 1
    if options.given & (OPTION_IFDEQ | OPTION_IFDNE):
        check_digest(call, options.comparand)
    return 0


cdef int check_digest(Call call, size_t word) except -1:
    cdef size_t i
    cdef char c
    if call.argv[word].len != 16:
        raise CommandError(errors.BAD_DIGEST)
    for i in range(16):
        c = call.argv[word].ptr[i]
        if not (c"0" <= c <= c"9" or c"a" <= c <= c"f" or c"A" <= c <= c"F"):
            raise CommandError(errors.BAD_DIGEST)
    return 0


cdef int read_expiry(Call call, Options* options, str name) except -1:
    cdef int64_t when
    if not options.given & OPTION_EXPIRY:
        return 0
    call.integer(options.expiry_word, &when)
    if when <= 0 or (options.seconds and when > INT64_MAX // 1000):
        raise CommandError(errors.invalid_expire_time(name))
    if options.seconds:
        when *= 1000
    if options.relative:
        if when > INT64_MAX - call.keyspace.now:
            raise CommandError(errors.invalid_expire_time(name))
        when += call.keyspace.now
    options.expiry = when
    return 0


cdef int check_string(Entry** slot) except -1:
    if slot != NULL and entry_type(slot[0]) != TYPE_STRING:
        raise CommandError(errors.WRONG_TYPE)
    return 0


cdef bint condition_holds(Call call, Entry** slot, const Options* options) except -1:
    cdef char scratch[24]
    cdef const char* text
    cdef size_t length
    cdef uint64_t digest
    cdef bint same
    if slot == NULL:
        return options.given & (OPTION_IFNE | OPTION_IFDNE) != 0
    check_string(slot)
    text = string_text(slot[0], scratch, &length)
    if options.given & (OPTION_IFEQ | OPTION_IFNE):
        same = (length == call.argv[options.comparand].len
                and memcmp(text, call.argv[options.comparand].ptr, length) == 0)
        return same if options.given & OPTION_IFEQ else not same
    digest = xxh3_64(text, length)
    same = digest == <uint64_t>int(call.word(options.comparand), 16)
    return same if options.given & OPTION_IFDEQ else not same
