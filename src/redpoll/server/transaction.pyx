"""The commands that one client has queued.

The bytes of all their words lie one after the other in one block, and the words in one array, so that queueing copies
each byte once and allocates next to never. Long words are blobs already and only change their owner.
"""

from libc.stdint cimport uint64_t
from libc.stdlib cimport free, realloc
from libc.string cimport memcpy

from redpoll.engine.blob cimport blob_memory, blob_release
from redpoll.engine.memory cimport KIND_CLIENT, count
from redpoll.wire.request cimport Arg, LongWord, Parser

cdef enum:
    KEPT_ROOM = 16384        # a cleared transaction keeps blocks up to this for the next one

cdef const char* LONG = <const char*><size_t>-1      # instead of the offset of a word that is a blob


cdef int grow(void** block, size_t* room, size_t wanted, size_t size) except -1:
    """Room for `wanted` things of this size in a block."""
    cdef size_t more
    cdef void* bigger
    if wanted <= room[0]:
        return 0
    more = max(wanted, 2 * room[0], <size_t>16)
    bigger = realloc(block[0], more * size)
    if bigger == NULL:
        raise MemoryError
    count((more - room[0]) * size, KIND_CLIENT)
    block[0] = bigger
    room[0] = more
    return 0


cdef void shrink(void** block, size_t* room, size_t size, size_t kept) noexcept:
    if room[0] * size > kept:
        count(-<ptrdiff_t>(room[0] * size), KIND_CLIENT)
        free(block[0])
        block[0] = NULL
        room[0] = 0


cdef class Transaction:
    def __cinit__(self):
        self.database = -1

    def __dealloc__(self):
        self.clear()
        shrink(<void**>&self.commands, &self.commands_room, sizeof(Queued), 0)
        shrink(<void**>&self.words, &self.words_room, sizeof(Arg), 0)
        shrink(<void**>&self.text, &self.text_room, 1, 0)
        shrink(<void**>&self.long_words, &self.longs_room, sizeof(LongWord), 0)

    cdef int add(self, void* routine, uint64_t routine_flags, const Arg* argv, size_t argc, uint64_t hash,
                 size_t request_bytes, Parser* parser) except -1:
        cdef size_t i, total = 0
        cdef Queued* queued
        cdef Arg* words
        for i in range(argc):
            total += argv[i].len
        for i in range(parser.long_count):
            total -= argv[parser.long_words[i].index].len
        grow(<void**>&self.commands, &self.commands_room, self.count + 1, sizeof(Queued))
        grow(<void**>&self.words, &self.words_room, self.word_count + argc, sizeof(Arg))
        grow(<void**>&self.text, &self.text_room, self.text_length + total, 1)
        grow(<void**>&self.long_words, &self.longs_room, self.long_count + parser.long_count, sizeof(LongWord))
        queued = &self.commands[self.count]
        queued.routine = routine
        queued.hash = hash
        queued.first_word = self.word_count
        queued.argc = argc
        queued.first_long = self.long_count
        queued.long_count = parser.long_count
        queued.request_bytes = request_bytes
        words = self.words + self.word_count
        for i in range(argc):
            words[i].ptr = NULL
            words[i].len = argv[i].len
        for i in range(parser.long_count):
            self.long_words[self.long_count + i] = parser.long_words[i]
            words[parser.long_words[i].index].ptr = LONG
            parser.long_words[i].blob = NULL
        self.long_count += parser.long_count
        for i in range(argc):
            if words[i].ptr != LONG:
                words[i].ptr = <const char*>self.text_length
                memcpy(self.text + self.text_length, argv[i].ptr, argv[i].len)
                self.text_length += argv[i].len
        self.word_count += argc
        self.count += 1
        self.flags |= routine_flags
        return 0

    cdef void point(self) noexcept:
        cdef size_t i, j
        cdef Queued* queued
        for i in range(self.word_count):
            self.words[i].ptr = self.text + <size_t>self.words[i].ptr
        for i in range(self.count):
            queued = &self.commands[i]
            for j in range(queued.long_count):
                self.words[queued.first_word + self.long_words[queued.first_long + j].index].ptr = (
                    self.long_words[queued.first_long + j].blob.data)

    cdef void clear(self) noexcept:
        cdef size_t i
        for i in range(self.long_count):
            if self.long_words[i].blob != NULL:
                blob_release(self.long_words[i].blob)
        self.count = self.word_count = self.text_length = self.long_count = 0
        self.flags = 0
        self.database = -1
        self.failed = False
        shrink(<void**>&self.commands, &self.commands_room, sizeof(Queued), KEPT_ROOM)
        shrink(<void**>&self.words, &self.words_room, sizeof(Arg), KEPT_ROOM)
        shrink(<void**>&self.text, &self.text_room, 1, KEPT_ROOM)
        shrink(<void**>&self.long_words, &self.longs_room, sizeof(LongWord), KEPT_ROOM)

    @property
    def memory(self) -> int:
        """Bytes that the queued commands occupy."""
        cdef size_t i, total = self.count * sizeof(Queued) + self.word_count * sizeof(Arg) + self.text_length
        for i in range(self.long_count):
            total += blob_memory(self.long_words[i].blob)
        return total
