"""Libraries of functions, loaded and kept.

A library is loaded by running it: while that goes on, `redis` holds little besides `register_function`
(function_loading.pyx), and nothing else is global. What it registered becomes its functions, if nothing is wrong with
any of them; otherwise nothing has happened.

All libraries have one machine. Their names matter by case, those of functions do not; a function's name is taken once
over all libraries.
"""

import threading

from redpoll.scripting.function_loading cimport load_text, prepare_globals
from redpoll.scripting.machine cimport Machine

from redpoll import errors
from redpoll.errors import CommandError
from redpoll.scripting.library_header import read_header
from redpoll.scripting.machine import ScriptError

cdef enum:
    LIBRARY_BYTES = 200          # about what a library, and what a function take besides their texts
    FUNCTION_BYTES = 200
    SPELLINGS_MOST = 10000


cdef class Function:
    """A function of a library."""


cdef class Library:
    """A library; its functions are in the order of their registration."""


cdef class FunctionLibraries:
    """The libraries of one server, and the Lua state that their functions run in."""

    def __init__(self, Host host, *, size_t memory_limit=0):
        self.host = host
        self.memory_limit = memory_limit
        self.libraries = {}
        self.functions = {}
        self.spelled = {}

    # What there is

    def __len__(self):
        return len(self.libraries)

    @property
    def function_count(self) -> int:
        """Functions of all libraries."""
        return len(self.functions)

    @property
    def machine_bytes(self) -> int:
        """Bytes that Lua holds."""
        return 0 if self.machine is None else self.machine.used_memory

    @property
    def held_bytes(self) -> int:
        """About the bytes that the libraries take besides."""
        cdef Library library
        cdef size_t total = 0
        for library in self.libraries.values():
            total += LIBRARY_BYTES + len(library.name) + len(library.code) + FUNCTION_BYTES * len(library.functions)
        return total

    def codes(self):
        """The texts of all libraries."""
        cdef Library library
        return [library.code for library in self.libraries.values()]

    cdef Function find(self, bytes name):
        found = self.spelled.get(name)
        if found is None:
            found = self.functions.get(name.lower())
            if found is not None and len(self.spelled) < SPELLINGS_MOST:
                self.spelled[name] = found
        return found

    # Changes; each raises `CommandError`, and has changed nothing then

    def load(self, bytes code, bint replacing=False):
        """Load a library; its name."""
        cdef bytes name = read_header(code)[0]
        cdef Library library, former = self.libraries.get(name)
        if former is not None and not replacing:
            raise CommandError(errors.library_exists_quoted(name.decode()))
        library = self.read(code)
        try:
            self.check(library, {} if former is None else {name: former})
        except CommandError:
            self.forget(library)
            raise
        if former is not None:
            self.remove(former)
        self.add(library)
        return name

    def restore(self, list codes, str policy="APPEND"):
        """Load libraries, all or none. `policy`: "FLUSH" the ones that are there, "REPLACE" those of the same name, or
        "APPEND", where the same name is an error.
        """
        cdef Library library
        cdef dict made = {}, leaving
        try:
            for code in codes:
                library = self.read(code)
                if library.name in made:
                    self.forget(library)
                    raise CommandError(errors.library_exists_quoted(library.name.decode()))
                made[library.name] = library
            if policy == "FLUSH":
                leaving = dict(self.libraries)
            else:
                leaving = {name: self.libraries[name] for name in made if name in self.libraries}
                if leaving and policy != "REPLACE":
                    raise CommandError(errors.library_exists(next(iter(leaving)).decode()))
            for library in made.values():
                self.check(library, leaving)
            self.check_among(made)
        except CommandError:
            for library in made.values():
                self.forget(library)
            raise
        for library in leaving.values():
            self.remove(library)
        for library in made.values():
            self.add(library)

    def delete(self, bytes name):
        """Forget a library; whether there was one."""
        library = self.libraries.get(name)
        if library is None:
            return False
        self.remove(library)
        return True

    def flush(self, bint at_once):
        """Forget all libraries and their Lua state, which is freed by a thread unless `at_once`."""
        cdef Machine former = self.machine
        self.libraries = {}
        self.functions = {}
        self.spelled = {}
        self.machine = None
        if former is None:
            return
        if at_once:
            former.close()
        else:
            threading.Thread(target=former.close, daemon=True).start()

    # How

    cdef int prepare(self) except -1:
        if self.machine is None:
            self.machine = Machine(self.host, memory_limit=self.memory_limit)
            prepare_globals(self.machine, &self.load_globals, &self.run_globals)
        return 0

    cdef Library read(self, bytes code):
        """Run a library's text; it is not among the others yet."""
        cdef Library library = Library()
        cdef Function function
        name, body = read_header(code)
        self.prepare()
        library.name = name
        library.code = code
        library.functions = []
        try:
            found = load_text(self.machine, body, self.load_globals, self.run_globals)
        except ScriptError as error:
            message = error.args[0].decode("utf-8", "surrogateescape")
            raise CommandError(errors.cannot_compile_function(message)) from None
        for name, description, flags, reference in found:
            function = Function()
            function.name, function.description = name, description
            function.flags, function.reference = flags, reference
            function.library = library.name
            library.functions.append(function)
        if not found:
            raise CommandError(errors.NO_FUNCTIONS)
        return library

    cdef int check(self, Library library, dict leaving) except -1:
        """Refuse a library whose functions' names are taken by another one that stays."""
        cdef Function function, other
        cdef set own = set()
        for function in library.functions:
            lower = function.name.lower()
            other = self.functions.get(lower)
            if lower in own or (other is not None and other.library not in leaving):
                raise CommandError(errors.function_exists(function.name.decode()))
            own.add(lower)
        return 0

    def check_among(self, dict made):
        """Refuse libraries that take the same name for functions."""
        cdef Library library
        cdef Function function
        names = set()
        for library in made.values():
            for function in library.functions:
                if function.name.lower() in names:
                    raise CommandError(errors.function_exists(function.name.decode()))
                names.add(function.name.lower())

    cdef int add(self, Library library) except -1:
        cdef Function function
        self.libraries[library.name] = library
        for function in library.functions:
            self.functions[function.name.lower()] = function
        return 0

    cdef int remove(self, Library library) except -1:
        cdef Function function
        del self.libraries[library.name]
        self.spelled.clear()
        for function in library.functions:
            del self.functions[function.name.lower()]
        return self.forget(library)

    cdef int forget(self, Library library) except -1:
        cdef Function function
        for function in library.functions:
            self.machine.forget(function.reference)
        return 0
