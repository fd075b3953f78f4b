"""HyperLogLogs: strings that estimate how many different elements were added."""

from libc.stdint cimport uint8_t, uint64_t
from libc.string cimport memcpy, memset

from redpoll.commands.call cimport EVENT_STRING, Call, check_type, native
from redpoll.engine.entry cimport TYPE_STRING, Entry, string_text
from redpoll.engine.hyperloglog cimport (
    HLL_DENSE, HLL_DENSE_BYTES, HLL_HEADER, HLL_REGISTERS, MERGED_TOGETHER, Sketch, hll_dense_get, hll_estimate,
    hll_is_current, hll_is_sparse, hll_next_run, hll_outdate, hll_place, hll_recognized, hll_set_estimate,
    hll_use_wide_steps, registers_estimate, registers_merge, registers_merge_dense, registers_pack, sketch_free,
    sketch_make_dense, sketch_new, sketch_of, sketch_raise,
)
from redpoll.wire.reply cimport reply_array, reply_bulk, reply_integer, reply_ok, reply_status

from redpoll import errors
from redpoll.commands.declare import declare
from redpoll.commands.flags import ADMIN, DENYOOM, FAST, READONLY, WRITE
from redpoll.engine import hyperloglog
from redpoll.errors import CommandError


cdef int find_sketch(Entry** slot, const uint8_t** bytes, size_t* length) except -1:
    """The string at a slot, as it is. Raises for what is no HyperLogLog; False when there is no key."""
    cdef char scratch[24]
    check_type(slot, TYPE_STRING)
    if slot == NULL:
        return False
    bytes[0] = <const uint8_t*>string_text(slot[0], scratch, length)
    if not hll_recognized(bytes[0], length[0]):
        raise CommandError(errors.NOT_A_HYPERLOGLOG)
    return True


cdef void put_back(Call call, Entry** slot, Sketch* sketch) noexcept:
    """Make a sketch the value of the key at the first word."""
    cdef char* text
    if slot == NULL:
        slot = call.db.put_plain(NULL, call.argv[1].ptr, call.argv[1].len, call.hash_of(1), b"", 0, -1)
    text = call.db.edit_text(slot, sketch.length)
    memcpy(text, sketch.bytes, sketch.length)


cdef int add_in_place(Call call, Entry** slot, const uint8_t* bytes, size_t length) noexcept:
    """Raise registers of a dense one; how many were raised."""
    cdef Sketch sketch
    cdef size_t i, register
    cdef uint8_t count
    cdef int raised = 0
    memset(&sketch, 0, sizeof(sketch))
    for i in range(2, call.argc):
        hll_place(call.argv[i].ptr, call.argv[i].len, &register, &count)
        if hll_dense_get(bytes, register) < count:
            if not raised:
                sketch.bytes = <uint8_t*>call.db.edit_text(slot, length)
                bytes = sketch.bytes
            sketch_raise(&sketch, register, count)
            raised += 1
    if raised:
        hll_outdate(sketch.bytes)
    return raised


cdef int add_to_copy(Call call, Entry** slot, Sketch* sketch) except -1:
    """The same for a sparse one, and for a key that is new."""
    cdef size_t i, register
    cdef uint8_t count
    cdef int result
    cdef int raised = slot == NULL
    cdef bint damaged = False
    for i in range(2, call.argc):
        hll_place(call.argv[i].ptr, call.argv[i].len, &register, &count)
        result = sketch_raise(sketch, register, count)
        if result < 0:
            damaged = True
            break
        raised += result
    if raised:
        hll_outdate(sketch.bytes)
        put_back(call, slot, sketch)
    sketch_free(sketch)
    if damaged:
        raise CommandError(errors.DAMAGED_HYPERLOGLOG)
    return raised


cdef int pfadd(Call call) except -1:
    cdef Entry** slot = call.write(1)
    cdef const uint8_t* bytes
    cdef size_t length
    cdef Sketch sketch
    cdef int raised
    if not find_sketch(slot, &bytes, &length):
        sketch_new(&sketch, call.keyspace.hll_sparse_max_bytes)
        raised = add_to_copy(call, slot, &sketch)
    elif hll_is_sparse(bytes):
        sketch_of(&sketch, bytes, length, call.keyspace.hll_sparse_max_bytes)
        raised = add_to_copy(call, slot, &sketch)
    else:
        raised = add_in_place(call, slot, bytes, length)
    if raised:
        call.changed(EVENT_STRING, b"pfadd", 1)
        call.keyspace.dirty += raised - 1
    reply_integer(call.out, raised > 0)
    return 0

declare(
    "PFADD key [element [element ...]]", native(pfadd),
    summary="Add elements to a HyperLogLog, which is made when it is missing.", group="hyperloglog", since="2.8.9",
    flags=WRITE | DENYOOM | FAST, complexity="O(1) for each element", keys="RW insert",
)


cdef int merge_all(Call call, size_t first, uint8_t* registers, bint* dense) except -1:
    """Raise registers to those of all HyperLogLogs at the words from `first` on; `dense`: one of them is."""
    cdef const uint8_t* bytes
    cdef const uint8_t* together[MERGED_TOGETHER]
    cdef size_t count = 0
    cdef size_t length, i
    memset(registers, 0, HLL_REGISTERS)
    for i in range(first, call.argc):
        if not find_sketch(call.read(i), &bytes, &length):
            continue
        if hll_is_sparse(bytes):
            if not registers_merge(registers, bytes, length):
                raise CommandError(errors.DAMAGED_HYPERLOGLOG)
            continue
        dense[0] = True
        together[count] = bytes
        count += 1
        if count == MERGED_TOGETHER:
            registers_merge_dense(registers, together, count)
            count = 0
    registers_merge_dense(registers, together, count)
    return 0


cdef int count_one(Call call, uint8_t* registers) except -1:
    cdef Entry** slot = call.read(1)
    cdef const uint8_t* bytes
    cdef uint64_t estimate
    cdef size_t length
    if not find_sketch(slot, &bytes, &length):
        reply_integer(call.out, 0)
        return 0
    if hll_is_current(bytes):
        reply_integer(call.out, hll_estimate(bytes))
        return 0
    memset(registers, 0, HLL_REGISTERS)
    if not registers_merge(registers, bytes, length):
        raise CommandError(errors.DAMAGED_HYPERLOGLOG)
    estimate = registers_estimate(registers)
    # The estimate is kept in the string: reading changes it.
    slot = call.write(1)
    hll_set_estimate(<uint8_t*>call.db.edit_text(slot, length), estimate)
    call.altered(1)
    reply_integer(call.out, estimate)
    return 0


cdef int pfcount(Call call) except -1:
    cdef uint8_t registers[HLL_REGISTERS]
    cdef bint dense = False
    if call.argc == 2:
        return count_one(call, registers)
    call.prefetch(1, 1)
    merge_all(call, 1, registers, &dense)
    reply_integer(call.out, registers_estimate(registers))
    return 0

declare(
    "PFCOUNT key [key ...]", native(pfcount),
    summary="Estimate how many different elements were added to HyperLogLogs.", group="hyperloglog", since="2.8.9",
    flags=READONLY, keys="RW access",
    complexity="O(1) for one key whose estimate is known, else O(N) where N is the number of keys",
)


cdef int put_dense(Call call, Entry** slot, const uint8_t* registers) except -1:
    """Make registers the value of the key at the first word; of an estimate that was there, the bytes stay."""
    cdef uint8_t header[HLL_HEADER]
    cdef const uint8_t* bytes
    cdef uint8_t* text
    cdef size_t length
    if find_sketch(slot, &bytes, &length):
        memcpy(header, bytes, HLL_HEADER)
    else:
        memset(header, 0, HLL_HEADER)
        memcpy(header, b"HYLL", 4)
        slot = call.db.put_plain(NULL, call.argv[1].ptr, call.argv[1].len, call.hash_of(1), b"", 0, -1)
    header[4] = HLL_DENSE
    hll_outdate(header)
    text = <uint8_t*>call.db.edit_text(slot, HLL_DENSE_BYTES)
    memcpy(text, header, HLL_HEADER)
    registers_pack(registers, text)
    return 0


cdef int pfmerge(Call call) except -1:
    cdef uint8_t registers[HLL_REGISTERS]
    cdef Entry** slot
    cdef const uint8_t* bytes
    cdef size_t length, i
    cdef Sketch sketch
    cdef bint dense = False
    call.prefetch(1, 1)
    merge_all(call, 1, registers, &dense)
    slot = call.write(1)
    if dense:
        put_dense(call, slot, registers)
    else:
        if find_sketch(slot, &bytes, &length):
            sketch_of(&sketch, bytes, length, call.keyspace.hll_sparse_max_bytes)
        else:
            sketch_new(&sketch, call.keyspace.hll_sparse_max_bytes)
        for i in range(HLL_REGISTERS):
            if registers[i]:
                sketch_raise(&sketch, i, registers[i])
        hll_outdate(sketch.bytes)
        put_back(call, slot, &sketch)
        sketch_free(&sketch)
    call.changed(EVENT_STRING, b"pfadd", 1)
    reply_ok(call.out)
    return 0

declare(
    "PFMERGE destkey [sourcekey [sourcekey ...]]", native(pfmerge),
    summary="Merge HyperLogLogs into one, which is made when it is missing.", group="hyperloglog", since="2.8.9",
    flags=WRITE | DENYOOM, complexity="O(N) where N is the number of keys", keys=("RW access insert", "RO access"),
)


cdef int debug_registers(Call call, const Sketch* sketch) except -1:
    cdef size_t i
    reply_array(call.out, HLL_REGISTERS)
    for i in range(HLL_REGISTERS):
        reply_integer(call.out, hll_dense_get(sketch.bytes, i))
    return 0


cdef int debug_runs(Call call, const uint8_t* runs, size_t length) except -1:
    cdef size_t at = HLL_HEADER
    cdef size_t before = at
    cdef size_t run
    cdef uint8_t count
    cdef list parts = []
    cdef bytes text
    while hll_next_run(runs, length, &at, &run, &count):
        if count:
            parts.append(b"v:%d,%d" % (count, run))
        elif at - before == 2:
            parts.append(b"Z:%d" % run)
        else:
            parts.append(b"z:%d" % run)
        before = at
    text = b" ".join(parts)
    reply_bulk(call.out, text, len(text))
    return 0


cdef int debug_steps(Call call) except -1:
    if call.word_is(2, b"ON", 2):
        hll_use_wide_steps(True)
        reply_status(call.out, b"enabled", 7)
    elif call.word_is(2, b"OFF", 3):
        hll_use_wide_steps(False)
        reply_status(call.out, b"disabled", 8)
    else:
        raise CommandError(errors.SIMD_SWITCH)
    return 0


cdef int pfdebug(Call call) except -1:
    cdef Entry** slot
    cdef const uint8_t* bytes
    cdef size_t length
    cdef Sketch sketch
    cdef bint registers = call.word_is(1, b"GETREG", 6)
    cdef bint sparse
    if call.word_is(1, b"SIMD", 4):
        return debug_steps(call)
    slot = call.write(2)
    if slot == NULL:
        raise CommandError(errors.NO_SPECIFIED_KEY)
    find_sketch(slot, &bytes, &length)
    sparse = hll_is_sparse(bytes)
    if registers or call.word_is(1, b"TODENSE", 7):
        sketch_of(&sketch, bytes, length, 0)
        if not sketch_make_dense(&sketch):
            sketch_free(&sketch)
            raise CommandError(errors.DAMAGED_HYPERLOGLOG)
        if sparse:
            memcpy(call.db.edit_text(slot, sketch.length), sketch.bytes, sketch.length)
            call.altered(2)
        if registers:
            debug_registers(call, &sketch)
        else:
            reply_integer(call.out, sparse)
        sketch_free(&sketch)
    elif call.word_is(1, b"DECODE", 6):
        if not sparse:
            raise CommandError(errors.NOT_SPARSE)
        debug_runs(call, bytes, length)
    elif call.word_is(1, b"ENCODING", 8):
        if sparse:
            reply_status(call.out, b"sparse", 6)
        else:
            reply_status(call.out, b"dense", 5)
    else:
        raise CommandError(errors.unknown_pfdebug(call.word(1).decode("latin-1")))
    return 0

declare(
    "PFDEBUG subcommand key", native(pfdebug), summary="Look into a HyperLogLog, for tests.", group="hyperloglog",
    since="2.8.9", flags=WRITE | DENYOOM | ADMIN, complexity="O(N) where N is the number of registers",
    keys="RW access", syscmd=True,
)


cdef int pfselftest(Call call) except -1:
    cdef str wrong = hyperloglog.self_test()
    if wrong:
        raise CommandError(errors.failed_self_test(wrong))
    reply_ok(call.out)
    return 0

declare(
    "PFSELFTEST", native(pfselftest), summary="Test the arithmetic of HyperLogLogs.", group="hyperloglog",
    since="2.8.9", flags=ADMIN, complexity="O(N) where N is the size of the test", syscmd=True,
)
