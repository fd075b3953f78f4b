"""Commands that look through ranges of an array: ARSCAN, ARGREP, AROP."""

from libc.stdint cimport UINT64_MAX, int64_t, uint64_t
from libc.string cimport memcmp

from redpoll.commands.array_access cimport array_to_read, index_at, reply_unsigned, reply_word
from redpoll.commands.call cimport Call, native
from redpoll.engine.array cimport Array, ArrayWalk, array_length, array_walk, array_walk_next
from redpoll.engine.array_word cimport WORD_SCRATCH, Word, word_number, word_text, word_whole
from redpoll.engine.expression cimport Expression
from redpoll.engine.glob cimport glob_match
from redpoll.wire.output cimport Mark
from redpoll.wire.reply cimport (
    reply_array, reply_bulk, reply_integer, reply_later, reply_now, reply_null,
)
from redpoll.wire.request cimport Arg

from redpoll import errors
from redpoll.commands.declare import declare
from redpoll.commands.flags import READONLY
from redpoll.commands.regular_expressions import compile_expression
from redpoll.errors import CommandError

cdef extern from "<string.h>" nogil:
    void* memmem(const void* text, size_t length, const void* part, size_t part_length)

cdef enum:
    PREDICATES_MOST = 250
    EXPRESSION_MOST = 2048       # bytes

cdef enum Test:
    EXACT
    MATCH
    GLOB
    RE

cdef enum Aggregate:
    SUM
    MIN
    MAX
    AND
    OR
    XOR
    COUNT_MATCHES
    USED


cdef uint64_t limit_at(Call call, size_t word) except 0:
    cdef int64_t limit
    call.integer(word, &limit)
    if limit <= 0:
        raise CommandError(errors.ARRAY_LIMIT)
    return limit


cdef void reply_found(Call call, uint64_t index, Word word, bint with_value) noexcept:
    if with_value:
        reply_array(call.out, 2)
    reply_unsigned(call.out, index)
    if with_value:
        reply_word(call.out, word)


# ARSCAN

cdef int arscan(Call call) except -1:
    cdef uint64_t start = index_at(call, 2)
    cdef uint64_t end = index_at(call, 3)
    cdef uint64_t limit = UINT64_MAX
    cdef uint64_t index
    cdef uint64_t found = 0
    cdef const Array* array
    cdef ArrayWalk walk
    cdef Mark mark
    cdef Word word
    if call.argc == 6:
        if not call.word_is(4, b"LIMIT", 5):
            raise CommandError(errors.SYNTAX)
        limit = limit_at(call, 5)
    elif call.argc != 4:
        raise CommandError(errors.wrong_arity("arscan"))
    array = array_to_read(call)
    if array == NULL:
        reply_array(call.out, 0)
        return 0
    mark = reply_later(call.out, min(limit, array.count))
    array_walk(&walk, array, min(start, end), max(start, end), start > end)
    while found < limit and array_walk_next(&walk, &index, &word):
        reply_found(call, index, word, True)
        found += 1
    reply_now(call.out, &mark, c"*", found)
    return 0

declare(
    "ARSCAN key start end [LIMIT limit]", native(arscan),
    summary="Return the values in a range of indices with their indices; backwards if it ends first.", group="array",
    since="8.8.0", flags=READONLY,
    complexity="O(N) where N is the number of slots looked at, about that of the values in the range",
)


# ARGREP

cdef class Search:
    """What the words of ARGREP ask for."""
    cdef int tests[PREDICATES_MOST]
    cdef Arg* patterns[PREDICATES_MOST]
    cdef list expressions            # by the number of their test; None for other tests
    cdef size_t count
    cdef bint all
    cdef bint nocase
    cdef bint with_values
    cdef uint64_t limit

    cdef int read(self, Call call) except -1:
        cdef size_t i = 4
        cdef size_t taken
        self.expressions = []
        self.limit = UINT64_MAX
        while i < call.argc:
            taken = self.read_test(call, i)
            if not taken:
                taken = self.read_option(call, i)
            i += taken
        if not self.count:
            raise CommandError(errors.SYNTAX)
        for i in range(self.count):
            if self.tests[i] == RE:
                pattern = self.patterns[i].ptr[:self.patterns[i].len]
                self.expressions[i] = compile_expression(pattern, self.nocase)
        return 0

    cdef size_t read_test(self, Call call, size_t word) except? 0:
        """Words taken; 0: this is no test."""
        cdef int test
        if call.word_is(word, b"EXACT", 5):
            test = EXACT
        elif call.word_is(word, b"MATCH", 5):
            test = MATCH
        elif call.word_is(word, b"GLOB", 4):
            test = GLOB
        elif call.word_is(word, b"RE", 2):
            test = RE
        else:
            return 0
        if word + 1 == call.argc:
            raise CommandError(errors.SYNTAX)
        if self.count == PREDICATES_MOST:
            raise CommandError(errors.ARRAY_PREDICATES)
        if test == RE and call.argv[word + 1].len > EXPRESSION_MOST:
            raise CommandError(errors.EXPRESSION_TOO_LONG)
        self.tests[self.count] = test
        self.patterns[self.count] = &call.argv[word + 1]
        self.expressions.append(None)
        self.count += 1
        return 2

    cdef size_t read_option(self, Call call, size_t word) except 0:
        """Words taken."""
        if call.word_is(word, b"LIMIT", 5):
            if word + 1 == call.argc:
                raise CommandError(errors.SYNTAX)
            self.limit = limit_at(call, word + 1)
            return 2
        if call.word_is(word, b"AND", 3):
            self.all = True
        elif call.word_is(word, b"OR", 2):
            self.all = False
        elif call.word_is(word, b"WITHVALUES", 10):
            self.with_values = True
        elif call.word_is(word, b"NOCASE", 6):
            self.nocase = True
        else:
            raise CommandError(errors.SYNTAX)
        return 1

    cdef bint passes(self, size_t test, const char* text, size_t length) noexcept:
        cdef const char* pattern = self.patterns[test].ptr
        cdef size_t size = self.patterns[test].len
        cdef int kind = self.tests[test]
        if kind == EXACT:
            if length != size:
                return False
            return same_letters(text, pattern, size) if self.nocase else memcmp(text, pattern, size) == 0
        if kind == MATCH:
            if self.nocase:
                return contains_letters(text, length, pattern, size)
            return memmem(text, length, pattern, size) != NULL
        if kind == GLOB:
            return glob_match(pattern, size, text, length, self.nocase)
        return (<Expression>self.expressions[test]).matches(text, length)

    cdef bint wants(self, Word word) noexcept:
        cdef char scratch[WORD_SCRATCH]
        cdef size_t length
        cdef size_t i
        cdef const char* text = word_text(word, scratch, &length)
        for i in range(self.count):
            if self.passes(i, text, length) != self.all:
                return not self.all
        return self.all


cdef inline char folded(char c) noexcept nogil:
    return c | 32 if c"A" <= c <= c"Z" else c


cdef bint same_letters(const char* one, const char* other, size_t length) noexcept nogil:
    cdef size_t i
    for i in range(length):
        if folded(one[i]) != folded(other[i]):
            return False
    return True


cdef bint contains_letters(const char* text, size_t length, const char* part, size_t size) noexcept nogil:
    cdef size_t i
    if size > length:
        return False
    for i in range(length - size + 1):
        if same_letters(text + i, part, size):
            return True
    return False


cdef uint64_t bound_at(Call call, size_t word, const Array* array) except? 0:
    """An index, `-` for the first one or `+` for the last one that has a value."""
    if call.argv[word].len == 1:
        if call.argv[word].ptr[0] == c"-":
            return 0
        if call.argv[word].ptr[0] == c"+":
            return array_length(array) - 1 if array != NULL else 0
    return index_at(call, word)


cdef int argrep(Call call) except -1:
    cdef uint64_t start, end, index
    cdef uint64_t found = 0
    cdef const Array* array
    cdef ArrayWalk walk
    cdef Mark mark
    cdef Word word
    cdef Search search
    bound_at(call, 2, NULL)
    bound_at(call, 3, NULL)
    search = Search()
    search.read(call)
    array = array_to_read(call)
    if array == NULL:
        reply_array(call.out, 0)
        return 0
    start = bound_at(call, 2, array)
    end = bound_at(call, 3, array)
    mark = reply_later(call.out, min(search.limit, array.count))
    array_walk(&walk, array, min(start, end), max(start, end), start > end)
    while found < search.limit and array_walk_next(&walk, &index, &word):
        if search.wants(word):
            reply_found(call, index, word, search.with_values)
            found += 1
    reply_now(call.out, &mark, c"*", found)
    return 0

declare(
    "ARGREP key start:string end:string <(EXACT=exact string)=exact | (MATCH=match string)=match | "
    "(GLOB=glob pattern:string)=glob | (RE=re pattern:string)=re>=predicate ... "
    "[AND | OR | LIMIT limit | WITHVALUES | NOCASE]=options ...",
    native(argrep),
    summary="Find the values in a range of indices that pass a test, or all or one of several.", group="array",
    since="8.8.0", flags=READONLY,
    complexity="O(N * T) where N is the number of slots looked at and T what the tests of one value take",
)


# AROP

cdef int operation_at(Call call, size_t word) except -1:
    cdef int operation
    cdef bytes name
    for operation, name in enumerate((b"SUM", b"MIN", b"MAX", b"AND", b"OR", b"XOR", b"MATCH", b"USED")):
        if call.word_is(word, name, len(name)):
            return operation
    raise CommandError(errors.ARRAY_OPERATION)


cdef uint64_t count_values(Call call, ArrayWalk* walk, bint matching) noexcept:
    """All values, or those that are word 5."""
    cdef char scratch[WORD_SCRATCH]
    cdef const char* text
    cdef size_t length
    cdef uint64_t index
    cdef uint64_t count = 0
    cdef Word word
    while array_walk_next(walk, &index, &word):
        if matching:
            text = word_text(word, scratch, &length)
            if length != call.argv[5].len or memcmp(text, call.argv[5].ptr, length) != 0:
                continue
        count += 1
    return count


cdef bint fold_bits(ArrayWalk* walk, int operation, int64_t* result) noexcept:
    """Whether there was a number."""
    cdef uint64_t index
    cdef int64_t value
    cdef bint any = False
    cdef Word word
    while array_walk_next(walk, &index, &word):
        if not word_whole(word, &value):
            continue
        if not any:
            result[0] = value
        elif operation == AND:
            result[0] &= value
        elif operation == OR:
            result[0] |= value
        else:
            result[0] ^= value
        any = True
    return any


cdef bint fold_numbers(ArrayWalk* walk, int operation, double* result) noexcept:
    """Whether there was a number."""
    cdef uint64_t index
    cdef double value
    cdef bint any = False
    cdef Word word
    while array_walk_next(walk, &index, &word):
        if not word_number(word, &value):
            continue
        if not any:
            result[0] = value
        elif operation == SUM:
            result[0] += value
        elif value < result[0] if operation == MIN else value > result[0]:
            result[0] = value
        any = True
    return any


cdef int arop(Call call) except -1:
    cdef uint64_t start = index_at(call, 2)
    cdef uint64_t end = index_at(call, 3)
    cdef int operation = operation_at(call, 4)
    cdef const Array* array
    cdef ArrayWalk walk
    cdef int64_t bits
    cdef double number
    cdef bytes text
    if operation == COUNT_MATCHES:
        if call.argc != 6:
            raise CommandError(errors.ARRAY_MATCH)
    elif call.argc != 5:
        raise CommandError(errors.wrong_arity("arop"))
    array = array_to_read(call)
    walk.place.leaf = NULL
    if array != NULL:
        array_walk(&walk, array, min(start, end), max(start, end), False)
    if operation >= COUNT_MATCHES:
        reply_unsigned(call.out, count_values(call, &walk, operation == COUNT_MATCHES))
    elif operation >= AND:
        if fold_bits(&walk, operation, &bits):
            reply_integer(call.out, bits)
        else:
            reply_null(call.out)
    elif fold_numbers(&walk, operation, &number):
        text = b"%.17g" % number
        reply_bulk(call.out, text, len(text))
    else:
        reply_null(call.out)
    return 0

declare(
    "AROP key start end <SUM | MIN | MAX | AND | OR | XOR | (MATCH=match value)=match | USED>=operation",
    native(arop), summary="Reckon with all values in a range of indices, or count them.", group="array",
    since="8.8.0", flags=READONLY,
    complexity="O(N) where N is the number of slots looked at, about that of the values in the range",
)
