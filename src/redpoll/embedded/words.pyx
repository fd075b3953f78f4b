"""Python values as the words of a command, without a copy: pointers into the objects that the caller holds.

The first value may name a command and a subcommand, `"CONFIG GET"`, as client libraries write them.
"""

from libc.stdlib cimport free, malloc
from libc.string cimport memchr, memcpy, strlen
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_GET_SIZE
from cpython.mem cimport PyMem_Free
from cpython.tuple cimport PyTuple_GET_ITEM, PyTuple_GET_SIZE

from redpoll.engine.numbers cimport format_int64
from redpoll.wire.request cimport Arg

cdef extern from "Python.h":
    const char* PyUnicode_AsUTF8AndSize(object text, Py_ssize_t* length) except NULL
    long long PyLong_AsLongLongAndOverflow(object number, int* overflow) except? -1
    char* PyOS_double_to_string(double value, char format, int precision, int flags, int* kind) except NULL
    double PyFloat_AS_DOUBLE(object number)
    int Py_DTSF_ADD_DOT_0


cdef inline bint has_space(const char* text, size_t length) noexcept:
    return memchr(text, c" ", length) != NULL


cdef tuple split_name(tuple values):
    """The values with the words of the first one apart; the same tuple where it is one word."""
    first = values[0]
    cdef list names
    if isinstance(first, str):
        names = first.encode().split()
    elif isinstance(first, (bytes, bytearray)):
        names = bytes(first).split()
    else:
        return values
    return (*names, *values[1:]) if len(names) > 1 else values


cdef object words_of(Words* words, tuple values, object encode, bint utf8):
    cdef Py_ssize_t i, length, count = PyTuple_GET_SIZE(values)
    cdef Arg* arg
    cdef list kept = None
    cdef object value
    cdef char* digits
    cdef char* printed
    cdef int overflow
    cdef long long number
    words.block = NULL
    words.total = 0
    if count == 0:
        raise TypeError("a command has a name at least")
    value = <object>PyTuple_GET_ITEM(values, 0)
    if type(value) is str:
        arg = &words.few[0]
        arg.ptr = PyUnicode_AsUTF8AndSize(value, &length)
        if has_space(arg.ptr, length):
            kept = [split_name(values)]
    elif type(value) is bytes:
        if has_space(PyBytes_AS_STRING(value), PyBytes_GET_SIZE(value)):
            kept = [split_name(values)]
    if kept is not None:
        values = kept[0]
        count = len(values)
    words.argc = count
    if count <= FEW_WORDS:
        words.argv = words.few
        words.digits = words.few_digits
    else:
        words.block = malloc(count * (sizeof(Arg) + DIGITS))
        if words.block == NULL:
            raise MemoryError
        words.argv = <Arg*>words.block
        words.digits = <char*>words.block + count * sizeof(Arg)
    digits = words.digits
    try:
        for i in range(count):
            value = <object>PyTuple_GET_ITEM(values, i)
            arg = &words.argv[i]
            if type(value) is bytes:
                arg.ptr = PyBytes_AS_STRING(value)
                arg.len = PyBytes_GET_SIZE(value)
            elif type(value) is str and utf8:
                arg.ptr = PyUnicode_AsUTF8AndSize(value, &length)
                arg.len = length
            else:
                number = 0
                overflow = 1
                if type(value) is int:
                    number = PyLong_AsLongLongAndOverflow(value, &overflow)
                if not overflow:
                    arg.ptr = digits
                    arg.len = format_int64(digits, number)
                    digits += DIGITS
                elif type(value) is float:
                    printed = PyOS_double_to_string(PyFloat_AS_DOUBLE(value), c"r", 0, Py_DTSF_ADD_DOT_0, NULL)
                    arg.ptr = digits
                    arg.len = strlen(printed)
                    memcpy(digits, printed, arg.len)
                    PyMem_Free(printed)
                    digits += DIGITS
                else:
                    value = encode(value)
                    if type(value) is not bytes:
                        value = bytes(value)
                    if kept is None:
                        kept = []
                    kept.append(value)
                    arg.ptr = PyBytes_AS_STRING(value)
                    arg.len = PyBytes_GET_SIZE(value)
            words.total += arg.len
    except BaseException:
        words_free(words)
        raise
    return kept


cdef void words_free(Words* words) noexcept:
    if words.block != NULL:
        free(words.block)
        words.block = NULL
