"""XXH3 with 64 bits and seed 0, after the specification of Yann Collet's xxHash (doc/xxhash_spec.md).

Five ways by length: up to 16 bytes in three kinds of a mix of both ends, up to 240 in 16-byte
steps against the secret, and above that eight lanes over 1,024-byte blocks.
"""

from libc.stdint cimport uint8_t, uint32_t, uint64_t
from libc.string cimport memcpy

cdef extern from *:
    """
    #include <stdint.h>
    static inline uint64_t redpoll_fold128(uint64_t a, uint64_t b) {
        unsigned __int128 product = (unsigned __int128)a * b;
        return (uint64_t)product ^ (uint64_t)(product >> 64);
    }
    static const unsigned char redpoll_xxh3_secret[192] = {
        0xb8,0xfe,0x6c,0x39,0x23,0xa4,0x4b,0xbe,0x7c,0x01,0x81,0x2c,0xf7,0x21,0xad,0x1c,
        0xde,0xd4,0x6d,0xe9,0x83,0x90,0x97,0xdb,0x72,0x40,0xa4,0xa4,0xb7,0xb3,0x67,0x1f,
        0xcb,0x79,0xe6,0x4e,0xcc,0xc0,0xe5,0x78,0x82,0x5a,0xd0,0x7d,0xcc,0xff,0x72,0x21,
        0xb8,0x08,0x46,0x74,0xf7,0x43,0x24,0x8e,0xe0,0x35,0x90,0xe6,0x81,0x3a,0x26,0x4c,
        0x3c,0x28,0x52,0xbb,0x91,0xc3,0x00,0xcb,0x88,0xd0,0x65,0x8b,0x1b,0x53,0x2e,0xa3,0x71,
        0x64,0x48,0x97,0xa2,0x0d,0xf9,0x4e,0x38,0x19,0xef,0x46,0xa9,0xde,0xac,0xd8,0xa8,
        0xfa,0x76,0x3f,0xe3,0x9c,0x34,0x3f,0xf9,0xdc,0xbb,0xc7,0xc7,0x0b,0x4f,0x1d,0x8a,
        0x51,0xe0,0x4b,0xcd,0xb4,0x59,0x31,0xc8,0x9f,0x7e,0xc9,0xd9,0x78,0x73,0x64,0xea,
        0xc5,0xac,0x83,0x34,0xd3,0xeb,0xc3,0xc5,0x81,0xa0,0xff,0xfa,0x13,0x63,0xeb,0x17,
        0x0d,0xdd,0x51,0xb7,0xf0,0xda,0x49,0xd3,0x16,0x55,0x26,0x29,0xd4,0x68,0x9e,0x2b,
        0x16,0xbe,0x58,0x7d,0x47,0xa1,0xfc,0x8f,0xf8,0xb8,0xd1,0x7a,0xd0,0x31,0xce,0x45,
        0xcb,0x3a,0x8f,0x95,0x16,0x04,0x28,0xaf,0xd7,0xfb,0xca,0xbb,0x4b,0x40,0x7e
    };
    """
    uint64_t fold "redpoll_fold128"(uint64_t a, uint64_t b) noexcept nogil
    const uint8_t* SECRET "redpoll_xxh3_secret"

cdef uint64_t P32_1 = 0x9E3779B1u
cdef uint64_t P32_2 = 0x85EBCA77u
cdef uint64_t P32_3 = 0xC2B2AE3Du
cdef uint64_t P64_1 = 0x9E3779B185EBCA87u
cdef uint64_t P64_2 = 0xC2B2AE3D27D4EB4Fu
cdef uint64_t P64_3 = 0x165667B19E3779F9u
cdef uint64_t P64_4 = 0x85EBCA77C2B2AE63u
cdef uint64_t P64_5 = 0x27D4EB2F165667C5u


cdef inline uint64_t r64(const uint8_t* p) noexcept nogil:
    cdef uint64_t value
    memcpy(&value, p, 8)
    return value


cdef inline uint64_t r32(const uint8_t* p) noexcept nogil:
    cdef uint32_t value
    memcpy(&value, p, 4)
    return value


cdef inline uint64_t rotated(uint64_t x, int by) noexcept nogil:
    return (x << by) | (x >> (64 - by))


cdef inline uint64_t swapped(uint64_t x) noexcept nogil:
    x = ((x >> 8) & <uint64_t>0x00FF00FF00FF00FFu) | ((x & <uint64_t>0x00FF00FF00FF00FFu) << 8)
    x = ((x >> 16) & <uint64_t>0x0000FFFF0000FFFFu) | ((x & <uint64_t>0x0000FFFF0000FFFFu) << 16)
    return (x >> 32) | (x << 32)


cdef inline uint64_t avalanche64(uint64_t h) noexcept nogil:
    h ^= h >> 33
    h *= P64_2
    h ^= h >> 29
    h *= P64_3
    return h ^ (h >> 32)


cdef inline uint64_t avalanche(uint64_t h) noexcept nogil:
    h ^= h >> 37
    h *= <uint64_t>0x165667919E3779F9u
    return h ^ (h >> 32)


cdef inline uint64_t mix16(const uint8_t* p, const uint8_t* secret) noexcept nogil:
    return fold(r64(p) ^ r64(secret), r64(p + 8) ^ r64(secret + 8))


cdef uint64_t up_to_16(const uint8_t* p, size_t length) noexcept nogil:
    cdef uint64_t low, high, h
    if length > 8:
        low = r64(p) ^ (r64(SECRET + 24) ^ r64(SECRET + 32))
        high = r64(p + length - 8) ^ (r64(SECRET + 40) ^ r64(SECRET + 48))
        return avalanche(length + swapped(low) + high + fold(low, high))
    if length >= 4:
        h = (r32(p + length - 4) + (r32(p) << 32)) ^ (r64(SECRET + 8) ^ r64(SECRET + 16))
        h ^= rotated(h, 49) ^ rotated(h, 24)
        h *= <uint64_t>0x9FB21C651E98DF25u
        h ^= (h >> 35) + length
        h *= <uint64_t>0x9FB21C651E98DF25u
        return h ^ (h >> 28)
    if length:
        h = (<uint64_t>p[0] << 16) | (<uint64_t>p[length >> 1] << 24) | p[length - 1] | (<uint64_t>length << 8)
        return avalanche64(h ^ (r32(SECRET) ^ r32(SECRET + 4)))
    return avalanche64(r64(SECRET + 56) ^ r64(SECRET + 64))


cdef uint64_t up_to_128(const uint8_t* p, size_t length) noexcept nogil:
    cdef uint64_t total = length * P64_1
    if length > 32:
        if length > 64:
            if length > 96:
                total += mix16(p + 48, SECRET + 96) + mix16(p + length - 64, SECRET + 112)
            total += mix16(p + 32, SECRET + 64) + mix16(p + length - 48, SECRET + 80)
        total += mix16(p + 16, SECRET + 32) + mix16(p + length - 32, SECRET + 48)
    total += mix16(p, SECRET) + mix16(p + length - 16, SECRET + 16)
    return avalanche(total)


cdef uint64_t up_to_240(const uint8_t* p, size_t length) noexcept nogil:
    cdef uint64_t total = length * P64_1
    cdef size_t i
    for i in range(8):
        total += mix16(p + 16 * i, SECRET + 16 * i)
    total = avalanche(total)
    for i in range(8, length // 16):
        total += mix16(p + 16 * i, SECRET + 16 * (i - 8) + 3)
    return avalanche(total + mix16(p + length - 16, SECRET + 119))


cdef inline void take_stripe(uint64_t* lanes, const uint8_t* p, const uint8_t* secret) noexcept nogil:
    cdef size_t i
    cdef uint64_t data, key
    for i in range(8):
        data = r64(p + 8 * i)
        key = data ^ r64(secret + 8 * i)
        lanes[i ^ 1] += data
        lanes[i] += (key & <uint64_t>0xFFFFFFFFu) * (key >> 32)


cdef uint64_t long_text(const uint8_t* p, size_t length) noexcept nogil:
    cdef uint64_t[8] lanes
    cdef uint64_t h
    cdef size_t block, stripe, i
    cdef size_t blocks = (length - 1) // 1024
    lanes[0] = P32_3
    lanes[1] = P64_1
    lanes[2] = P64_2
    lanes[3] = P64_3
    lanes[4] = P64_4
    lanes[5] = P32_2
    lanes[6] = P64_5
    lanes[7] = P32_1
    for block in range(blocks):
        for stripe in range(16):
            take_stripe(lanes, p + block * 1024 + stripe * 64, SECRET + stripe * 8)
        for i in range(8):
            lanes[i] = (lanes[i] ^ (lanes[i] >> 47) ^ r64(SECRET + 128 + 8 * i)) * P32_1
    for stripe in range((length - 1 - blocks * 1024) // 64):
        take_stripe(lanes, p + blocks * 1024 + stripe * 64, SECRET + stripe * 8)
    take_stripe(lanes, p + length - 64, SECRET + 121)
    h = length * P64_1
    for i in range(4):
        h += fold(lanes[2 * i] ^ r64(SECRET + 11 + 16 * i), lanes[2 * i + 1] ^ r64(SECRET + 19 + 16 * i))
    return avalanche(h)


cdef uint64_t xxh3_64(const void* data, size_t length) noexcept nogil:
    cdef const uint8_t* p = <const uint8_t*>data
    if length <= 16:
        return up_to_16(p, length)
    if length <= 128:
        return up_to_128(p, length)
    if length <= 240:
        return up_to_240(p, length)
    return long_text(p, length)


cdef void digest_text(const void* data, size_t length, char* out) noexcept nogil:
    cdef uint64_t h = xxh3_64(data, length)
    cdef const char* digits = b"0123456789abcdef"
    cdef int i
    for i in range(DIGEST_TEXT_SIZE):
        out[i] = digits[h >> (60 - 4 * i) & 15]


def digest(bytes text):
    """The hash of a text, as an integer."""
    return xxh3_64(<const char*>text, len(text))
