"""The hash of the tables: fast for short keys, seeded so that nobody outside can make keys collide.

Pieces of the key, each joined with a part of the secret, are multiplied to 128 bits, and both
halves of the product are folded together, as in wyhash (Wang Yi). Keys of up to 16 bytes are read by
two loads that may overlap, so there is no loop over bytes.
"""

from libc.stdint cimport uint64_t

cdef extern from *:
    """
    #ifndef REDPOLL_HASHING
    #define REDPOLL_HASHING
    #include <stdint.h>
    #include <string.h>

    static inline uint64_t redpoll_fold(uint64_t a, uint64_t b) {
        unsigned __int128 product = (unsigned __int128)a * b;
        return (uint64_t)product ^ (uint64_t)(product >> 64);
    }

    static inline uint64_t redpoll_load8(const uint8_t *p) {
        uint64_t value;
        memcpy(&value, p, 8);
        return value;
    }

    static inline uint64_t redpoll_load4(const uint8_t *p) {
        uint32_t value;
        memcpy(&value, p, 4);
        return value;
    }

    static inline uint64_t redpoll_hash(const void *key, size_t length, uint64_t seed) {
        const uint8_t *p = key;
        uint64_t first = seed ^ 0x243F6A8885A308D3ull, second = (seed << 23 | seed >> 41) ^ 0x13198A2E03707344ull;
        uint64_t state = second, low = 0, high = 0;
        size_t left = length;
        if (length <= 16) {
            if (length >= 8) {
                low = redpoll_load8(p);
                high = redpoll_load8(p + length - 8);
            } else if (length >= 4) {
                low = redpoll_load4(p);
                high = redpoll_load4(p + length - 4);
            } else if (length) {
                low = (uint64_t)p[0] << 16 | (uint64_t)p[length >> 1] << 8 | p[length - 1];
            }
        } else {
            while (left > 16) {
                state = redpoll_fold(redpoll_load8(p) ^ first, redpoll_load8(p + 8) ^ state);
                p += 16;
                left -= 16;
            }
            low = redpoll_load8(p + left - 16);
            high = redpoll_load8(p + left - 8);
        }
        return redpoll_fold(first ^ length, redpoll_fold(low ^ first, high ^ state) ^ second);
    }
    #endif
    """
    uint64_t hash_bytes "redpoll_hash"(const void* key, size_t length, uint64_t seed) noexcept nogil
