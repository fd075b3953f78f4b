"""Structures that have no face in Python, for tests to hold against models."""

from libc.stdint cimport int64_t, uint8_t, uint64_t
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE

from redpoll.engine.entry cimport TYPE_HASH, Entry, encoding_name, entry_free_shell, entry_set_value, entry_with_key
from redpoll.engine.field_times cimport (
    FieldTime, FieldTimes, times_add, times_copy, times_first, times_free_some, times_memory, times_new, times_remove,
    times_take,
)
from redpoll.engine.fields cimport (
    KEEP_TIME, NO_TIME, FieldValue, Hash, fields_delete, fields_get, fields_length, fields_new, fields_next_due,
    fields_open, fields_scan, fields_set, fields_set_expiry, fields_visit, is_hash_with_times,
)
from redpoll.engine.keyspace cimport Database, Keyspace, due_time
from redpoll.engine.listpack cimport (
    AFTER, BEFORE, REPLACE, Element, listpack_append, listpack_append_integer, listpack_append_pair, listpack_at,
    listpack_begin, listpack_copy, listpack_cost, listpack_equals, listpack_find, listpack_first, listpack_fits,
    listpack_free, listpack_from, listpack_get, listpack_join, listpack_last, listpack_length, listpack_memory,
    listpack_new, listpack_next, listpack_prepend, listpack_previous, listpack_put, listpack_put_integer,
    listpack_remove, listpack_size, listpack_split, listpack_text, listpack_valid, listpack_add,
)
from redpoll.engine.watcher cimport EVENT_FIELDS, Watcher


cdef bytes text_of(const uint8_t* element):
    cdef char scratch[24]
    cdef size_t length
    cdef const char* text = listpack_text(element, scratch, &length)
    return PyBytes_FromStringAndSize(text, length)


cdef bytes element_bytes(const Element* element):
    if element.text == NULL:
        return b"%d" % element.integer
    return PyBytes_FromStringAndSize(element.text, element.length)


cdef class Pack:
    """A listpack."""
    cdef uint8_t* lp

    def __cinit__(self, bytes raw = None):
        self.lp = listpack_new() if raw is None else listpack_from(raw, len(raw))

    def __dealloc__(self):
        listpack_free(self.lp)

    cdef const uint8_t* element(self, int64_t index) except NULL:
        cdef const uint8_t* found = listpack_at(self.lp, index)
        if found == NULL:
            raise IndexError(index)
        return found

    @staticmethod
    def valid(bytes raw):
        return listpack_valid(raw, len(raw))

    @staticmethod
    def cost(bytes text):
        return listpack_cost(text, len(text))

    @staticmethod
    def built(list texts):
        """The bytes of a listpack that is written into a caller's memory."""
        cdef bytes text
        cdef bytearray room = bytearray(32 + sum(len(text) + 20 for text in texts))
        cdef uint8_t* at = room
        listpack_begin(at)
        for text in texts:
            listpack_add(at, text, len(text))
        return bytes(room[:listpack_size(at)])

    def __len__(self):
        return listpack_length(self.lp)

    def raw(self):
        return PyBytes_FromStringAndSize(<char*>self.lp, listpack_size(self.lp))

    def memory(self):
        return listpack_memory(self.lp)

    def forwards(self):
        cdef const uint8_t* p = listpack_first(self.lp)
        found = []
        while p != NULL:
            found.append(text_of(p))
            p = listpack_next(p)
        return found

    def backwards(self):
        cdef const uint8_t* p = listpack_last(self.lp)
        found = []
        while p != NULL:
            found.append(text_of(p))
            p = listpack_previous(self.lp, p)
        return found

    def at(self, int64_t index):
        cdef const uint8_t* p = listpack_at(self.lp, index)
        return None if p == NULL else text_of(p)

    def is_integer(self, int64_t index):
        cdef Element read
        listpack_get(self.element(index), &read)
        return read.text == NULL

    def equals(self, int64_t index, bytes text):
        return listpack_equals(self.element(index), text, len(text))

    def find(self, int64_t start, bytes text, size_t step):
        """The index of what is found, or None."""
        cdef const uint8_t* p = listpack_at(self.lp, start)
        cdef const uint8_t* found = listpack_find(p, text, len(text), step)
        if found == NULL:
            return None
        while p != found:
            p = listpack_next(p)
            start += 1
        return start

    def fits(self, size_t text_bytes, size_t elements):
        return listpack_fits(self.lp, text_bytes, elements)

    def append(self, bytes text):
        self.lp = listpack_append(self.lp, text, len(text))

    def append_integer(self, int64_t value):
        self.lp = listpack_append_integer(self.lp, value)

    def append_pair(self, bytes text, bytes other):
        self.lp = listpack_append_pair(self.lp, text, len(text), other, len(other))

    def prepend(self, bytes text):
        self.lp = listpack_prepend(self.lp, text, len(text))

    def put(self, int64_t index, bytes text, str place):
        """Returns the text of the element made."""
        cdef const uint8_t* made
        where = {"before": BEFORE, "after": AFTER, "replace": REPLACE}[place]
        self.lp = listpack_put(self.lp, self.element(index), text, len(text), where, &made)
        return text_of(made)

    def put_integer(self, int64_t index, int64_t value, str place):
        cdef const uint8_t* made
        where = {"before": BEFORE, "after": AFTER, "replace": REPLACE}[place]
        self.lp = listpack_put_integer(self.lp, self.element(index), value, where, &made)
        return text_of(made)

    def remove(self, int64_t index, size_t count):
        """Returns the text of what follows, or None."""
        cdef const uint8_t* following
        self.lp = listpack_remove(self.lp, self.element(index), count, &following)
        return None if following == NULL else text_of(following)

    def join(self, Pack other):
        self.lp = listpack_join(self.lp, other.lp)

    def split(self, int64_t index):
        cdef uint8_t* rest
        cdef Pack made = Pack()
        self.lp = listpack_split(self.lp, self.element(index), &rest)
        listpack_free(made.lp)
        made.lp = rest
        return made

    def copy(self):
        cdef Pack made = Pack()
        listpack_free(made.lp)
        made.lp = listpack_copy(self.lp)
        return made


cdef class Times:
    """When fields expire, in order."""
    cdef FieldTimes* times

    def __cinit__(self, bint copied = False):
        if not copied:
            self.times = times_new()

    def __dealloc__(self):
        if self.times != NULL:
            times_free_some(self.times, <size_t>-1)

    def __len__(self):
        return self.times.records

    def add(self, int64_t when, uint64_t hash):
        times_add(self.times, when, hash)

    def remove(self, int64_t when, uint64_t hash):
        times_remove(self.times, when, hash)

    def first(self):
        return times_first(self.times) if self.times.records else None

    def take(self, int64_t now, size_t room):
        """Up to `room` (64) times and hashes before `now`."""
        cdef FieldTime taken[64]
        cdef size_t count = times_take(self.times, now, taken, min(room, <size_t>64))
        return [(taken[i].when, taken[i].hash) for i in range(count)]

    def copy(self):
        cdef Times made = Times(True)
        made.times = times_copy(self.times)
        return made

    def memory(self):
        return times_memory(self.times)

    def free_in_steps(self, size_t most):
        """How many steps it took."""
        cdef size_t steps = 1
        while not times_free_some(self.times, most):
            steps += 1
        self.times = NULL
        return steps


cdef class Listener(Watcher):
    """Keeps what a keyspace tells: `heard` is a list of tuples."""
    cdef readonly list heard

    def __init__(self):
        self.heard = []

    def listen_to(self, Keyspace keyspace, bint to_fields):
        keyspace.watcher = self
        keyspace.watching_changes = True
        if to_fields:
            keyspace.notices |= EVENT_FIELDS

    cdef void tell(self, int kind, const char* event, const char* key, size_t length, int database) noexcept:
        self.heard.append((kind, <bytes>event, PyBytes_FromStringAndSize(key, length), database))

    cdef void tell_fields(self, int kind, const char* event, const char* key, size_t length, int database,
                          list fields) noexcept:
        self.heard.append((kind, <bytes>event, PyBytes_FromStringAndSize(key, length), database, fields))


cdef void collect_item(void* context, const Element* field, const FieldValue* value) noexcept with gil:
    (<list>context).append((element_bytes(field), element_bytes(&value.text), value.expiry))


cdef class HashAt:
    """The hash at a key, changed as commands change it."""
    cdef Database db
    cdef bytes key
    cdef uint64_t hash

    def __init__(self, Database db, bytes key):
        self.db = db
        self.key = key
        self.hash = db.hash_of(PyBytes_AS_STRING(key), PyBytes_GET_SIZE(key))

    cdef Entry** opened(self, Hash* h) noexcept:
        cdef Entry** slot = self.db.write(PyBytes_AS_STRING(self.key), PyBytes_GET_SIZE(self.key), self.hash)
        h.now = due_time(self.db.keyspace)
        h.most_entries = self.db.keyspace.hash_max_listpack_entries
        h.most_value = self.db.keyspace.hash_max_listpack_value
        if slot == NULL:
            return NULL
        fields_open(h, slot[0])
        if is_hash_with_times(h.encoding):
            slot = self.db.purge_fields(slot, self.hash)
            if slot != NULL:
                fields_open(h, slot[0])
        return slot

    cdef void closed(self, Entry** slot, Hash* h) noexcept:
        entry_set_value(slot[0], h.encoding, h.value)
        if not fields_length(h):
            self.db.remove(slot, self.hash)
        elif is_hash_with_times(h.encoding):
            self.db.file_fields(slot, self.hash)

    def set(self, bytes field, bytes value, int64_t expiry = NO_TIME, bint keep = False):
        """Whether the field is new."""
        cdef Hash h
        cdef Entry** slot = self.opened(&h)
        cdef bint made
        if slot == NULL:
            fields_new(&h)
        made = fields_set(&h, field, len(field), value, len(value), NULL, KEEP_TIME if keep else expiry)
        if slot == NULL:
            self.db.put_value(NULL, PyBytes_AS_STRING(self.key), PyBytes_GET_SIZE(self.key), self.hash, TYPE_HASH,
                              h.encoding, h.value, -1)
        else:
            self.closed(slot, &h)
        return made

    def delete(self, bytes field):
        cdef Hash h
        cdef Entry** slot = self.opened(&h)
        cdef bint gone
        if slot == NULL:
            return False
        gone = fields_delete(&h, field, len(field))
        self.closed(slot, &h)
        return gone

    def expire(self, bytes field, int64_t expiry):
        """Set a time, or NO_TIME; whether the field was there."""
        cdef Hash h
        cdef FieldValue found
        cdef Entry** slot = self.opened(&h)
        if slot == NULL or not fields_get(&h, field, len(field), &found):
            return False
        fields_set_expiry(&h, field, len(field), expiry)
        self.closed(slot, &h)
        return True

    def get(self, bytes field):
        """(value, expiry), or None."""
        cdef Hash h
        cdef FieldValue found
        if self.opened(&h) == NULL or not fields_get(&h, field, len(field), &found):
            return None
        return element_bytes(&found.text), found.expiry

    def items(self):
        """(field, value, expiry) of every field, as they are stored."""
        cdef Hash h
        cdef list found = []
        if self.opened(&h) != NULL:
            fields_visit(&h, collect_item, <void*>found)
        return found

    def scan(self, uint64_t cursor):
        """(next cursor, items) of a hash in a table."""
        cdef Hash h
        cdef list found = []
        cdef size_t seen = 0
        if self.opened(&h) == NULL:
            return 0, found
        cursor = fields_scan(&h, cursor, collect_item, <void*>found, &seen)
        return cursor, found

    def rename(self, bytes key):
        """Move the hash to another key, which must not be there, as RENAME does; whether there was one."""
        cdef Entry** slot = self.db.write(PyBytes_AS_STRING(self.key), PyBytes_GET_SIZE(self.key), self.hash)
        cdef uint64_t former = self.hash
        cdef Entry* e
        self.key = key
        self.hash = self.db.hash_of(PyBytes_AS_STRING(key), PyBytes_GET_SIZE(key))
        if slot == NULL:
            return False
        e = self.db.detach(slot, former)
        self.db.attach(entry_with_key(e, PyBytes_AS_STRING(key), PyBytes_GET_SIZE(key)), self.hash)
        entry_free_shell(e)
        return True

    def stored(self):
        """(encoding, fields with those that are due, the earliest time or None) without looking for due ones."""
        cdef Hash h
        cdef Entry** slot = self.db.find(PyBytes_AS_STRING(self.key), PyBytes_GET_SIZE(self.key), self.hash)
        if slot == NULL:
            return None
        fields_open(&h, slot[0])
        due = fields_next_due(h.encoding, h.value)
        return (<bytes>encoding_name(slot[0])).decode(), fields_length(&h), None if due == 2**63 - 1 else due
