"""HyperLogLog; the string's layout opens hyperloglog.pxd.

The algorithm is that of Flajolet, Fusy, Gandouet and Meunier, "HyperLogLog: the analysis of a near-optimal cardinality
estimation algorithm" (2007), with a hash of 64 bits as in Heule, Nunkesser and Hall, "HyperLogLog in practice" (2013),
and the improved estimator of Ertl, "New cardinality estimation algorithms for HyperLogLog sketches" (2017), algorithm
6. The hash is MurmurHash64A (Appleby).

Which runs a sparse one has depends on how it was changed: a changed run is split in at most three, and then its
neighbours of the same count are joined with it. Strings of all servers are to be the same, so this does it in the same
steps.
"""

from libc.math cimport INFINITY, sqrt
from libc.stdint cimport uint8_t, uint32_t, uint64_t
from libc.stdlib cimport abort, free, malloc, realloc
from libc.string cimport memcmp, memcpy, memmove, memset

cdef extern from "<math.h>" nogil:
    long long llround(double x)

cdef enum:
    INDEX_BITS = 14
    HASH_BITS = 50               # of the hash that are not the index
    ZERO_RUN_MAX = 64            # registers of a run of one byte
    VALUE_RUN_MAX = 4
    VALUE_MAX = 32               # count that a run can have
    JOINED_RUNS = 5              # runs that are looked at after a change

cdef uint64_t MURMUR_SEED = 0xADC83B19
cdef double ALPHA = 0.721347520444481703680      # 1 / (2 ln 2)

cdef extern from *:
    """
    #include <stdint.h>
    #include <string.h>
    #if defined(__x86_64__)
    #include <immintrin.h>
    #define REDPOLL_HLL_WIDE 1
    #endif

    /* Eight registers of six bits, one a byte. */
    static inline uint64_t redpoll_hll_spread(const uint8_t *p) {
        uint64_t x = 0;
        memcpy(&x, p, 6);
        x = (x & 0xFFFFFFull) | (x & 0xFFFFFF000000ull) << 8;
        x = (x & 0x00000FFF00000FFFull) | (x & 0x00FFF00000FFF000ull) << 4;
        return (x & 0x003F003F003F003Full) | (x & 0x0FC00FC00FC00FC0ull) << 2;
    }

    static void redpoll_hll_merge_plain(uint8_t *registers, const uint8_t *packed) {
        for (size_t i = 0; i < 16384; i += 8, packed += 6) {
            uint8_t other[8];
            uint64_t x = redpoll_hll_spread(packed);
            memcpy(other, &x, 8);
            for (int j = 0; j < 8; j++)
                if (other[j] > registers[i + j]) registers[i + j] = other[j];
        }
    }

    static void redpoll_hll_pack_plain(const uint8_t *registers, uint8_t *packed) {
        for (size_t i = 0; i < 16384; i += 4, packed += 3) {
            uint32_t x = registers[i] | registers[i + 1] << 6 | registers[i + 2] << 12 | registers[i + 3] << 18;
            packed[0] = x; packed[1] = x >> 8; packed[2] = x >> 16;
        }
    }

    #ifdef REDPOLL_HLL_WIDE
    /* 24 bytes are 32 registers: three bytes go into each lane of four, then halves of them into lanes of two, then
       each register into its byte. The two halves that are read overlap, so that nothing behind the registers is
       touched. */
    __attribute__((target("avx2")))
    static void redpoll_hll_merge_wide(uint8_t *registers, const uint8_t *const *packed, size_t count) {
        const __m256i lanes = _mm256_setr_epi8(
            0, 1, 2, -1, 3, 4, 5, -1, 6, 7, 8, -1, 9, 10, 11, -1,
            4, 5, 6, -1, 7, 8, 9, -1, 10, 11, 12, -1, 13, 14, 15, -1);
        const __m256i even = _mm256_set1_epi16(0x003F), odd = _mm256_set1_epi16(0x3F00);
        for (size_t i = 0, at = 0; i < 16384; i += 32, at += 24) {
            __m256i most = _mm256_loadu_si256((const __m256i *)(registers + i));
            for (size_t k = 0; k < count; k++) {
                __m256i x = _mm256_inserti128_si256(
                    _mm256_castsi128_si256(_mm_loadu_si128((const __m128i *)(packed[k] + at))),
                    _mm_loadu_si128((const __m128i *)(packed[k] + at + 8)), 1);
                x = _mm256_shuffle_epi8(x, lanes);
                x = _mm256_blend_epi16(x, _mm256_slli_epi32(x, 4), 0xAA);
                x = _mm256_or_si256(_mm256_and_si256(x, even), _mm256_and_si256(_mm256_slli_epi16(x, 2), odd));
                most = _mm256_max_epu8(most, x);
            }
            _mm256_storeu_si256((__m256i *)(registers + i), most);
        }
    }

    /* The same where a processor picks bits: 48 bytes are 64 registers. */
    __attribute__((target("avx512vbmi,avx512bw,avx512vl")))
    static void redpoll_hll_merge_widest(uint8_t *registers, const uint8_t *const *packed, size_t count) {
        const __mmask64 there = 0xFFFFFFFFFFFFull;
        const __m512i bits = _mm512_set1_epi64(0x2A241E18120C0600ll);       /* the multiples of six */
        const __m512i six = _mm512_set1_epi8(63);
        uint8_t order[64];
        for (int i = 0; i < 64; i++) order[i] = i / 8 * 6 + i % 8;
        const __m512i lanes = _mm512_loadu_si512(order);
        for (size_t i = 0, at = 0; i < 16384; i += 64, at += 48) {
            __m512i most = _mm512_loadu_si512(registers + i);
            for (size_t k = 0; k < count; k++) {
                __m512i x = _mm512_permutexvar_epi8(lanes, _mm512_maskz_loadu_epi8(there, packed[k] + at));
                x = _mm512_and_si512(_mm512_multishift_epi64_epi8(bits, x), six);
                most = _mm512_max_epu8(most, x);
            }
            _mm512_storeu_si512(registers + i, most);
        }
    }

    /* One pass for each value there may be: most sketches have few. False when this one has too many. */
    __attribute__((target("avx2")))
    static int redpoll_hll_histogram_wide(const uint8_t *registers, uint32_t *counts) {
        __m256i low = _mm256_set1_epi8(127), high = _mm256_setzero_si256();
        uint8_t ends[2][32];
        for (size_t i = 0; i < 16384; i += 32) {
            __m256i x = _mm256_loadu_si256((const __m256i *)(registers + i));
            low = _mm256_min_epu8(low, x);
            high = _mm256_max_epu8(high, x);
        }
        _mm256_storeu_si256((__m256i *)ends[0], low);
        _mm256_storeu_si256((__m256i *)ends[1], high);
        for (int i = 1; i < 32; i++) {
            if (ends[0][i] < ends[0][0]) ends[0][0] = ends[0][i];
            if (ends[1][i] > ends[1][0]) ends[1][0] = ends[1][i];
        }
        if (ends[1][0] > 63 || ends[1][0] - ends[0][0] > 31) return 0;
        memset(counts, 0, 64 * sizeof(*counts));
        for (int value = ends[0][0]; value <= ends[1][0]; value++) {
            const __m256i wanted = _mm256_set1_epi8(value);
            __m256i sums = _mm256_setzero_si256();
            /* 128 steps of each count fit into a byte. */
            for (size_t part = 0; part < 16384; part += 8192) {
                __m256i one = _mm256_setzero_si256(), other = _mm256_setzero_si256();
                for (size_t i = part; i < part + 8192; i += 64) {
                    __m256i x = _mm256_loadu_si256((const __m256i *)(registers + i));
                    __m256i y = _mm256_loadu_si256((const __m256i *)(registers + i + 32));
                    one = _mm256_sub_epi8(one, _mm256_cmpeq_epi8(wanted, x));
                    other = _mm256_sub_epi8(other, _mm256_cmpeq_epi8(wanted, y));
                }
                sums = _mm256_add_epi64(sums, _mm256_sad_epu8(one, _mm256_setzero_si256()));
                sums = _mm256_add_epi64(sums, _mm256_sad_epu8(other, _mm256_setzero_si256()));
            }
            counts[value] = (uint32_t)(_mm256_extract_epi64(sums, 0) + _mm256_extract_epi64(sums, 1)
                                       + _mm256_extract_epi64(sums, 2) + _mm256_extract_epi64(sums, 3));
        }
        return 1;
    }

    __attribute__((target("avx2")))
    static void redpoll_hll_pack_wide(const uint8_t *registers, uint8_t *packed) {
        const __m256i pairs = _mm256_set1_epi16(64 << 8 | 1), fours = _mm256_set1_epi32(4096 << 16 | 1);
        const __m256i lanes = _mm256_setr_epi8(
            0, 1, 2, 4, 5, 6, 8, 9, 10, 12, 13, 14, -1, -1, -1, -1,
            0, 1, 2, 4, 5, 6, 8, 9, 10, 12, 13, 14, -1, -1, -1, -1);
        uint8_t both[32];
        for (size_t i = 0; i < 16384; i += 32, packed += 24) {
            __m256i x = _mm256_loadu_si256((const __m256i *)(registers + i));
            x = _mm256_madd_epi16(_mm256_maddubs_epi16(x, pairs), fours);
            _mm256_storeu_si256((__m256i *)both, _mm256_shuffle_epi8(x, lanes));
            memcpy(packed, both, 12);
            memcpy(packed + 12, both + 16, 12);
        }
    }
    #endif

    /* 0: plain steps, 1: AVX2, 2: AVX-512; what the processor lacks counts for less. */
    static int redpoll_hll_steps = 2;

    static int redpoll_hll_possible_steps(void) {
    #ifdef REDPOLL_HLL_WIDE
        int best = !__builtin_cpu_supports("avx2") ? 0 : !__builtin_cpu_supports("avx512vbmi")
            || !__builtin_cpu_supports("avx512bw") || !__builtin_cpu_supports("avx512vl") ? 1 : 2;
        return redpoll_hll_steps < best ? redpoll_hll_steps : best;
    #else
        return 0;
    #endif
    }

    static void redpoll_hll_merge(uint8_t *registers, const uint8_t *const *packed, size_t count) {
    #ifdef REDPOLL_HLL_WIDE
        int steps = redpoll_hll_possible_steps();
        if (steps == 2) { redpoll_hll_merge_widest(registers, packed, count); return; }
        if (steps == 1) { redpoll_hll_merge_wide(registers, packed, count); return; }
    #endif
        for (size_t k = 0; k < count; k++) redpoll_hll_merge_plain(registers, packed[k]);
    }

    static void redpoll_hll_pack(const uint8_t *registers, uint8_t *packed) {
    #ifdef REDPOLL_HLL_WIDE
        if (redpoll_hll_possible_steps()) { redpoll_hll_pack_wide(registers, packed); return; }
    #endif
        redpoll_hll_pack_plain(registers, packed);
    }

    /* Registers are counted in pairs, which halves the increments, and the pairs' counts summed both ways. */
    static void redpoll_hll_histogram(const uint8_t *registers, uint32_t *counts) {
        static uint16_t pairs[2][64][64];
        uint32_t zeros = 0;
    #ifdef REDPOLL_HLL_WIDE
        if (redpoll_hll_possible_steps() && redpoll_hll_histogram_wide(registers, counts)) return;
    #endif
        memset(pairs, 0, sizeof(pairs));
        memset(counts, 0, 64 * sizeof(*counts));
        for (size_t i = 0; i < 16384; i += 8) {
            uint64_t x;
            memcpy(&x, registers + i, 8);
            if (x == 0) { zeros += 8; continue; }
            pairs[0][x & 63][x >> 8 & 63]++;
            pairs[1][x >> 16 & 63][x >> 24 & 63]++;
            pairs[0][x >> 32 & 63][x >> 40 & 63]++;
            pairs[1][x >> 48 & 63][x >> 56 & 63]++;
        }
        for (int one = 0; one < 64; one++) {
            uint32_t sum = 0;
            for (int other = 0; other < 64; other++) {
                uint32_t both = (uint32_t)pairs[0][one][other] + pairs[1][one][other];
                sum += both;
                counts[other] += both;
            }
            counts[one] += sum;
        }
        counts[0] += zeros;
    }

    #define redpoll_hll_ctz(x) __builtin_ctzll(x)
    """
    void merge_dense "redpoll_hll_merge"(uint8_t* registers, const uint8_t** packed, size_t count) noexcept nogil
    void pack_dense "redpoll_hll_pack"(const uint8_t* registers, uint8_t* packed) noexcept nogil
    void histogram "redpoll_hll_histogram"(const uint8_t* registers, uint32_t* counts) noexcept nogil
    int chosen_steps "redpoll_hll_steps"
    int trailing_zeros "redpoll_hll_ctz"(uint64_t x) noexcept nogil


cdef void hll_use_wide_steps(bint wanted) noexcept nogil:
    global chosen_steps
    chosen_steps = 2 if wanted else 0


cdef uint64_t murmur(const uint8_t* p, size_t length) noexcept nogil:
    """MurmurHash64A."""
    cdef uint64_t m = <uint64_t>0xC6A4A7935BD1E995
    cdef uint64_t hash = MURMUR_SEED ^ (length * m)
    cdef uint64_t k
    cdef size_t left = length
    while left >= 8:
        memcpy(&k, p, 8)
        k *= m
        k ^= k >> 47
        k *= m
        hash = (hash ^ k) * m
        p += 8
        left -= 8
    if left:
        k = 0
        memcpy(&k, p, left)
        hash = (hash ^ k) * m
    hash ^= hash >> 47
    hash *= m
    return hash ^ (hash >> 47)


cdef void hll_place(const char* text, size_t length, size_t* register, uint8_t* count) noexcept nogil:
    cdef uint64_t hash = murmur(<const uint8_t*>text, length)
    register[0] = hash & (HLL_REGISTERS - 1)
    count[0] = <uint8_t>(trailing_zeros((hash >> INDEX_BITS) | (<uint64_t>1 << HASH_BITS)) + 1)


cdef bint hll_recognized(const uint8_t* bytes, size_t length) noexcept nogil:
    if length < HLL_HEADER or memcmp(bytes, b"HYLL", 4) != 0 or bytes[4] > HLL_SPARSE:
        return False
    return bytes[4] == HLL_SPARSE or length == HLL_DENSE_BYTES


cdef uint64_t hll_estimate(const uint8_t* bytes) noexcept nogil:
    cdef uint64_t estimate
    memcpy(&estimate, bytes + 8, 8)
    return estimate


cdef void hll_set_estimate(uint8_t* bytes, uint64_t estimate) noexcept nogil:
    memcpy(bytes + 8, &estimate, 8)


# Dense

cdef int hll_dense_get(const uint8_t* bytes, size_t register) noexcept nogil:
    cdef size_t bit = register * 6
    cdef const uint8_t* p = bytes + HLL_HEADER + (bit >> 3)
    cdef uint32_t pair = p[0]
    # The last register ends with the last byte.
    if (bit & 7) > 2:
        pair |= <uint32_t>p[1] << 8
    return (pair >> (bit & 7)) & 63


cdef void hll_dense_set(uint8_t* bytes, size_t register, uint8_t count) noexcept nogil:
    cdef size_t bit = register * 6
    cdef uint8_t* p = bytes + HLL_HEADER + (bit >> 3)
    cdef uint32_t shift = bit & 7
    cdef uint32_t mask = <uint32_t>63 << shift
    cdef uint32_t value = <uint32_t>count << shift
    p[0] = <uint8_t>((p[0] & ~mask) | value)
    if shift > 2:
        p[1] = <uint8_t>((p[1] & ~(mask >> 8)) | (value >> 8))


# Sparse

cdef inline size_t run_bytes(const uint8_t* p) noexcept nogil:
    return 2 if (p[0] & 0xC0) == 0x40 else 1


cdef inline size_t run_length(const uint8_t* p) noexcept nogil:
    if p[0] & 0x80:
        return (p[0] & 3) + 1
    if p[0] & 0x40:
        return ((<size_t>(p[0] & 63) << 8) | p[1]) + 1
    return p[0] + 1


cdef inline uint8_t run_count(const uint8_t* p) noexcept nogil:
    return ((p[0] >> 2) & 31) + 1 if p[0] & 0x80 else 0


cdef inline size_t write_zeros(uint8_t* to, size_t run) noexcept nogil:
    if run == 0:
        return 0
    run -= 1
    if run < ZERO_RUN_MAX:
        to[0] = <uint8_t>run
        return 1
    to[0] = <uint8_t>(0x40 | (run >> 8))
    to[1] = <uint8_t>run
    return 2


cdef inline size_t write_values(uint8_t* to, uint8_t count, size_t run) noexcept nogil:
    if run == 0:
        return 0
    to[0] = <uint8_t>(0x80 | ((count - 1) << 2) | (run - 1))
    return 1


cdef bint hll_next_run(const uint8_t* bytes, size_t length, size_t* at, size_t* run, uint8_t* count) noexcept nogil:
    cdef const uint8_t* p = bytes + at[0]
    if at[0] >= length or at[0] + run_bytes(p) > length:
        return False
    run[0] = run_length(p)
    count[0] = run_count(p)
    at[0] += run_bytes(p)
    return True


cdef void reserve(Sketch* sketch, size_t capacity) noexcept nogil:
    if capacity > sketch.capacity:
        sketch.capacity = capacity + capacity // 2 + 64
        sketch.bytes = <uint8_t*>realloc(sketch.bytes, sketch.capacity)
        if sketch.bytes == NULL:
            abort()


cdef void sketch_of(Sketch* sketch, const uint8_t* bytes, size_t length, size_t limit) noexcept nogil:
    memset(sketch, 0, sizeof(Sketch))
    sketch.limit = limit
    reserve(sketch, length + 16)
    memcpy(sketch.bytes, bytes, length)
    sketch.length = length


cdef void sketch_new(Sketch* sketch, size_t limit) noexcept nogil:
    cdef uint8_t empty[HLL_HEADER + 2]
    memset(empty, 0, HLL_HEADER)
    memcpy(empty, b"HYLL", 4)
    empty[4] = HLL_SPARSE
    sketch_of(sketch, empty, HLL_HEADER + write_zeros(empty + HLL_HEADER, HLL_REGISTERS), limit)


cdef void sketch_free(Sketch* sketch) noexcept nogil:
    free(sketch.bytes)
    sketch.bytes = NULL


cdef bint sketch_make_dense(Sketch* sketch) noexcept nogil:
    cdef uint8_t* dense
    cdef size_t at = HLL_HEADER
    cdef size_t register = 0
    cdef size_t run, i
    cdef uint8_t count
    if not hll_is_sparse(sketch.bytes):
        return True
    dense = <uint8_t*>malloc(HLL_DENSE_BYTES)
    if dense == NULL:
        abort()
    memset(dense, 0, HLL_DENSE_BYTES)
    memcpy(dense, sketch.bytes, HLL_HEADER)
    dense[4] = HLL_DENSE
    while hll_next_run(sketch.bytes, sketch.length, &at, &run, &count):
        if register + run > HLL_REGISTERS:
            register = 0
            break
        if count:
            for i in range(register, register + run):
                hll_dense_set(dense, i, count)
        register += run
    if register != HLL_REGISTERS or at != sketch.length:
        free(dense)
        return False
    free(sketch.bytes)
    sketch.bytes = dense
    sketch.length = sketch.capacity = HLL_DENSE_BYTES
    return True


cdef int raise_dense(Sketch* sketch, size_t register, uint8_t count) noexcept nogil:
    if hll_dense_get(sketch.bytes, register) >= count:
        return 0
    hll_dense_set(sketch.bytes, register, count)
    return 1


cdef int promote(Sketch* sketch, size_t register, uint8_t count) noexcept nogil:
    if not sketch_make_dense(sketch):
        return -1
    return raise_dense(sketch, register, count)


cdef void join_runs(Sketch* sketch, size_t at) noexcept nogil:
    """Neighbours of the same count become one run, among the few runs from `at` on."""
    cdef uint8_t* p
    cdef int left = JOINED_RUNS
    cdef size_t run
    while left and at < sketch.length:
        left -= 1
        p = sketch.bytes + at
        if p[0] & 0x80 and at + 1 < sketch.length and p[1] & 0x80 and run_count(p) == run_count(p + 1):
            run = run_length(p) + run_length(p + 1)
            if run <= VALUE_RUN_MAX:
                write_values(p + 1, run_count(p), run)
                memmove(p, p + 1, sketch.length - at - 1)
                sketch.length -= 1
                continue
        at += run_bytes(p)


cdef int sketch_raise(Sketch* sketch, size_t register, uint8_t count) noexcept nogil:
    cdef uint8_t made[8]
    cdef size_t before_last = HLL_HEADER      # the run before the last one before the register's, and its register
    cdef size_t before_last_first = 0
    cdef size_t last = HLL_HEADER
    cdef size_t last_first = 0
    cdef size_t at = HLL_HEADER
    cdef size_t first = 0
    cdef size_t run, size, made_size
    cdef uint8_t* p
    cdef uint8_t there
    if not hll_is_sparse(sketch.bytes):
        return raise_dense(sketch, register, count)
    if count > VALUE_MAX:
        return promote(sketch, register, count)
    if sketch.hint and sketch.hint_register <= register:
        before_last = last = at = sketch.hint
        before_last_first = last_first = first = sketch.hint_register
    while True:
        if at >= sketch.length or at + run_bytes(sketch.bytes + at) > sketch.length:
            return -1
        p = sketch.bytes + at
        run = run_length(p)
        if register < first + run:
            break
        before_last, before_last_first = last, last_first
        last, last_first = at, first
        at += run_bytes(p)
        first += run
    there = run_count(p)
    if there >= count:
        return 0
    size = run_bytes(p)
    if run == 1 and size == 1:
        write_values(p, count, 1)
    else:
        if there:
            made_size = write_values(made, there, register - first)
            made_size += write_values(made + made_size, count, 1)
            made_size += write_values(made + made_size, there, first + run - 1 - register)
        else:
            made_size = write_zeros(made, register - first)
            made_size += write_values(made + made_size, count, 1)
            made_size += write_zeros(made + made_size, first + run - 1 - register)
        if made_size > size and sketch.length + made_size - size > sketch.limit:
            return promote(sketch, register, count)
        reserve(sketch, sketch.length + 8)
        p = sketch.bytes + at
        memmove(p + made_size, p + size, sketch.length - at - size)
        memcpy(p, made, made_size)
        sketch.length += made_size - size
    join_runs(sketch, last)
    sketch.hint = before_last
    sketch.hint_register = before_last_first
    return 1


# Registers one a byte

cdef bint registers_merge(uint8_t* registers, const uint8_t* bytes, size_t length) noexcept nogil:
    cdef size_t at = HLL_HEADER
    cdef size_t register = 0
    cdef size_t run, i
    cdef uint8_t count
    cdef const uint8_t* packed
    if not hll_is_sparse(bytes):
        packed = bytes + HLL_HEADER
        merge_dense(registers, &packed, 1)
        return True
    while hll_next_run(bytes, length, &at, &run, &count):
        if register + run > HLL_REGISTERS:
            return False
        if count:
            for i in range(register, register + run):
                if registers[i] < count:
                    registers[i] = count
        register += run
    return register == HLL_REGISTERS and at == length


cdef void registers_merge_dense(uint8_t* registers, const uint8_t** strings, size_t count) noexcept nogil:
    cdef const uint8_t* packed[MERGED_TOGETHER]
    cdef size_t i
    for i in range(count):
        packed[i] = strings[i] + HLL_HEADER
    merge_dense(registers, packed, count)


cdef double sigma(double x) noexcept nogil:
    cdef double y = 1.0
    cdef double z = x
    cdef double before
    if x == 1.0:
        return INFINITY
    while True:
        x *= x
        before = z
        z += x * y
        y += y
        if z == before:
            return z


cdef double tau(double x) noexcept nogil:
    cdef double y = 1.0
    cdef double z = 1.0 - x
    cdef double before
    if x == 0.0 or x == 1.0:
        return 0.0
    while True:
        x = sqrt(x)
        before = z
        y *= 0.5
        z -= (1.0 - x) * (1.0 - x) * y
        if z == before:
            return z / 3.0


cdef uint64_t registers_estimate(const uint8_t* registers) noexcept nogil:
    cdef uint32_t counts[64]
    cdef double m = HLL_REGISTERS
    cdef double z
    cdef int j
    histogram(registers, counts)
    z = m * tau((m - counts[HASH_BITS + 1]) / m)
    for j in range(HASH_BITS, 0, -1):
        z += counts[j]
        z *= 0.5
    z += m * sigma(counts[0] / m)
    return <uint64_t>llround(ALPHA * m * m / z)


cdef void registers_pack(const uint8_t* registers, uint8_t* bytes) noexcept nogil:
    pack_dense(registers, bytes + HLL_HEADER)


cdef str test_registers():
    """Random registers, set one by one, spread, packed and counted again."""
    cdef uint8_t dense[HLL_DENSE_BYTES]
    cdef uint8_t other[HLL_DENSE_BYTES]
    cdef uint8_t expected[HLL_REGISTERS]
    cdef uint8_t registers[HLL_REGISTERS]
    cdef const uint8_t* packed[2]
    cdef uint32_t counts[64]
    cdef uint64_t state = 88172645463325252
    cdef size_t i
    cdef int mask
    for mask in (63, 31, 15):
        memset(dense, 0, sizeof(dense))
        for i in range(HLL_REGISTERS):
            state ^= state << 13
            state ^= state >> 7
            state ^= state << 17
            expected[i] = state & mask
            hll_dense_set(dense, i, expected[i])
        for i in range(HLL_REGISTERS):
            if hll_dense_get(dense, i) != expected[i]:
                return f"register {i} should be {expected[i]} but is {hll_dense_get(dense, i)}"
        memset(registers, 0, sizeof(registers))
        packed[0] = packed[1] = dense + HLL_HEADER
        merge_dense(registers, packed, 2)
        if memcmp(registers, expected, sizeof(registers)) != 0:
            return "registers are not spread as they are set"
        memcpy(other, dense, HLL_HEADER)
        pack_dense(registers, other + HLL_HEADER)
        if memcmp(other, dense, sizeof(dense)) != 0:
            return "registers are not packed as they are set"
        histogram(registers, counts)
        for i in range(HLL_REGISTERS):
            counts[expected[i]] -= 1
        for i in range(64):
            if counts[i]:
                return f"registers of {i} are not counted as they are set"
    return ""


cdef str test_estimates():
    cdef uint8_t registers[HLL_REGISTERS]
    cdef uint64_t element
    cdef size_t register
    cdef size_t step = 1
    cdef uint8_t count
    cdef double error
    memset(registers, 0, sizeof(registers))
    for element in range(1, 1_000_001):
        hll_place(<char*>&element, sizeof(element), &register, &count)
        if registers[register] < count:
            registers[register] = count
        if element == step:
            error = abs(<double>registers_estimate(registers) - <double>element)
            # Four times the standard error; of a few, one may be missed.
            if error > 4 * 1.04 / sqrt(HLL_REGISTERS) * element and error > 1.5:
                return f"the estimate for {element} is {registers_estimate(registers)}"
            step *= 10
    return ""


def self_test() -> str:
    """What is wrong with registers and estimates, for PFSELFTEST; empty: nothing."""
    global chosen_steps
    cdef int before = chosen_steps
    cdef str wrong = ""
    for steps in (0, 1, 2):
        if not wrong:
            chosen_steps = steps
            wrong = test_registers()
    chosen_steps = before
    return wrong or test_estimates()
