"""The longest common subsequence, by dynamic programming (Wagner and Fischer 1974).

Cell (i, j) is the length for the first i bytes of one string and the first j of the other; the
caller walks back from the last cell to read the subsequence off.
"""

from libc.stdint cimport uint32_t
from libc.stdlib cimport malloc
from libc.string cimport memset


cdef uint32_t* lcs_table(const char* a, size_t a_length, const char* b, size_t b_length) noexcept nogil:
    cdef size_t width = b_length + 1
    cdef uint32_t* table = <uint32_t*>malloc((a_length + 1) * width * sizeof(uint32_t))
    cdef uint32_t* row
    cdef uint32_t* above
    cdef size_t i, j
    if table == NULL:
        return NULL
    memset(table, 0, width * sizeof(uint32_t))
    for i in range(1, a_length + 1):
        above = table + (i - 1) * width
        row = table + i * width
        row[0] = 0
        for j in range(1, width):
            if a[i - 1] == b[j - 1]:
                row[j] = above[j - 1] + 1
            else:
                row[j] = above[j] if above[j] > row[j - 1] else row[j - 1]
    return table
