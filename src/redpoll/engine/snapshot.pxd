"""All entries as they are at one moment, handed out over time: see snapshot.pyx."""

from libc.stdint cimport uint64_t

from redpoll.engine.entry cimport Entry
from redpoll.engine.keyspace cimport Database, Keyspace, Remains
from redpoll.engine.table cimport Table

# Saves an entry; `database` is the number of the database that it was in. False: it is not done with yet, and the walk
# has to stay where it is until `passed` is called for it.
ctypedef bint (*entry_saver)(void* context, int database, const Entry* e) noexcept nogil

cdef class Snapshot

cdef class Source:
    cdef readonly int database          # the number that its entries are saved under
    cdef readonly size_t entries        # when the snapshot began
    cdef readonly size_t volatile
    cdef Database live                  # where the table is: a database …
    cdef Remains flushed                # … or what a flush left of it
    cdef size_t next_bucket

    cdef Table* table(self) noexcept
    cdef bint is_passed(self) noexcept
    cdef size_t pass_buckets(self, Snapshot snapshot, size_t most) noexcept

cdef class Snapshot:
    cdef Keyspace keyspace
    cdef readonly list sources
    cdef size_t at                      # the source that is being walked through
    cdef entry_saver write              # for entries that the walk comes to
    cdef entry_saver write_changing     # for those that are about to change; always done at once
    cdef void* context
    cdef bint paused
    cdef readonly size_t total          # entries when it began
    cdef readonly uint64_t saved        # entries handed out
    cdef readonly bint active

    # Every entry that there is now is handed out once, in no order, before it changes: to `write` when `advance` is
    # called, to `write_changing` when it is about to change. Neither may change the keyspace.
    cdef int begin(self, entry_saver write, entry_saver write_changing, void* context) except -1
    # An entry that `write` was not done with is saved.
    cdef void passed(self, Entry* e) noexcept
    # Walk on, past so many buckets and entries; whether there is anything left.
    cdef bint advance(self, size_t most) noexcept
    cdef void changing(self, Database db, Entry* e) noexcept
