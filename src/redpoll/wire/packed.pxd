"""Elements of a listpack as bulk strings, many at a time. See packed.pyx."""

from libc.stdint cimport uint8_t

from redpoll.wire.output cimport Out

# Writes up to `most` elements from `at` on, which is moved behind them; `end` is the listpack's last byte, its end
# mark. How many were written: fewer when the listpack ends before.
cdef size_t reply_packed(Out* out, const uint8_t** at, const uint8_t* end, size_t most) noexcept nogil
# All elements of a listpack.
cdef void reply_whole(Out* out, const uint8_t* lp) noexcept nogil
