"""Libraries of functions: see functions.pyx."""

from libc.stdint cimport uint32_t

from redpoll.scripting.machine cimport Host, Machine

cdef class Function:
    """A function of a library, ready to be run in the libraries' machine."""
    cdef readonly bytes name
    cdef readonly bytes description  # None: there is none
    cdef readonly uint32_t flags     # RUN_… of scripting/state
    cdef readonly int reference      # in the machine's registry
    cdef readonly bytes library      # its name

cdef class Library:
    cdef readonly bytes name
    cdef readonly bytes code         # as it was given, its first line included
    cdef readonly list functions

cdef class FunctionLibraries:
    cdef Host host
    cdef size_t memory_limit
    cdef Machine machine             # None as long as no library was loaded
    cdef int load_globals            # references in the machine's registry: what is global while a library is loaded
    cdef int run_globals             # … and while a function runs
    cdef readonly dict libraries     # by name
    cdef dict functions              # by name in lower case
    cdef dict spelled                # by name as callers have spelled it

    # The function of a name, in any case; None: there is none.
    cdef Function find(self, bytes name)
    cdef int prepare(self) except -1
    cdef Library read(self, bytes code)
    cdef int check(self, Library library, dict leaving) except -1
    cdef int add(self, Library library) except -1
    cdef int remove(self, Library library) except -1
    cdef int forget(self, Library library) except -1
