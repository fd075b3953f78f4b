"""A file written from a snapshot while the keyspace goes on changing: RDB, or the commands that make its keys anew.

The owner of the keyspace calls `advance` now and then, which walks on through the snapshot and turns entries into
records. Strings are left as they are there; the thread that writes the file compresses them, makes the checksum, and
syncs. Commands are written as they are: they need no thread to finish them.

A large collection is written in pieces, a few at a time, and if it is about to change before its last piece is written,
or before its first, it is guarded: it goes on changing, and what is written is still what it was (formats/progress).
While one is being written, whatever else has to be saved before it changes waits in parts of its own: a queue of
buffers, of which the first is written. The walk goes on when there is none left. A long string is not copied at all:
the writing thread reads it where it lies, and as it is shared meanwhile, whoever changes it makes a copy of it first.
So nothing that a change brings with it takes longer the larger a collection is, but for what formats/progress says is
written at once.
"""

from os import eventfd_write

from libc.stdint cimport int64_t, uint64_t
from libc.stdio cimport fprintf, stderr
from libc.stdlib cimport abort, free, malloc
from libc.string cimport memcpy, memmove, memset

from redpoll.engine.blob cimport blob_release
from redpoll.engine.entry cimport ENC_BLOB, ENC_LISTPACK, ENC_SCORE, Entry, entry_blob, entry_encoding, entry_value
from redpoll.engine.value cimport value_length
from redpoll.formats.command_output cimport put_name, put_number, put_word, put_words
from redpoll.formats.crc64 cimport crc64
from redpoll.formats.lzf cimport lzf_compress
from redpoll.formats.progress cimport progress_end
from redpoll.formats.rdb cimport RDB_END, RDB_FREQUENCY, RDB_IDLE
from redpoll.formats.rdb_output cimport (
    Output, output_free, output_init, output_init_as, put_aux, put_block, put_byte, put_bytes, put_length,
)
from redpoll.formats.rdb_write cimport (
    write_entry, write_entry_begin, write_entry_guard, write_entry_some, write_string_head,
)
from redpoll.formats.rebuild cimport (
    rebuild_entry, rebuild_entry_begin, rebuild_entry_guard, rebuild_entry_some, rebuild_string_head,
    rebuild_string_tail,
)
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
    AT_ONCE_ELEMENTS = 2048      # but not if they are about to change, and have no more than these
    LARGE_PIECE = 32768          # bytes of them at a time
    LONG_TEXT = 262144           # strings from this length on are lent to the writer
    QUEUE_BYTES = 4194304        # waiting to be written: with more, the walk waits, and the writing thread has its time
    SYNC_BYTES = 4194304
    CHECKSUM_BYTES = 8
    HEAD_MOST = 19               # bytes before a compressed text
    RDB_COMPRESSED = 0xC3

cdef uint64_t END_MARK = <uint64_t>-1


cdef size_t head_size(uint64_t length) noexcept nogil:
    """Bytes that a text's length takes before it."""
    return 1 if length < 64 else 2 if length < 16384 else 5 if length <= <uint64_t>0xFFFFFFFF else 9


cdef Block* finish_text(Finish* finish, Block* block) noexcept nogil:
    """On the writing thread: what stands before a long string, and itself if it can be compressed."""
    cdef Block* made
    cdef Output head
    cdef size_t size = 0
    output_init(&head)
    if finish.compressing:
        made = block_new(block.text_length)
        size = lzf_compress(block.text, block.text_length, made.data + HEAD_MOST, block.text_length - HEAD_MOST)
        if size:
            put_byte(&head, RDB_COMPRESSED)
            put_length(&head, size)
            put_length(&head, block.text_length)
            memcpy(made.data, head.data, head.length)
            memmove(made.data + head.length, made.data + HEAD_MOST, size)
            made.length = head.length + size
        else:
            block_free(made)
    if size == 0:
        put_length(&head, block.text_length)
        made = block_new(head.length)
        memcpy(made.data, head.data, head.length)
        made.length = head.length
        made.text = block.text
        made.text_length = block.text_length
    output_free(&head)
    block_free(block)
    if finish.counting:
        finish.crc = crc64(finish.crc, made.data, made.length)
        finish.crc = crc64(finish.crc, made.text, made.text_length)
    return made


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
    if block.text != NULL:
        return finish_text(finish, block)
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
        self.keyspace = keyspace
        self.as_commands = as_commands
        self.delay = delay if delay > 0 else 0
        self.finish_.counting = counting
        self.finish_.compressing = compressing
        self.writer = FileWriter(descriptor)
        if as_commands:
            self.writer.start(descriptor, SYNC_NEVER, SYNC_BYTES if syncing else 0, NULL, NULL)
        else:
            self.writer.start(descriptor, SYNC_NEVER, SYNC_BYTES if syncing else 0, finish_block, &self.finish_)
        self.prepare(compressing and not as_commands, access)
        self.database = -1
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

    cdef void prepare(self, bint compressing, str access) noexcept:
        output_init(&self.out)
        self.out.compressing = False
        self.out.marking = compressing
        self.out.clock = self.keyspace.clock
        self.out.lfu_decay_time = self.keyspace.lfu_decay_time
        self.out.access = RDB_IDLE if access == "idle" else RDB_FREQUENCY if access == "frequency" else 0

    def __dealloc__(self):
        self.give_up()
        if self.lent != NULL and self.writer is not None:
            self.writer.stop()
        self.take_back(True)
        output_free(&self.out)

    cdef bint save(self, int database, const Entry* e, bint at_once) noexcept nogil:
        """Write an entry; False: it is large, and the walk has to wait until it is done."""
        cdef Part* part = self.first
        cdef int encoding = entry_encoding(e)
        if part != NULL and part.open and part.progress.entry == e:
            self.change_large(part)
            return True
        if (ENC_LISTPACK < encoding < ENC_SCORE
                and value_length(encoding, entry_value(e)) > (AT_ONCE_ELEMENTS if at_once else LARGE_ELEMENTS)):
            part = self.add_large(database, e)
            if at_once and part.open:
                self.change_large(part)
            return at_once or not part.open
        if encoding == ENC_BLOB and entry_blob(e).length >= LONG_TEXT:
            self.put_long(database, e)
        else:
            self.put(database, e)
        return True

    cdef void put(self, int database, const Entry* e) noexcept nogil:
        cdef Output* out = &self.out
        if self.last != NULL:
            out = &(self.add_part() if self.last.open or self.last.text != NULL else self.last).out
        if self.database != database:
            self.put_select(out, database)
        if self.as_commands:
            rebuild_entry(out, e)
        else:
            write_entry(out, e)
        if self.last == NULL:
            self.hand_over(HAND_OVER_BYTES)

    cdef void put_long(self, int database, const Entry* e) noexcept nogil:
        cdef Part* part = self.add_part()
        if self.database != database:
            self.put_select(&part.out, database)
        part.text = entry_blob(e)
        part.text.references += 1
        if self.as_commands:
            rebuild_string_head(&part.out, e)
            rebuild_string_tail(&self.add_part().out, e)
        else:
            write_string_head(&part.out, e)

    cdef void lend(self, Part* part) noexcept nogil:
        """Have the writer write a part's text."""
        cdef Lent* lent = <Lent*>malloc(sizeof(Lent))
        if lent == NULL:
            fprintf(stderr, b"Out of memory: no room for a snapshot.\n")
            abort()
        self.writer.append_text(part.text.data, part.text.length)
        lent.next = NULL
        lent.text = part.text
        lent.until = self.writer.appended
        part.text = NULL
        if self.lent == NULL:
            self.lent = lent
        else:
            self.lent_last.next = lent
        self.lent_last = lent

    cdef void take_back(self, bint all_of_them) noexcept nogil:
        """Texts that are written."""
        cdef Lent* lent = self.lent
        while lent != NULL and (all_of_them or self.writer.written_bytes() >= lent.until):
            blob_release(lent.text)
            self.lent = lent.next
            free(lent)
            lent = self.lent

    cdef void put_select(self, Output* out, int database) noexcept nogil:
        self.database = database
        if self.as_commands:
            put_words(out, 2)
            put_name(out, b"SELECT")
            put_number(out, database)
            return
        with gil:
            for source in self.snapshot.sources:
                if source.database == database:
                    put_database(out, database, source.entries, source.volatile)

    # Parts

    cdef Part* add_part(self) noexcept nogil:
        cdef Part* part = <Part*>malloc(sizeof(Part))
        if part == NULL:
            fprintf(stderr, b"Out of memory: no room for a snapshot.\n")
            abort()
        memset(part, 0, sizeof(Part))
        output_init_as(&part.out, &self.out)
        if self.last == NULL:
            # Whatever was written so far comes before it.
            self.hand_over(0)
            self.first = part
        else:
            self.last.next = part
        self.last = part
        return part

    cdef Part* add_large(self, int database, const Entry* e) noexcept nogil:
        cdef Part* part = self.add_part()
        if self.database != database:
            self.put_select(&part.out, database)
        part.open = not (rebuild_entry_begin(&part.out, e, &part.progress) if self.as_commands
                         else write_entry_begin(&part.out, e, &part.progress))
        return part

    cdef bint put_some(self, Part* part) noexcept nogil:
        if self.as_commands:
            return rebuild_entry_some(&part.out, &part.progress, LARGE_PIECE)
        return write_entry_some(&part.out, &part.progress, LARGE_PIECE)

    cdef void change_large(self, Part* part) noexcept nogil:
        """It is about to change."""
        if rebuild_entry_guard(&part.progress) if self.as_commands else write_entry_guard(&part.progress):
            return
        while not self.put_some(part):
            pass
        progress_end(&part.progress)
        part.open = False

    cdef void work_on_first(self) noexcept:
        """A step with the part that is written now."""
        cdef Part* part = self.first
        if part.out.length - part.drained >= (HAND_OVER_BYTES if part.open else 1):
            self.drain(part)
            return
        if part.text != NULL:
            self.lend(part)
            return
        if not part.open:
            self.drop_first()
            return
        if self.put_some(part):
            if part.progress.entry != NULL:
                self.snapshot.passed(<Entry*>part.progress.entry)
            progress_end(&part.progress)
            part.open = False

    cdef void drain(self, Part* part) noexcept nogil:
        """Give the writer a block of what there is of a part: of one that grows all, so that its buffer stays small."""
        cdef size_t end = part.out.length if part.open else min(part.out.length, part.drained + HAND_OVER_BYTES)
        cdef size_t mark = part.drained_marks
        cdef uint64_t text_end
        # No text that is marked is cut in two.
        while mark < part.out.mark_count and part.out.marks[mark] < end:
            text_end = part.out.marks[mark] + head_size(part.out.marks[mark + 1]) + part.out.marks[mark + 1]
            if text_end > end:
                end = text_end
            mark += 2
        self.write_block(&part.out, &part.drained, &part.drained_marks, end)
        if part.drained == part.out.length:
            part.drained = part.drained_marks = 0
            part.out.length = part.out.mark_count = 0

    cdef void drop_first(self) noexcept nogil:
        cdef Part* part = self.first
        progress_end(&part.progress)
        output_free(&part.out)
        if part.text != NULL:
            blob_release(part.text)
        self.first = part.next
        if self.first == NULL:
            self.last = NULL
        free(part)

    # Blocks

    cdef void write_block(self, const Output* out, size_t* at, size_t* mark, size_t end) noexcept nogil:
        """Bytes from `at` on with their marks, in a block of their own, so that the marks' offsets are its own too."""
        cdef size_t begin = at[0]
        self.writer.hand_over()
        memcpy(self.writer.reserve(end - begin + CHECKSUM_BYTES), out.data + begin, end - begin)
        self.writer.advance(end - begin)
        while mark[0] < out.mark_count and out.marks[mark[0]] < end:
            self.writer.mark(out.marks[mark[0]] - begin)
            self.writer.mark(out.marks[mark[0] + 1])
            mark[0] += 2
        at[0] = end

    cdef void hand_over(self, size_t least) noexcept nogil:
        """Give the writer what there is, if it is so much, while there are no parts."""
        cdef size_t at = 0
        cdef size_t mark = 0
        if self.out.length < least or not self.out.length:
            return
        self.write_block(&self.out, &at, &mark, self.out.length)
        self.out.length = self.out.mark_count = 0
        self.writer.hand_over()

    # Walking

    def advance(self, size_t most):
        """Walk on by about `most` buckets and entries, or a piece of a large one; whether there is more to do."""
        cdef uint64_t before
        cdef bint more
        if self.walked:
            return False
        self.take_back(False)
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
        if self.first != NULL:
            self.work_on_first()
            return True
        if self.snapshot.advance(most) or self.first != NULL:
            return True
        self.end()
        return False

    def run(self):
        """Walk to the end without a pause."""
        while self.advance(1000):
            if self.writer.waiting_bytes() > QUEUE_BYTES:
                self.writer.wait_for_room(QUEUE_BYTES // 2)

    cdef int end(self) except -1:
        cdef size_t at = 0
        cdef size_t mark = 0
        self.walked = True
        if self.as_commands:
            self.hand_over(0)
            self.writer.sync_soon()
            if self.writer.synced_bytes() == self.writer.appended:
                # Without a key there is not a byte, and so nothing of which the writing thread would have news.
                eventfd_write(self.writer.event, 1)
            return 0
        put_byte(&self.out, RDB_END)
        self.write_block(&self.out, &at, &mark, self.out.length)
        self.writer.mark(END_MARK)
        self.out.length = self.out.mark_count = 0
        self.writer.sync_soon()
        return 0

    cdef void give_up(self) noexcept nogil:
        """Values that were guarded are let go of."""
        while self.first != NULL:
            self.drop_first()

    def stop(self):
        """Give up, or be done: let go of the keyspace and the thread."""
        self.give_up()
        self.snapshot.end()
        self.writer.stop()
        self.take_back(True)

    def abandon(self):
        """In the child of a fork: the thread and the file are the parent's."""
        self.give_up()
        self.snapshot.end()
        self.writer.abandon()
        self.take_back(True)

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

    @property
    def buffered(self) -> int:
        """Bytes of memory for what is not handed to the writer yet, but for what guarded values keep."""
        cdef const Part* part = self.first
        cdef size_t bytes = self.out.capacity
        while part != NULL:
            bytes += part.out.capacity
            part = part.next
        return bytes
