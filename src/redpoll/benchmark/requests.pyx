"""Requests composed into batches: bytes prepared once, numbers written over their places.

A batch of one and the same unit lies ready `pipeline` times over, so that only its numbers are written before it is
sent again. Units of a mix are copied one behind the other.
"""

cimport cython
from libc.stdlib cimport calloc, free, malloc
from libc.string cimport memcpy

from redpoll.benchmark.chance cimport below, draw, redpoll_twelve_digits, zipf_draw, zipf_prepare
from redpoll.benchmark.system cimport __ATOMIC_RELAXED, __atomic_fetch_add

_ORDERS = {"always": ALWAYS, "mixed": MIXED, "in turn": IN_TURN}


cdef class Requests:
    """What is asked, shared by all threads.

    `units` are pairs: a request's bytes, and the number of commands in it. The caller tells where numbers and tags go:
    `places` and `tags` have a list for each unit, of (offset, slot) and of offsets. `weights` of a mix are any
    positive numbers.
    """

    def __cinit__(self, list units, list places, list tags, str order="always", list weights=None, uint64_t keys=0,
                  bint sequential=False, double zipf=0.0):  # fmt: skip
        cdef int index, number, share, at = 0
        cdef Unit* unit
        cdef bytes text
        if not units or len(units) > 65535 and _ORDERS[order] == MIXED:
            raise ValueError("a mix has from 1 to 65535 parts")
        self.order = _ORDERS[order]
        self.units = <Unit*>calloc(len(units), sizeof(Unit))
        self.turns = <int64_t*>calloc(SLOTS + 1, sizeof(int64_t))
        if self.units == NULL or self.turns == NULL:
            raise MemoryError
        self.count = len(units)
        self.keys = keys
        self.sequential = sequential
        self.by_zipf = zipf > 0 and keys > 0
        if self.by_zipf:
            zipf_prepare(&self.zipf, keys, zipf)
        for index in range(self.count):
            unit = &self.units[index]
            text, unit.commands = units[index]
            unit.size = len(text)
            unit.place_count = len(places[index]) if keys else 0
            unit.tag_count = len(tags[index])
            unit.text = <char*>malloc(unit.size or 1)
            unit.places = <Place*>malloc(max(1, unit.place_count) * sizeof(Place))
            unit.tags = <uint32_t*>malloc(max(1, unit.tag_count) * sizeof(uint32_t))
            if unit.text == NULL or unit.places == NULL or unit.tags == NULL:
                raise MemoryError
            memcpy(unit.text, <char*>text, unit.size)
            for number in range(unit.place_count):
                unit.places[number].offset, unit.places[number].slot = places[index][number]
                if unit.places[number].offset + 12 > unit.size or unit.places[number].slot >= SLOTS:
                    raise ValueError("a place outside its request")
            for number in range(unit.tag_count):
                unit.tags[number] = tags[index][number]
                if unit.tags[number] + 5 > unit.size:
                    raise ValueError("a tag outside its request")
            self.largest = max(self.largest, unit.size)
            self.most_commands = max(self.most_commands, <int>unit.commands)
        if self.order == MIXED:
            self.choices = <uint16_t*>malloc(CHOICES * sizeof(uint16_t))
            if self.choices == NULL:
                raise MemoryError
            total, told = sum(weights), 0.0
            for index in range(self.count):
                told += weights[index]
                share = round(told / total * CHOICES)
                while at < share:
                    self.choices[at] = index
                    at += 1

    def __dealloc__(self):
        cdef int index
        if self.units != NULL:
            for index in range(self.count):
                free(self.units[index].text)
                free(self.units[index].places)
                free(self.units[index].tags)
        free(self.units)
        free(self.choices)
        free(self.turns)


@cython.final
cdef class Batch:
    """Up to `pipeline` units, one behind the other: one for each thread."""

    def __cinit__(self, Requests requests, int pipeline, uint64_t seed):
        cdef Unit* unit = &requests.units[0]
        cdef int index
        self.requests = requests
        self.pipeline = pipeline
        self.state = seed
        self.text = <char*>malloc(<size_t>pipeline * requests.largest + 1)
        if self.text == NULL:
            raise MemoryError
        if requests.order == ALWAYS:
            for index in range(pipeline):
                memcpy(self.text + <size_t>index * unit.size, unit.text, unit.size)
        if requests.order == MIXED:
            self.parts = <uint16_t*>malloc(<size_t>pipeline * requests.most_commands * sizeof(uint16_t))
            if self.parts == NULL:
                raise MemoryError

    def __dealloc__(self):
        free(self.text)
        free(self.parts)

    cdef uint64_t number(self, uint32_t slot) noexcept nogil:
        if self.requests.sequential:
            return <uint64_t>__atomic_fetch_add(&self.requests.turns[slot], 1, __ATOMIC_RELAXED) % self.requests.keys
        if self.requests.by_zipf:
            return zipf_draw(&self.requests.zipf, &self.state) - 1
        return below(&self.state, self.requests.keys)

    cdef void fill(self, char* text, const Unit* unit, const char* tag) noexcept nogil:
        cdef uint64_t shared[SLOTS]
        cdef uint64_t value
        cdef uint32_t index, slot, known = 0
        for index in range(unit.place_count):
            slot = unit.places[index].slot
            if slot == 0:
                value = self.number(0)
            else:
                if not known >> slot & 1:
                    known |= <uint32_t>1 << slot
                    shared[slot] = self.number(slot)
                value = shared[slot]
            redpoll_twelve_digits(text + unit.places[index].offset, value)
        if tag != NULL:
            for index in range(unit.tag_count):
                memcpy(text + unit.tags[index] + 1, tag, 3)

    cdef void compose(self, int units, const char* tag) noexcept nogil:
        cdef Unit* unit = &self.requests.units[0]
        cdef char* text = self.text
        cdef int index, chosen, _
        cdef uint32_t number
        if self.requests.order == ALWAYS:
            if unit.place_count or (tag != NULL and unit.tag_count):
                for index in range(units):
                    self.fill(text + <size_t>index * unit.size, unit, tag)
            self.size = <size_t>units * unit.size
            self.commands = <int64_t>units * unit.commands
            return
        self.commands = 0
        for _ in range(units):
            if self.requests.order == MIXED:
                chosen = self.requests.choices[draw(&self.state) >> 51]
                unit = &self.requests.units[chosen]
                for number in range(unit.commands):
                    self.parts[self.commands + number] = chosen
            else:
                chosen = <int>(
                    __atomic_fetch_add(&self.requests.turns[SLOTS], 1, __ATOMIC_RELAXED) % self.requests.count
                )
                unit = &self.requests.units[chosen]
            memcpy(text, unit.text, unit.size)
            self.fill(text, unit, tag)
            text += unit.size
            self.commands += unit.commands
        self.size = text - self.text

    def take(self, int units, bytes tag=None) -> bytes:
        """Return the next batch of so many units, with three bytes as their tag."""
        self.compose(min(units, self.pipeline), <const char*>tag if tag is not None else NULL)
        return self.text[: self.size]
