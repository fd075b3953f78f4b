"""Setting and getting strings."""

from libc.stdint cimport INT32_MAX, int64_t
from cpython.list cimport PyList_New

from redpoll.commands.call cimport EVENT_GENERIC, EVENT_STRING, Call, native
from redpoll.commands.options cimport (
    COMPARISONS, OPTION_EX, OPTION_EXPIRY, OPTION_GET, OPTION_IFEQ, OPTION_KEEPTTL, OPTION_NX, OPTION_PERSIST,
    OPTION_PX, OPTION_XX, Options, check_string, condition_holds, option_at, read_expiry, read_options,
    say_string,
)
from redpoll.engine.blob cimport Blob
from redpoll.engine.entry cimport (
    ENC_BLOB, ENC_EMBEDDED, TYPE_STRING, Entry, entry_blob, entry_embedded, entry_encoding, entry_expiry,
    entry_integer, entry_type, string_text,
)
from redpoll.engine.keyspace cimport due_time
from redpoll.engine.numbers cimport parse_int64
from redpoll.engine.xxh3 cimport DIGEST_TEXT_SIZE, digest_text
from redpoll.wire.direct cimport Direct, direct_integer, direct_put, direct_string
from redpoll.wire.output cimport Out
from redpoll.wire.reply cimport (
    reply_array, reply_blob, reply_bulk, reply_integer, reply_integer_text, reply_null, reply_ok,
)

from redpoll import errors
from redpoll.commands.declare import declare
from redpoll.commands.flags import DENYOOM, FAST, READONLY, WRITE
from redpoll.commands.key_finders import set_keys
from redpoll.errors import CommandError


cdef inline void reply_string(Out* out, const Entry* e) noexcept:
    cdef int encoding = entry_encoding(e)
    if encoding == ENC_EMBEDDED:
        reply_bulk(out, entry_embedded(e), e.value_length)
    elif encoding == ENC_BLOB:
        reply_blob(out, entry_blob(e))
    else:
        reply_integer_text(out, entry_integer(e))


cdef inline int reply_slot(Out* out, Entry** slot) except -1:
    """The string in a slot, or null for none."""
    if slot == NULL:
        reply_null(out)
        return 0
    if entry_type(slot[0]) != TYPE_STRING:
        raise CommandError(errors.WRONG_TYPE)
    reply_string(out, slot[0])
    return 0


cdef int get(Call call) except -1:
    return reply_slot(call.out, call.read(1))

declare(
    "GET key", native(get), summary="Return the string at a key.", group="string", since="1.0.0",
    flags=READONLY | FAST, complexity="O(1)",
)


cdef Entry** store(Call call, Entry** slot, size_t key, size_t value, int64_t expiry) noexcept:
    cdef Blob* blob = NULL
    if call.long_count:
        blob = call.take_blob(value)
    if blob != NULL:
        return call.db.put_blob(slot, call.argv[key].ptr, call.argv[key].len, call.hash_of(key), blob, expiry)
    return call.db.put_text(slot, call.argv[key].ptr, call.argv[key].len, call.hash_of(key),
                            call.argv[value].ptr, call.argv[value].len, expiry)


cdef int remove(Call call, Entry** slot) except -1:
    """Delete the first key, if it is there."""
    if slot != NULL:
        call.db.remove(slot, call.hash_of(1))
        call.changed(EVENT_GENERIC, b"del", 1)
        call.say_deleted(1)
    return 0


cdef int set_(Call call) except -1:
    if call.argc == 3:
        store(call, call.write(1), 1, 2, -1)
        call.changed(EVENT_STRING, b"set", 1)
        reply_ok(call.out)
        return 0
    return set_with_options(call)


cdef int set_with_options(Call call) except -1:
    cdef Options options
    cdef Entry** slot
    cdef bint wanted
    read_options(call, 3, OPTION_NX | OPTION_XX | OPTION_GET | OPTION_KEEPTTL | COMPARISONS, &options)
    read_expiry(call, &options, "set")
    slot = call.write(1)
    if options.given & OPTION_GET:
        check_string(slot)
    if options.given & OPTION_NX:
        wanted = slot == NULL
    elif options.given & OPTION_XX:
        wanted = slot != NULL
    elif options.given & COMPARISONS:
        wanted = condition_holds(call, slot, &options)
    else:
        wanted = True
    if options.given & OPTION_GET:
        if slot == NULL:
            call.missed(1)
        else:
            call.keyspace.hits += 1
        reply_slot(call.out, slot)
    if not wanted:
        if not options.given & OPTION_GET:
            reply_null(call.out)
        return 0
    if options.given & OPTION_EXPIRY and options.expiry <= due_time(call.keyspace):
        remove(call, slot)
    else:
        if options.given & OPTION_KEEPTTL and slot != NULL:
            options.expiry = entry_expiry(slot[0])
        store(call, slot, 1, 2, options.expiry)
        call.changed(EVENT_STRING, b"set", 1)
        if options.given & OPTION_EXPIRY:
            call.also(EVENT_GENERIC, b"expire", 1)
            say_string(call, 1)
    if not options.given & OPTION_GET:
        reply_ok(call.out)
    return 0

declare(
    "SET key value "
    "[NX | XX | IFEQ ifeq-value | IFNE ifne-value | IFDEQ ifdeq-digest | IFDNE ifdne-digest]=condition [GET] "
    "[EX seconds | PX milliseconds | EXAT unix-time-seconds | PXAT unix-time-milliseconds | KEEPTTL]",
    native(set_), summary="Set the string at a key, whatever it held; with conditions and expiry.", group="string",
    since="1.0.0", flags=WRITE | DENYOOM, complexity="O(1)", keys="RW access update variable_flags",
    find_keys=set_keys,
    added={
        "2.6.12": "condition EX PX",
        "6.0.0": "KEEPTTL",
        "6.2.0": "GET EXAT PXAT",
        "8.4.0": "IFEQ IFNE IFDEQ IFDNE",
    },
    history=(("7.0.0", "NX and GET go together."),),
)


cdef int set_for(Call call, bint seconds, str name) except -1:
    cdef Options options
    options.given = OPTION_EX if seconds else OPTION_PX
    options.expiry_word = 2
    read_expiry(call, &options, name)
    store(call, call.write(1), 1, 3, options.expiry)
    call.changed(EVENT_STRING, b"set", 1)
    call.also(EVENT_GENERIC, b"expire", 1)
    say_string(call, 1)
    reply_ok(call.out)
    return 0


cdef int setex(Call call) except -1:
    return set_for(call, True, "setex")

declare(
    "SETEX key seconds value", native(setex), summary="Set the string at a key and its expiry in seconds.",
    group="string", since="2.0.0", flags=WRITE | DENYOOM, complexity="O(1)", keys="OW update", deprecated="2.6.12",
    replaced_by="SET with EX",
)


cdef int psetex(Call call) except -1:
    return set_for(call, False, "psetex")

declare(
    "PSETEX key milliseconds value", native(psetex),
    summary="Set the string at a key and its expiry in milliseconds.", group="string", since="2.6.0",
    flags=WRITE | DENYOOM, complexity="O(1)", keys="OW update", deprecated="2.6.12", replaced_by="SET with PX",
)


cdef int setnx(Call call) except -1:
    cdef Entry** slot = call.write(1)
    if slot == NULL:
        store(call, slot, 1, 2, -1)
        call.changed(EVENT_STRING, b"set", 1)
    reply_integer(call.out, slot == NULL)
    return 0

declare(
    "SETNX key value", native(setnx), summary="Set the string at a key unless the key exists.", group="string",
    since="1.0.0", flags=WRITE | DENYOOM | FAST, complexity="O(1)", keys="OW insert", deprecated="2.6.12",
    replaced_by="SET with NX",
)


cdef int getset(Call call) except -1:
    cdef Entry** slot = call.read(1)
    reply_slot(call.out, slot)
    store(call, slot, 1, 2, -1)
    call.changed(EVENT_STRING, b"set", 1)
    return 0

declare(
    "GETSET key value", native(getset), summary="Set the string at a key and return the one before.", group="string",
    since="1.0.0", flags=WRITE | DENYOOM | FAST, complexity="O(1)", keys="RW access update", deprecated="6.2.0",
    replaced_by="SET with GET",
)


cdef int getdel(Call call) except -1:
    cdef Entry** slot = call.read(1)
    reply_slot(call.out, slot)
    remove(call, slot)
    return 0

declare(
    "GETDEL key", native(getdel), summary="Return the string at a key and delete the key.", group="string",
    since="6.2.0", flags=WRITE | FAST, complexity="O(1)", keys="RW access delete",
)


cdef int getex(Call call) except -1:
    cdef Options options
    cdef Entry** slot
    read_options(call, 2, OPTION_PERSIST, &options)
    slot = call.read(1)
    if slot == NULL:
        reply_null(call.out)
        return 0
    check_string(slot)
    read_expiry(call, &options, "getex")
    reply_slot(call.out, slot)
    if options.given & OPTION_EXPIRY:
        if options.expiry <= due_time(call.keyspace):
            remove(call, slot)
        else:
            call.db.set_expiry(slot, call.hash_of(1), options.expiry)
            call.changed(EVENT_GENERIC, b"expire", 1)
            call.say_expiry(1, options.expiry)
    elif options.given & OPTION_PERSIST and entry_expiry(slot[0]) >= 0:
        call.db.set_expiry(slot, call.hash_of(1), -1)
        call.changed(EVENT_GENERIC, b"persist", 1)
        if call.keyspace.propagating:
            call.instead([b"PERSIST", call.word(1)])
    return 0

declare(
    "GETEX key [EX seconds | PX milliseconds | EXAT unix-time-seconds | PXAT unix-time-milliseconds | PERSIST]",
    native(getex), summary="Return the string at a key and set, change or remove its expiry.", group="string",
    since="6.2.0", flags=WRITE | FAST, complexity="O(1)", keys="RW access update",
)


cdef list values_of(Call call):
    """MGET's reply as a Python value."""
    cdef Direct direct = <Direct>call.direct
    cdef list made = PyList_New(call.argc - 1)
    cdef Entry** slot
    cdef size_t i
    for i in range(1, call.argc):
        slot = call.read(i)
        if slot == NULL or entry_type(slot[0]) != TYPE_STRING:
            direct_put(made, i - 1, None)
        else:
            direct_put(made, i - 1, value_of(direct, slot[0]))
    return made


cdef object value_of(Direct direct, const Entry* e):
    cdef int encoding = entry_encoding(e)
    if encoding == ENC_EMBEDDED:
        return direct_string(direct, entry_embedded(e), e.value_length)
    if encoding == ENC_BLOB:
        return direct_string(direct, entry_blob(e).data, entry_blob(e).length)
    return direct_integer(direct, entry_integer(e))


cdef int mget(Call call) except -1:
    cdef size_t i
    cdef Entry** slot
    call.prefetch(1, 1)
    if call.direct != NULL:
        call.given = values_of(call)
        return 0
    reply_array(call.out, call.argc - 1)
    for i in range(1, call.argc):
        slot = call.read(i)
        if slot == NULL or entry_type(slot[0]) != TYPE_STRING:
            reply_null(call.out)
        else:
            reply_string(call.out, slot[0])
    return 0

declare(
    "MGET key [key ...]", native(mget), summary="Return the strings at several keys; null for those that hold none.",
    group="string", since="1.0.0", flags=READONLY | FAST, complexity="O(N) where N is the number of keys",
    tips="request_policy:multi_shard",
)


cdef int set_all(Call call, size_t first, size_t end, const Options* options) except -1:
    cdef size_t i
    cdef Entry** slot
    cdef bint keep = options.given & OPTION_KEEPTTL != 0
    call.prefetch(first, 2)
    for i in range(first, end, 2):
        slot = call.write(i)
        store(call, slot, i, i + 1, entry_expiry(slot[0]) if keep and slot != NULL else options.expiry)
        call.changed(EVENT_STRING, b"set", i)
        if options.given & OPTION_EXPIRY:
            call.also(EVENT_GENERIC, b"expire", i)
            say_string(call, i)
    return 0


cdef int set_plainly(Call call) except -1:
    cdef Options options
    options.given = 0
    options.expiry = -1
    return set_all(call, 1, call.argc, &options)


cdef int mset(Call call) except -1:
    if call.argc % 2 == 0:
        raise CommandError(errors.wrong_arity("mset"))
    set_plainly(call)
    reply_ok(call.out)
    return 0

declare(
    "MSET key value [key value ...]", native(mset), summary="Set the strings at several keys at once.",
    group="string", since="1.0.1", flags=WRITE | DENYOOM, complexity="O(N) where N is the number of keys",
    keys="OW update", tips="request_policy:multi_shard response_policy:all_succeeded",
)


cdef int msetnx(Call call) except -1:
    cdef size_t i
    if call.argc % 2 == 0:
        raise CommandError(errors.wrong_arity("msetnx"))
    for i in range(1, call.argc, 2):
        if call.write(i) != NULL:
            reply_integer(call.out, 0)
            return 0
    set_plainly(call)
    reply_integer(call.out, 1)
    return 0

declare(
    "MSETNX key value [key value ...]", native(msetnx),
    summary="Set the strings at several keys, unless one of them exists.", group="string", since="1.0.1",
    flags=WRITE | DENYOOM, complexity="O(N) where N is the number of keys", keys="OW insert",
)


cdef int msetex(Call call) except -1:
    cdef Options options
    cdef long long pairs
    cdef size_t i, end
    if not parse_int64(call.argv[1].ptr, call.argv[1].len, &pairs) or not 0 < pairs <= INT32_MAX:
        raise CommandError(errors.INVALID_NUMKEYS)
    end = 2 + <size_t>pairs * 2
    if end > call.argc:
        raise CommandError(errors.UNEVEN_PAIRS)
    read_options(call, end, OPTION_NX | OPTION_XX | OPTION_KEEPTTL, &options)
    read_expiry(call, &options, "msetex")
    if options.given & (OPTION_NX | OPTION_XX):
        for i in range(2, end, 2):
            if (call.write(i) == NULL) == ((options.given & OPTION_XX) != 0):
                reply_integer(call.out, 0)
                return 0
    set_all(call, 2, end, &options)
    reply_integer(call.out, 1)
    return 0

declare(
    "MSETEX numkeys key value [key value ...] [NX | XX] "
    "[EX seconds | PX milliseconds | EXAT unix-time-seconds | PXAT unix-time-milliseconds | KEEPTTL]",
    native(msetex), summary="Set the strings at several keys at once, with a shared condition and expiry.",
    group="string", since="8.4.0", flags=WRITE | DENYOOM, complexity="O(N) where N is the number of keys",
    keys="OW update", tips="request_policy:multi_shard response_policy:all_succeeded",
)


cdef int digest(Call call) except -1:
    cdef Entry** slot = call.read(1)
    cdef char scratch[24]
    cdef const char* text
    cdef size_t length
    cdef char shown[DIGEST_TEXT_SIZE]
    if slot == NULL:
        reply_null(call.out)
        return 0
    check_string(slot)
    text = string_text(slot[0], scratch, &length)
    digest_text(text, length, shown)
    reply_bulk(call.out, shown, DIGEST_TEXT_SIZE)
    return 0

declare(
    "DIGEST key", native(digest), summary="Return the hash digest of the string at a key.", group="string",
    since="8.4.0", flags=READONLY | FAST, complexity="O(N) where N is the length of the value",
)


cdef int remove_if(Call call, Entry** slot, bint wanted) except -1:
    if wanted:
        remove(call, slot)
    reply_integer(call.out, wanted)
    return 0


cdef int delex(Call call) except -1:
    cdef Options options
    cdef Entry** slot
    if call.argc != 2 and call.argc != 4:
        raise CommandError(errors.wrong_arity("delex"))
    slot = call.write(1)
    if slot == NULL or call.argc == 2:
        return remove_if(call, slot, slot != NULL)
    # A missing key is told before words that are wrong, unlike elsewhere; so does Redis.
    if entry_type(slot[0]) != TYPE_STRING:
        raise CommandError(errors.DELEX_TYPE)
    options.given = option_at(call, 2) & COMPARISONS
    options.comparand = 3
    if not options.given:
        raise CommandError(errors.DELEX_CONDITION)
    return remove_if(call, slot, condition_holds(call, slot, &options))

declare(
    "DELEX key [IFEQ ifeq-value | IFNE ifne-value | IFDEQ ifdeq-digest | IFDNE ifdne-digest]=condition",
    native(delex), summary="Delete a key if its string, or the digest of it, compares as asked.", group="string",
    since="8.4.0", flags=WRITE | FAST,
    complexity="O(1) for IFEQ and IFNE, O(N) for digests where N is the length of the value", keys="RM delete",
)


cdef int delifeq(Call call) except -1:
    cdef Options options
    cdef Entry** slot = call.write(1)
    options.given = OPTION_IFEQ
    options.comparand = 2
    return remove_if(call, slot, condition_holds(call, slot, &options))

declare(
    "DELIFEQ key value", native(delifeq), summary="Delete a key if it holds the string given.", group="string",
    since="9.0.0", flags=WRITE | FAST, complexity="O(1)", keys="RM delete",
)
