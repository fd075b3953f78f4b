from libc.stdint cimport uint64_t
cdef extern from *:
    """
    #include <stdint.h>
    #include <string.h>
    static inline uint64_t rp_mum(uint64_t a, uint64_t b) { __uint128_t r = (__uint128_t)a * b; return (uint64_t)r ^ (uint64_t)(r >> 64); }
    static inline uint64_t rp_r8(const uint8_t *p) { uint64_t v; memcpy(&v, p, 8); return v; }
    static inline uint64_t rp_r4(const uint8_t *p) { uint32_t v; memcpy(&v, p, 4); return v; }
    static inline uint64_t rp_hash(const void *k, size_t n, uint64_t seed) {
        const uint8_t *p = (const uint8_t*)k; uint64_t a, b; size_t i = n;
        seed ^= 0xa0761d6478bd642full;
        if (n <= 16) {
            if (n >= 8) { a = rp_r8(p); b = rp_r8(p + n - 8); }
            else if (n >= 4) { a = rp_r4(p); b = rp_r4(p + n - 4); }
            else if (n) { a = ((uint64_t)p[0] << 16) | ((uint64_t)p[n >> 1] << 8) | p[n - 1]; b = 0; }
            else a = b = 0;
        } else {
            while (i > 16) { seed = rp_mum(rp_r8(p) ^ 0xe7037ed1a0b428dbull, rp_r8(p + 8) ^ seed); p += 16; i -= 16; }
            a = rp_r8(p + i - 16); b = rp_r8(p + i - 8);
        }
        return rp_mum(0x8ebc6af09c88c6e3ull ^ n, rp_mum(a ^ 0xe7037ed1a0b428dbull, b ^ seed));
    }
    """
    uint64_t hash_bytes "rp_hash"(const void* key, size_t length, uint64_t seed) noexcept nogil
