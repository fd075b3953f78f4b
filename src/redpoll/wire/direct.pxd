"""Replies that are made as Python values at once: see direct.pyx."""

from libc.stdint cimport int64_t
from cpython.bytes cimport PyBytes_FromStringAndSize
from cpython.list cimport PyList_SET_ITEM
from cpython.ref cimport Py_INCREF

from redpoll.engine.numbers cimport format_int64

cdef class Direct:
    cdef bint wants_text         # strings of the command that runs become str
    cdef bint wants_pairs        # of which the reply's parts shall be what client libraries make of them; see below
    cdef object failure          # a string that could not: what is to be raised

    cdef object text(self, const char* start, Py_ssize_t length)
    cdef object decoded(self, const char* start, Py_ssize_t length)

cdef inline object direct_string(Direct direct, const char* text, size_t length):
    if direct.wants_text:
        return direct.decoded(text, length)
    return PyBytes_FromStringAndSize(text, length)

cdef inline object direct_integer(Direct direct, int64_t value):
    """An integer as a string, as which structures show it."""
    cdef char digits[24]
    return direct_string(direct, digits, format_int64(digits, value))

cdef inline void direct_put(list made, Py_ssize_t at, object one) noexcept:
    """Fill a place of a list that `PyList_New` made."""
    Py_INCREF(one)
    PyList_SET_ITEM(made, at, one)
