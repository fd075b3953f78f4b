"""What a handler gets: the words, the keyspace and the place for the reply."""

from libc.stdint cimport int64_t, uint32_t, uint64_t

from redpoll.engine.blob cimport Blob
from redpoll.engine.entry cimport Entry, entry_type
from redpoll.engine.keyspace cimport Database, Keyspace
from redpoll.engine.table cimport table_hash
from redpoll.engine.watcher cimport (
    EVENT_ARRAY, EVENT_EVICTED, EVENT_EXPIRED, EVENT_FIELDS, EVENT_GENERIC, EVENT_HASH, EVENT_KEY_MISS, EVENT_LIST,
    EVENT_MODULE, EVENT_NEW, EVENT_NONE, EVENT_OVERWRITTEN, EVENT_SET, EVENT_STREAM, EVENT_STRING, EVENT_TYPE_CHANGED,
    EVENT_ZSET, Event,
)
from redpoll.wire.output cimport Out
from redpoll.wire.request cimport Arg, LongWord

ctypedef int (*handler_t)(Call call) except -1

cdef class Native:
    """A compiled handler, as `declare` takes it."""
    cdef handler_t function

cdef Native native(handler_t function)

cdef int refuse_type() except -1

cdef inline int check_type(Entry** slot, int type) except -1:
    """Raise WRONGTYPE for what is neither missing nor of this type."""
    if slot != NULL and entry_type(slot[0]) != type:
        return refuse_type()
    return 0

cdef class Call:
    cdef Arg* argv
    cdef size_t argc
    cdef Out* out
    cdef size_t first_key            # the word whose hash is `first_hash`; 0: none
    cdef uint64_t first_hash
    cdef LongWord* long_words        # words that are blobs already; whoever takes one leaves NULL
    cdef size_t long_count
    cdef readonly Database db
    cdef readonly Keyspace keyspace
    cdef int64_t (*unix_us)() noexcept nogil    # the time of day, read now, where `keyspace.now` is not exact enough
    cdef public object server
    cdef public object connection
    cdef public object command       # as declared
    cdef uint64_t changes            # made by this call
    cdef public list effects         # word lists to be told on instead of the command's own words; see `instead`
    cdef list noted_fields           # that the change under way is about, while somebody wants to hear of them
    cdef public bint may_block       # False within transactions and scripts
    cdef public bint in_script       # replies must not depend on chance
    cdef uint32_t gate               # of the connection, as it was when the command began; see server/connection
    cdef void* direct                # Direct: the reply may be `given` as a Python value; NULL: it has to be written
    cdef object given

    cdef inline uint64_t hash_of(self, size_t word) noexcept:
        if word == self.first_key:
            return self.first_hash
        return table_hash(&self.db.table, self.argv[word].ptr, self.argv[word].len)

    # Ask for the buckets, then the entries, of the keys at every `step`th word from `first` on.
    cdef void prefetch(self, size_t first, size_t step) noexcept

    # Lookups of the key at a word; see `Database`.
    cdef inline Entry** read(self, size_t word) noexcept:
        return self.db.read(self.argv[word].ptr, self.argv[word].len, self.hash_of(word))
    cdef inline Entry** write(self, size_t word) noexcept:
        return self.db.write(self.argv[word].ptr, self.argv[word].len, self.hash_of(word))
    cdef inline Entry** find(self, size_t word) noexcept:
        return self.db.find(self.argv[word].ptr, self.argv[word].len, self.hash_of(word))
    # As `read`, but no access: it does not touch.
    cdef Entry** peek(self, size_t word) noexcept

    # Every change of a key is told here, once it is done: for persistence, replication, watchers, notifications.
    cdef inline void changed(self, Event kind, const char* event, size_t word) noexcept:
        self.changes += 1
        self.keyspace.dirty += 1
        if self.keyspace.watching_changes:
            self.tell_change(kind, event, self.argv[word].ptr, self.argv[word].len, self.db.index)
    cdef inline void changed_in(self, Database db, Event kind, const char* event, size_t word) noexcept:
        self.changes += 1
        self.keyspace.dirty += 1
        if self.keyspace.watching_changes:
            self.tell_change(kind, event, self.argv[word].ptr, self.argv[word].len, db.index)
    # A change that is no event and that who watches the key need not know: of what a consumer group remembers.
    cdef inline void altered(self, size_t word) noexcept:
        self.changes += 1
        self.keyspace.dirty += 1
        if self.keyspace.watching_changes:
            self.tell_change(EVENT_NONE, b"", self.argv[word].ptr, self.argv[word].len, self.db.index)
    # A further event of a change that is counted already, as `expire` after `set`.
    cdef inline void also(self, Event kind, const char* event, size_t word) noexcept:
        if self.keyspace.watching_changes:
            self.tell_change(kind, event, self.argv[word].ptr, self.argv[word].len, self.db.index)
    # Count a miss that no `read` has counted.
    cdef inline void missed(self, size_t word) noexcept:
        self.keyspace.misses += 1
        if self.keyspace.notices & EVENT_KEY_MISS:
            self.tell_change(EVENT_KEY_MISS, b"keymiss", self.argv[word].ptr, self.argv[word].len, self.db.index)
    # The value at a key took the place of another, which was of type `before`, in a way that the keyspace cannot know.
    cdef void replaced(self, Database db, size_t word, int before, int type) noexcept
    cdef void tell_change(self, Event kind, const char* event, const char* key, size_t length, int db) noexcept
    # Fields of a hash that a change is about, one by one, and then what happened to them. `tell_fields` stands right
    # behind `changed` or `also`.
    cdef inline bint wants_fields(self) noexcept:
        return self.keyspace.notices & EVENT_FIELDS != 0
    cdef inline void field(self, const char* name, size_t length) noexcept:
        if self.wants_fields():
            self.note_field(name, length)
    cdef inline void tell_fields(self, const char* event, size_t word) noexcept:
        if self.noted_fields is not None:
            self.tell_noted(event, word)
    cdef void note_field(self, const char* name, size_t length) noexcept
    cdef void tell_noted(self, const char* event, size_t word) noexcept

    # The command's effect in words that mean the same at any time and by any chance, where its own do not; several
    # times for several effects. Called only if `keyspace.propagating`, and only by commands that changed something.
    cdef int instead(self, list words) except -1

    # The common cases of it; nothing where nothing is told on.
    cdef int say_deleted(self, size_t word) except -1
    cdef int say_expiry(self, size_t word, int64_t unix_ms) except -1

    # Has the client wait until a key at the words `first`, `first + step` … up to `last` changes and holds a value of
    # `type` (-1: of any), for so many milliseconds at the most (0: forever), and runs the handler again then. The
    # handler writes no reply and changes nothing. `wake_when_gone`: run it again also when a key is gone or holds
    # another type. Where clients must not wait, the reply of one whose time is over is written at once. Returns the
    # waiter, whose words may be replaced, or None.
    cdef object block(self, size_t first, size_t last, size_t step, int type, int64_t timeout_ms,
                      bint wake_when_gone=*, object timeout_reply=*)

    # Takes the blob of a long word, or NULL when the word is in the query buffer.
    cdef Blob* take_blob(self, size_t word) noexcept
    # Whether a word is this one, which is written in upper case, in any case.
    cdef bint word_is(self, size_t word, const char* upper, size_t length) noexcept
    cdef int integer(self, size_t word, int64_t* value) except -1
    # A timeout in seconds, fractions allowed, in milliseconds; 0: forever.
    cdef int64_t timeout(self, size_t word) except -1
    cdef bytes word(self, size_t index)
