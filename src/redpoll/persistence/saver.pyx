"""A file written from a snapshot while the keyspace goes on changing: RDB, or the commands that make its keys anew.

The owner of the keyspace calls `advance` now and then, which walks on through the snapshot and turns entries into
records. Strings are left as they are there; the thread that writes the file compresses them, makes the checksum, and
syncs. A large collection is written in pieces, a few at a time. Entries that change meanwhile go into a second buffer,
which follows when the large one is done. Commands are written as they are: they need no thread to finish them.
"""

from libc.stdint cimport int64_t, uint64_t
from libc.string cimport memcpy

from redpoll.engine.entry cimport ENC_LISTPACK, ENC_SCORE, Entry, entry_encoding, entry_value
from redpoll.engine.value cimport value_length
from redpoll.formats.command_output cimport put_name, put_number, put_word, put_words
from redpoll.formats.crc64 cimport crc64
from redpoll.formats.rdb cimport RDB_END, RDB_FREQUENCY, RDB_IDLE
from redpoll.formats.rdb_output cimport (
    Output, mark_text, output_free, output_init, put_aux, put_block, put_byte, put_bytes,
)
from redpoll.formats.rdb_write cimport write_entry, write_entry_begin, write_entry_some
from redpoll.formats.rebuild cimport rebuild_entry, rebuild_entry_begin, rebuild_entry_some
from redpoll.persistence.file_writer cimport SYNC_NEVER, Block, block_free, block_new
from redpoll.persistence.rdb_save cimport put_database, put_function, put_magic

cdef extern from *:
    """
    #include <time.h>
    static int64_t redpoll_monotonic_us(void) {
        struct timespec t;
        clock_gettime(CLOCK_MONOTONIC, &t);
        return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
    }
    """
    int64_t monotonic_us "redpoll_monotonic_us"() noexcept nogil

cdef enum:
    HAND_OVER_BYTES = 131072
    LARGE_ELEMENTS = 256         # collections with more are written in pieces
    LARGE_PIECE = 32768          # bytes of them at a time
    QUEUE_BYTES = 4194304        # waiting to be written: with more, the walk waits, and the writing thread has its time
    SYNC_BYTES = 4194304
    CHECKSUM_BYTES = 8

cdef uint64_t END_MARK = <uint64_t>-1


cdef size_t head_size(uint64_t length) noexcept nogil:
    """Bytes that a text's length takes before it."""
    return 1 if length < 64 else 2 if length < 16384 else 5 if length <= <uint64_t>0xFFFFFFFF else 9


cdef Block* finish_block(void* context, Block* block) noexcept nogil:
    """On the writing thread: compress what was marked, and go on with the checksum.

    Marks are pairs: where a text's length stands, and that length. END_MARK alone stands for the end of the file.
    """
    cdef Finish* finish = <Finish*>context
    cdef Block* made = block
    cdef Output out
    cdef size_t i, at = 0
    cdef uint64_t offset, length
    cdef bint last = block.marks & 1
    if block.marks > 1:
        output_init(&out)
        for i in range(0, block.marks - 1, 2):
            offset = block.marked[i]
            length = block.marked[i + 1]
            put_bytes(&out, block.data + at, offset - at)
            put_block(&out, block.data + offset + head_size(length), length)
            at = offset + head_size(length) + length
        put_bytes(&out, block.data + at, block.length - at)
        made = block_new(out.length + CHECKSUM_BYTES)
        memcpy(made.data, out.data, out.length)
        made.length = out.length
        output_free(&out)
        block_free(block)
    if finish.counting:
        finish.crc = crc64(finish.crc, made.data, made.length)
    if last:
        memcpy(made.data + made.length, &finish.crc, CHECKSUM_BYTES)
        made.length += CHECKSUM_BYTES
    return made


cdef bint save_passed(void* saver, int database, const Entry* e) noexcept nogil:
    return (<Saver>saver).save(database, e, False)


cdef bint save_changing(void* saver, int database, const Entry* e) noexcept nogil:
    return (<Saver>saver).save(database, e, True)


cdef class Saver:
    """Writes to an open descriptor, which stays the caller's, from when it is made.

    `aux` are names and texts that stand first in an RDB file. `access` says what is told of keys' last access: "idle",
    "frequency" or "". `as_commands`: no RDB, and of these two nothing; `annotated` tells the time first, in Unix
    seconds. `delay`: microseconds that every entry is to take, at least; negative or 0: none.
    """

    def __init__(self, Keyspace keyspace, int descriptor, *, int version, dict aux, list functions=None,
                 bint compressing=True, bint counting=True, bint syncing=True, str access="", bint as_commands=False,
                 int64_t annotated=0, int64_t delay=0):
        cdef bytes name, text
        cdef int out
        self.keyspace = keyspace
        self.as_commands = as_commands
        self.delay = delay if delay > 0 else 0
        self.finish_.counting = counting
        self.writer = FileWriter(descriptor)
        if as_commands:
            self.writer.start(descriptor, SYNC_NEVER, SYNC_BYTES if syncing else 0, NULL, NULL)
        else:
            self.writer.start(descriptor, SYNC_NEVER, SYNC_BYTES if syncing else 0, finish_block, &self.finish_)
        for out in range(2):
            self.prepare(&self.aside if out else &self.out, compressing and not as_commands, access)
        self.out_database = self.aside_database = -1
        if as_commands:
            if annotated:
                text = b"#TS:%d\r\n" % annotated
                put_bytes(&self.out, text, len(text))
            for text in functions or []:
                put_words(&self.out, 3)
                put_name(&self.out, b"FUNCTION")
                put_name(&self.out, b"LOAD")
                put_word(&self.out, text, len(text))
        else:
            put_magic(&self.out, version)
            for name, text in aux.items():
                put_aux(&self.out, name, text, len(text))
            for text in functions or []:
                put_function(&self.out, text, len(text))
        self.snapshot = Snapshot(keyspace)
        self.snapshot.begin(save_passed, save_changing, <void*>self)

    cdef void prepare(self, Output* out, bint compressing, str access) noexcept:
        output_init(out)
        out.compressing = False
        out.marking = compressing
        out.clock = self.keyspace.clock
        out.lfu_decay_time = self.keyspace.lfu_decay_time
        out.access = RDB_IDLE if access == "idle" else RDB_FREQUENCY if access == "frequency" else 0

    def __dealloc__(self):
        output_free(&self.out)
        output_free(&self.aside)

    cdef void put(self, Output* out, int* current, int database, const Entry* e) noexcept nogil:
        if current[0] != database:
            current[0] = database
            self.put_select(out, database)
        if self.as_commands:
            rebuild_entry(out, e)
        else:
            write_entry(out, e)

    cdef bint put_begin(self, const Entry* e) noexcept nogil:
        if self.as_commands:
            return rebuild_entry_begin(&self.out, e, &self.large)
        return write_entry_begin(&self.out, e, &self.large)

    cdef bint put_some(self) noexcept nogil:
        if self.as_commands:
            return rebuild_entry_some(&self.out, &self.large, LARGE_PIECE)
        return write_entry_some(&self.out, &self.large, LARGE_PIECE)

    cdef void put_select(self, Output* out, int database) noexcept nogil:
        if self.as_commands:
            put_words(out, 2)
            put_name(out, b"SELECT")
            put_number(out, database)
            return
        with gil:
            for source in self.snapshot.sources:
                if source.database == database:
                    put_database(out, database, source.entries, source.volatile)

    cdef bint save(self, int database, const Entry* e, bint at_once) noexcept nogil:
        """Write an entry; False: it is large, and the walk has to wait until it is done."""
        cdef int encoding = entry_encoding(e)
        if self.large_pending:
            if self.large.entry == e:
                # It is about to change, so the rest of it cannot wait.
                self.end_large()
                return True
            self.put(&self.aside, &self.aside_database, database, e)
            return True
        if (not at_once and ENC_LISTPACK < encoding < ENC_SCORE
                and value_length(encoding, entry_value(e)) > LARGE_ELEMENTS):
            if self.out_database != database:
                self.out_database = database
                self.put_select(&self.out, database)
            self.large_pending = not self.put_begin(e)
            return not self.large_pending
        self.put(&self.out, &self.out_database, database, e)
        self.hand_over(HAND_OVER_BYTES)
        return True

    cdef void end_large(self) noexcept nogil:
        while not self.put_some():
            self.hand_over(HAND_OVER_BYTES)
        self.large_done()

    cdef void large_done(self) noexcept nogil:
        """What was saved meanwhile follows."""
        cdef size_t i, before
        self.large_pending = False
        if self.aside.length:
            before = self.out.length
            put_bytes(&self.out, self.aside.data, self.aside.length)
            for i in range(0, self.aside.mark_count, 2):
                mark_text(&self.out, before + self.aside.marks[i], self.aside.marks[i + 1])
            self.out_database = self.aside_database
            self.aside_database = -1
            self.aside.length = self.aside.mark_count = 0
        if self.aside.version > self.out.version:
            self.out.version = self.aside.version
        self.hand_over(HAND_OVER_BYTES)

    cdef void hand_over(self, size_t least) noexcept nogil:
        """Give the writer what there is, if it is so much."""
        cdef size_t i
        if self.out.length < least or not self.out.length:
            return
        # A block of its own, so that the marks' offsets are its own too.
        self.writer.hand_over()
        memcpy(self.writer.reserve(self.out.length + CHECKSUM_BYTES), self.out.data, self.out.length)
        self.writer.advance(self.out.length)
        for i in range(self.out.mark_count):
            self.writer.mark(self.out.marks[i])
        self.out.length = self.out.mark_count = 0
        self.writer.hand_over()

    def advance(self, size_t most):
        """Walk on by about `most` buckets and entries, or a piece of a large one; whether there is more to do."""
        cdef uint64_t before
        cdef bint more
        if self.walked:
            return False
        if self.waits():
            return True
        if self.delay == 0:
            return self.go_on(most)
        before = self.snapshot.saved
        more = self.go_on(1)
        self.next_due = monotonic_us() + self.delay * <int64_t>(self.snapshot.saved - before)
        return more

    cdef bint waits(self) noexcept nogil:
        return (self.writer.waiting_bytes() > QUEUE_BYTES
                or (self.delay != 0 and self.next_due > monotonic_us()))

    cdef bint go_on(self, size_t most) except -1:
        if self.large_pending:
            if self.put_some():
                self.snapshot.passed(<Entry*>self.large.entry)
                self.large_done()
            self.hand_over(HAND_OVER_BYTES)
            return True
        if self.snapshot.advance(most):
            return True
        self.end()
        return False

    def run(self):
        """Walk to the end without a pause."""
        while self.advance(1000):
            if self.writer.waiting_bytes() > QUEUE_BYTES:
                self.writer.wait_for_room(QUEUE_BYTES // 2)

    cdef int end(self) except -1:
        cdef size_t i
        self.walked = True
        if self.as_commands:
            self.hand_over(0)
            self.writer.sync_soon()
            return 0
        put_byte(&self.out, RDB_END)
        self.writer.hand_over()
        memcpy(self.writer.reserve(self.out.length + CHECKSUM_BYTES), self.out.data, self.out.length)
        self.writer.advance(self.out.length)
        for i in range(self.out.mark_count):
            self.writer.mark(self.out.marks[i])
        self.writer.mark(END_MARK)
        self.out.length = self.out.mark_count = 0
        self.writer.sync_soon()
        return 0

    def stop(self):
        """Give up, or be done: let go of the keyspace and the thread."""
        self.snapshot.end()
        self.writer.stop()

    def abandon(self):
        """In the child of a fork: the thread and the file are the parent's."""
        self.snapshot.end()
        self.writer.abandon()

    @property
    def done(self) -> bool:
        """Whether all is written and safe on the disk."""
        return self.walked and self.writer.synced_bytes() == self.writer.appended

    @property
    def is_behind(self) -> bool:
        """Whether the walk has to wait, for the disk or because it is to be slow."""
        return self.waits()

    @property
    def saved(self) -> int:
        """Entries written so far."""
        return self.snapshot.saved

    @property
    def total(self) -> int:
        """Entries that there were at the beginning."""
        return self.snapshot.total
