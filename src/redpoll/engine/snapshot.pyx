"""A snapshot without a fork: all entries as they are at one moment, handed out over time.

A cursor walks through the tables, bucket by bucket, whenever `advance` is called. Whoever is about to change or remove
an entry that the cursor has not come to has it handed out first (`Database.about_to_change`). So what is written is one
point in time, and no entry is ever copied.

FLAG_SAVED of an entry says which snapshots have it, the even or the odd ones: to begin one is to turn the meaning of
the flag over, which makes every entry one that is still to be saved, and nothing has to be cleared. Entries that come
later are born saved.

The cursor counts buckets upwards. Growth moves entries to higher buckets only, where the flag tells that they are done;
shrinking would move them down, past the cursor, so tables do not shrink meanwhile. A flushed database's table is kept
until the cursor is through; exchanged databases exchange their places in the walk.

Whoever gets an entry may take its time over it, if it is large: the walk stays there meanwhile. If it is about to
change before that is done, it is told so, and keeps what it still needs.
"""

from redpoll.engine.entry cimport FLAG_SAVED
from redpoll.engine.table cimport table_buckets, table_visit_bucket


cdef class Source:
    cdef Table* table(self) noexcept:
        return &self.live.table if self.flushed is None else &self.flushed.table

    cdef bint is_passed(self) noexcept:
        return self.next_bucket >= table_buckets(self.table())

    cdef size_t pass_buckets(self, Snapshot snapshot, size_t most) noexcept:
        """Walk on through so many buckets and entries; how many it were."""
        cdef Table* t = self.table()
        cdef size_t first = self.next_bucket
        cdef Passing passing
        passing.database = self.database
        passing.saved_flag = snapshot.keyspace.saved_flag
        passing.saved = 0
        passing.paused = False
        passing.write = snapshot.write
        passing.context = snapshot.context
        while self.next_bucket < table_buckets(t):
            table_visit_bucket(t, self.next_bucket, pass_entry, &passing)
            if passing.paused:
                # The same bucket once more, later; who is saved is passed over then.
                snapshot.paused = True
                break
            self.next_bucket += 1
            if passing.saved + self.next_bucket - first >= most:
                break
        snapshot.saved += passing.saved
        return passing.saved + self.next_bucket - first


cdef struct Passing:
    entry_saver write
    void* context
    size_t saved
    int database
    unsigned char saved_flag
    bint paused


cdef void pass_entry(void* context, Entry* e) noexcept nogil:
    cdef Passing* passing = <Passing*>context
    if (e.flags ^ passing.saved_flag) & FLAG_SAVED and not passing.paused:
        if passing.write(passing.context, passing.database, e):
            e.flags ^= FLAG_SAVED
            passing.saved += 1
        else:
            passing.paused = True


cdef void save_before_change(void* snapshot, Database db, Entry* e) noexcept:
    (<Snapshot>snapshot).changing(db, e)


cdef class Snapshot:
    """One snapshot of a keyspace; only one at a time."""

    def __init__(self, Keyspace keyspace):
        self.keyspace = keyspace

    cdef int begin(self, entry_saver write, entry_saver write_changing, void* context) except -1:
        cdef Database db
        cdef Source source
        if self.keyspace.snapshot is not None:
            raise RuntimeError("a snapshot is being taken already")
        self.write = write
        self.write_changing = write_changing
        self.context = context
        self.sources = []
        for db in self.keyspace.databases:
            if db.table.used:
                source = Source()
                source.database = db.index
                source.entries = db.table.used
                source.volatile = db.expires
                source.live = db
                db.table.held = True
                self.sources.append(source)
                self.total += source.entries
        self.keyspace.saved_flag ^= FLAG_SAVED
        self.keyspace.save = save_before_change
        self.keyspace.save_context = <void*>self
        self.keyspace.snapshot = self
        self.active = True
        return 0

    cdef bint advance(self, size_t most) noexcept:
        cdef size_t done = 0
        if not self.active:
            return False
        while done < most and not self.paused:
            if self.at == <size_t>len(self.sources):
                self.end()
                return False
            done += (<Source>self.sources[self.at]).pass_buckets(self, most - done)
            if (<Source>self.sources[self.at]).is_passed():
                self.at += 1
        return True

    cdef void changing(self, Database db, Entry* e) noexcept:
        """An entry that was not saved yet is about to change."""
        cdef Source source
        for source in self.sources:
            if source.live is db:
                self.saved += 1
                self.paused = False
                self.write_changing(self.context, source.database, e)
                return

    cdef void passed(self, Entry* e) noexcept:
        e.flags ^= FLAG_SAVED
        self.saved += 1
        self.paused = False

    def end(self):
        """Let go of the keyspace: all is saved, or the rest is not wanted any more."""
        cdef Source source
        if not self.active:
            return
        self.active = False
        for source in self.sources:
            source.table().held = False
            if source.flushed is not None:
                source.flushed.held = False
        self.keyspace.save = NULL
        self.keyspace.snapshot = None

    def flushed(self, Database db, Remains remains):
        """A database's table is about to become `remains`."""
        cdef Source source
        for source in self.sources:
            if source.live is db:
                source.live = None
                source.flushed = remains
                remains.held = True

    def swapped(self, Database one, Database other):
        """Two databases exchange their tables."""
        cdef Source source
        for source in self.sources:
            if source.live is one:
                source.live = other
            elif source.live is other:
                source.live = one
