"""What commands on strings share."""

from libc.stdint cimport int64_t

from redpoll.commands.call cimport Call
from redpoll.engine.entry cimport Entry

# Set the key at a word to another word, whatever it held; a long word's blob is taken over.
cdef Entry** store(Call call, Entry** slot, size_t key, size_t value, int64_t expiry) noexcept
