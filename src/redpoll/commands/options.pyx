"""Options that several string commands share, and how they are told when they are wrong."""

from libc.stdint cimport INT64_MAX, int64_t
from libc.string cimport memcmp

from redpoll.commands.call cimport Call
from redpoll.engine.entry cimport Entry, entry_expiry, string_text
from redpoll.engine.xxh3 cimport DIGEST_TEXT_SIZE, digest_text

from redpoll import errors
from redpoll.errors import CommandError


cdef int option_at(Call call, size_t word) noexcept:
    cdef const char* text = call.argv[word].ptr
    cdef size_t length = call.argv[word].len
    cdef char first
    # SET with options is hot: words of two letters, the most common ones, are told without a call.
    if length == 2:
        first = text[0] & ~32
        if text[1] & ~32 == c"X":
            if first == c"E":
                return OPTION_EX
            if first == c"P":
                return OPTION_PX
            if first == c"N":
                return OPTION_NX
            if first == c"X":
                return OPTION_XX
    elif length == 3:
        if call.word_is(word, b"GET", 3):
            return OPTION_GET
        if call.word_is(word, b"ENX", 3):
            return OPTION_ENX
    elif length == 4:
        if call.word_is(word, b"EXAT", 4):
            return OPTION_EXAT
        if call.word_is(word, b"PXAT", 4):
            return OPTION_PXAT
        if call.word_is(word, b"IFEQ", 4):
            return OPTION_IFEQ
        if call.word_is(word, b"IFNE", 4):
            return OPTION_IFNE
    elif length == 5:
        if call.word_is(word, b"IFDEQ", 5):
            return OPTION_IFDEQ
        if call.word_is(word, b"IFDNE", 5):
            return OPTION_IFDNE
    elif length == 7:
        if call.word_is(word, b"KEEPTTL", 7):
            return OPTION_KEEPTTL
        if call.word_is(word, b"PERSIST", 7):
            return OPTION_PERSIST
    return 0


cdef int read_options(Call call, size_t first, int allowed, Options* options) except -1:
    cdef size_t i = first
    cdef int option, others
    options.given = 0
    options.expiry = -1
    options.expiry_word = options.comparand = 0
    while i < call.argc:
        option = option_at(call, i) & (allowed | OPTION_EXPIRY)
        # One of a kind; the same one may be said again, unless it compares.
        others = 0
        if option & TIMES:
            others = TIMES & ~option
        elif option & COMPARISONS:
            others = CONDITIONS
        elif option & CONDITIONS:
            others = CONDITIONS & ~option
        if not option or options.given & others:
            raise CommandError(errors.SYNTAX)
        if option & (OPTION_EXPIRY | COMPARISONS):
            i += 1
            if i == call.argc:
                raise CommandError(errors.SYNTAX)
            if option & OPTION_EXPIRY:
                options.expiry_word = i
            else:
                options.comparand = i
        options.given |= option
        i += 1
    return 0


cdef int read_expiry(Call call, Options* options, str name) except -1:
    cdef int64_t when
    if not options.given & OPTION_EXPIRY:
        return 0
    call.integer(options.expiry_word, &when)
    if when <= 0:
        raise CommandError(errors.invalid_expire_time(name))
    if options.given & (OPTION_EX | OPTION_EXAT):
        if when > INT64_MAX // 1000:
            raise CommandError(errors.invalid_expire_time(name))
        when *= 1000
    if options.given & (OPTION_EX | OPTION_PX):
        if when > INT64_MAX - call.keyspace.now:
            raise CommandError(errors.invalid_expire_time(name))
        when += call.keyspace.now
    options.expiry = when
    return 0


cdef bint condition_holds(Call call, Entry** slot, const Options* options) except -1:
    cdef char scratch[24]
    cdef char digest[DIGEST_TEXT_SIZE]
    cdef const char* text
    cdef size_t length
    cdef bint same
    if slot == NULL:
        return options.given & (OPTION_IFNE | OPTION_IFDNE) != 0
    check_string(slot)
    text = string_text(slot[0], scratch, &length)
    if options.given & (OPTION_IFEQ | OPTION_IFNE):
        same = (length == call.argv[options.comparand].len
                and memcmp(text, call.argv[options.comparand].ptr, length) == 0)
        return same if options.given & OPTION_IFEQ else not same
    # Only the length of a digest is looked at, and only where there is something to compare; so does Redis.
    if call.argv[options.comparand].len != DIGEST_TEXT_SIZE:
        raise CommandError(errors.BAD_DIGEST)
    digest_text(text, length, digest)
    same = is_same_digest(digest, call.argv[options.comparand].ptr)
    return same if options.given & OPTION_IFDEQ else not same


cdef bint is_same_digest(const char* digest, const char* other) noexcept:
    cdef size_t i
    cdef char c
    for i in range(DIGEST_TEXT_SIZE):
        c = other[i]
        if c"A" <= c <= c"F":
            c += 32
        if c != digest[i]:
            return False
    return True


cdef int say_string(Call call, size_t word) except -1:
    cdef Entry** slot
    cdef char scratch[24]
    cdef const char* text
    cdef size_t length
    cdef list words
    if not call.keyspace.propagating:
        return 0
    slot = call.find(word)
    if slot == NULL:
        return 0
    text = string_text(slot[0], scratch, &length)
    words = [b"SET", call.word(word), text[:length]]
    if entry_expiry(slot[0]) >= 0:
        words += [b"PXAT", b"%d" % entry_expiry(slot[0])]
    return call.instead(words)
