"""Functions: see functions.pyx."""

from redpoll.commands.call cimport Call
from redpoll.commands.services cimport FunctionRunner
from redpoll.scripting.functions cimport FunctionLibraries
from redpoll.server.scripts cimport Scripts

cdef class Functions(FunctionRunner):
    cdef Scripts scripts
    cdef readonly FunctionLibraries libraries
