"""Matching by all ways at once, after Thompson, "Regular expression search algorithm" (1968): every byte of a text is
looked at once, whatever the expression, so none can be made to take forever.
"""

from libc.stdint cimport uint8_t, uint32_t, uint64_t
from libc.stdlib cimport calloc, free


cdef inline bint holds(const ByteSet* set, uint8_t byte) noexcept nogil:
    return (set.bits[byte >> 6] >> (byte & 63)) & 1


cdef inline bint is_word(uint8_t byte) noexcept nogil:
    return (48 <= byte <= 57) or (65 <= byte <= 90) or (97 <= byte <= 122) or byte == 95


cdef bint passes(uint32_t test, const uint8_t* text, size_t length, size_t at) noexcept nogil:
    cdef bint before = at > 0 and is_word(text[at - 1])
    cdef bint behind = at < length and is_word(text[at])
    if test == AT_START:
        return at == 0
    if test == AT_END:
        return at == length
    if test == WORD_START:
        return behind and not before
    if test == WORD_END:
        return before and not behind
    # Both ends of the text count as edges, and so does a NUL, whatever stands beside them.
    if at == 0 or at == length or text[at] == 0:
        return test == WORD_EDGE
    return (before != behind) == (test == WORD_EDGE)


cdef class Expression:
    """Made of steps (operation, one, two) and of sets of bytes as numbers of 256 bits."""

    def __cinit__(self, list steps, list sets):
        cdef uint32_t i, j
        self.count = len(steps)
        self.steps = <Step*>calloc(self.count, sizeof(Step))
        self.sets = <ByteSet*>calloc(len(sets) + 1, sizeof(ByteSet))
        self.here = <uint32_t*>calloc(self.count, sizeof(uint32_t))
        self.ahead = <uint32_t*>calloc(self.count, sizeof(uint32_t))
        # Entering a step leads to two more at the most.
        self.stack = <uint32_t*>calloc(2 * self.count + 2, sizeof(uint32_t))
        self.seen = <uint64_t*>calloc(self.count, sizeof(uint64_t))
        if not (self.steps and self.sets and self.here and self.ahead and self.stack and self.seen):
            raise MemoryError
        for i in range(self.count):
            self.steps[i].operation, self.steps[i].one, self.steps[i].two = steps[i]
        for i in range(<uint32_t>len(sets)):
            for j in range(4):
                self.sets[i].bits[j] = (sets[i] >> (64 * j)) & 0xFFFFFFFFFFFFFFFF
        self.anchored = self.steps[0].operation == AT_START
        self.choosy = self.choose()

    def __dealloc__(self):
        free(self.steps)
        free(self.sets)
        free(self.here)
        free(self.ahead)
        free(self.stack)
        free(self.seen)

    cdef bint choose(self) noexcept:
        """Find the bytes that a match can begin with; False: any will do, or none is needed."""
        cdef uint32_t found = 0
        cdef uint32_t depth = 1
        cdef uint32_t i, at, operation
        self.time += 1
        self.stack[0] = 0
        while depth:
            depth -= 1
            at = self.stack[depth]
            if self.seen[at] == self.time:
                continue
            self.seen[at] = self.time
            operation = self.steps[at].operation
            if operation == SET:
                for i in range(4):
                    self.first.bits[i] |= self.sets[self.steps[at].one].bits[i]
                found += 1
            elif operation == GO or operation == FORK:
                self.stack[depth] = self.steps[at].one
                depth += 1
                if operation == FORK:
                    self.stack[depth] = self.steps[at].two
                    depth += 1
            else:
                return False
        return found > 0

    cdef bint enter(self, uint32_t* waiting, uint32_t* count, uint32_t step, const uint8_t* text, size_t length,
                    size_t at) noexcept nogil:
        """All steps that a step leads to without a byte; whether the end is among them."""
        cdef uint32_t depth = 1
        cdef uint32_t operation
        self.stack[0] = step
        while depth:
            depth -= 1
            step = self.stack[depth]
            if self.seen[step] == self.time:
                continue
            self.seen[step] = self.time
            operation = self.steps[step].operation
            if operation == SET:
                waiting[count[0]] = step
                count[0] += 1
            elif operation == FOUND:
                return True
            elif operation == GO or operation == FORK:
                if operation == FORK:
                    self.stack[depth] = self.steps[step].two
                    depth += 1
                self.stack[depth] = self.steps[step].one
                depth += 1
            elif passes(operation, text, length, at):
                self.stack[depth] = step + 1
                depth += 1
        return False

    cdef bint matches(self, const char* characters, size_t length) noexcept nogil:
        cdef const uint8_t* text = <const uint8_t*>characters
        cdef uint32_t* swap
        cdef uint32_t here = 0
        cdef uint32_t ahead, i, step
        cdef size_t at = 0
        self.time += 1
        while True:
            if not here:
                if self.anchored and at:
                    return False
                if self.choosy:
                    while at < length and not holds(&self.first, text[at]):
                        at += 1
                    if at == length:
                        return False
                self.time += 1
            if not self.anchored or at == 0:
                if self.enter(self.here, &here, 0, text, length, at):
                    return True
            if at == length:
                return False
            self.time += 1
            ahead = 0
            for i in range(here):
                step = self.here[i]
                if holds(&self.sets[self.steps[step].one], text[at]):
                    if self.enter(self.ahead, &ahead, step + 1, text, length, at + 1):
                        return True
            swap = self.here
            self.here = self.ahead
            self.ahead = swap
            here = ahead
            at += 1

    def search(self, bytes text):
        """Whether a text matches; for tests."""
        return self.matches(text, len(text))
