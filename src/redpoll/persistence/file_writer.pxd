"""A file that a background thread writes: see file_writer.pyx."""

from libc.stdint cimport uint64_t

cdef enum SyncPolicy:
    SYNC_NEVER = 0          # only when asked: `sync_now`, `close`
    SYNC_SECONDLY = 1
    SYNC_ALWAYS = 2

cdef struct Block:
    Block* next
    size_t length
    size_t capacity
    size_t marks             # places within, for the filter; see `mark`
    size_t mark_room
    uint64_t* marked
    const char* text         # that follows the data: somebody else's, who keeps it until it is written; or NULL
    size_t text_length
    char data[8]             # really `capacity` bytes

# Called on the thread with each block before it is written: returns the block to write instead, made by
# `block_new`, or the same one, changed. It may touch nothing but the block and its context.
ctypedef Block* (*block_filter)(void* context, Block* block) noexcept nogil

cdef Block* block_new(size_t capacity) noexcept nogil
cdef void block_free(Block* block) noexcept nogil

cdef class FileWriter:
    cdef void* writer
    cdef void* before        # of the file before this one, all of which has to be safe before any of this is
    cdef bint keeping
    cdef bint kept_back      # nothing is safe yet, whatever the disk says
    cdef Block* open_block   # what was appended and not handed to the thread yet
    cdef readonly uint64_t first     # numbers of bytes, counted through all files of a stream
    cdef readonly uint64_t appended

    cdef int start(self, int fd, int policy, uint64_t sync_every, block_filter filter, void* context) except -1

    # Room for `size` bytes in one piece; `advance` tells how many of them were filled.
    cdef char* reserve(self, size_t size) noexcept nogil
    cdef void advance(self, size_t size) noexcept nogil
    cdef void append(self, const char* bytes, size_t size) noexcept nogil
    # A text that is not copied: it has to stay as it is until all up to here is written, or the writer stopped. Not
    # with `keeping`.
    cdef void append_text(self, const char* text, size_t length) noexcept nogil
    # Remember the place of the next byte for the filter.
    cdef void mark(self, uint64_t value) noexcept nogil
    cdef void hand_over(self) noexcept nogil
    # So many clients wait for a sync now; so many waited for the last one, some of whom were answered.
    cdef void clients_wait(self, size_t count) noexcept nogil
    cdef void clients_waited(self, size_t count) noexcept nogil
    cdef uint64_t synced_bytes(self) noexcept nogil
    cdef uint64_t written_bytes(self) noexcept nogil
    cdef size_t waiting_bytes(self) noexcept nogil
    # Waits until so many of the bytes appended are written, or on the disk; the errno of a disk that fails. Meanwhile
    # the interpreter's lock is given up.
    cdef int wait_until(self, uint64_t bytes, bint synced) except -1
