"""A library's text run, so that it registers its functions: see function_loading.pyx."""

from redpoll.scripting.machine cimport Machine

# Makes what is global while a library is loaded, takes away what functions have not, gives references to them.
cdef int prepare_globals(Machine machine, int* load_globals, int* run_globals) except -1
# The functions that a text registers: (name, description or None, flags, reference). Raises `ScriptError` for a text
# that is no Lua, `CommandError` for one that fails; none of its functions is kept then.
cdef list load_text(Machine machine, bytes text, int load_globals, int run_globals)
