"""CRC-64 with Jones's polynomial, as in RDB: reflected, starting at 0, not inverted.

Catalogued as CRC-64/REDIS: the checksum of "123456789" is e9c6d914c4b8d9ca. Sixteen bytes at a time are looked up in
sixteen tables ("slicing", Kounavis and Berry, "A systematic approach to building high performance, software-based, CRC
generators", 2005): table k holds what a byte does to the checksum when k more bytes follow it.
"""

from libc.stdint cimport uint8_t, uint64_t
from libc.string cimport memcpy

cdef enum:
    SLICES = 16

cdef uint64_t POLYNOMIAL = <uint64_t>0x95AC9329AC4BC9B5      # ad93d23594c935a9 with its bits reversed

cdef uint64_t tables[SLICES][256]


cdef void fill_tables() noexcept nogil:
    cdef size_t byte, slice_
    cdef int _
    cdef uint64_t crc
    for byte in range(256):
        crc = byte
        for _ in range(8):
            crc = (crc >> 1) ^ (POLYNOMIAL if crc & 1 else 0)
        tables[0][byte] = crc
    for slice_ in range(1, SLICES):
        for byte in range(256):
            crc = tables[slice_ - 1][byte]
            tables[slice_][byte] = (crc >> 8) ^ tables[0][crc & 255]

fill_tables()


cdef uint64_t crc64(uint64_t crc, const char* data, size_t size) noexcept nogil:
    cdef const uint8_t* p = <const uint8_t*>data
    cdef uint64_t low, high
    while size >= SLICES:
        memcpy(&low, p, 8)
        memcpy(&high, p + 8, 8)
        low ^= crc
        crc = (tables[15][low & 255] ^ tables[14][(low >> 8) & 255]
               ^ tables[13][(low >> 16) & 255] ^ tables[12][(low >> 24) & 255]
               ^ tables[11][(low >> 32) & 255] ^ tables[10][(low >> 40) & 255]
               ^ tables[9][(low >> 48) & 255] ^ tables[8][low >> 56]
               ^ tables[7][high & 255] ^ tables[6][(high >> 8) & 255]
               ^ tables[5][(high >> 16) & 255] ^ tables[4][(high >> 24) & 255]
               ^ tables[3][(high >> 32) & 255] ^ tables[2][(high >> 40) & 255]
               ^ tables[1][(high >> 48) & 255] ^ tables[0][high >> 56])
        p += SLICES
        size -= SLICES
    while size:
        crc = (crc >> 8) ^ tables[0][(crc ^ p[0]) & 255]
        p += 1
        size -= 1
    return crc


def checksum(const unsigned char[::1] data, uint64_t crc = 0):
    """The checksum of bytes, going on from `crc`."""
    if data.shape[0] == 0:
        return crc
    return crc64(crc, <const char*>&data[0], data.shape[0])
