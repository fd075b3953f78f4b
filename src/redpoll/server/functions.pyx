"""Functions of one server: called, told about, put into payloads and taken from them."""

from libc.stdint cimport uint32_t

from redpoll.commands.call cimport Call
from redpoll.engine.glob cimport glob_match
from redpoll.engine.numbers cimport parse_int64
from redpoll.formats.payload cimport payload_version
from redpoll.formats.rdb cimport RDB_FOOTER, RDB_FUNCTION
from redpoll.formats.rdb_input cimport Source, Text, source_byte, source_free, source_of_memory, source_text
from redpoll.formats.rdb_output cimport Output, output_free, output_init, put_byte, put_footer, put_text
from redpoll.scripting.functions cimport Function, FunctionLibraries, Library
from redpoll.scripting.state cimport State
from redpoll.server.clock cimport monotonic_microseconds
from redpoll.server.dispatch cimport SERVER_MONITORED
from redpoll.server.scripts cimport Scripts

from redpoll import errors
from redpoll.errors import CommandError
from redpoll.scripting.shebang import FLAGS
from redpoll.wire.values import ReplySet


cdef class Functions(FunctionRunner):
    """The libraries of a server and what commands do with them."""

    def __init__(self, Scripts scripts, *, size_t memory_limit=0):
        self.scripts = scripts
        self.libraries = FunctionLibraries(scripts.host, memory_limit=memory_limit)

    cdef int call_function(self, Call call, bint only_reads) except -1:
        cdef Function function = self.libraries.find(call.word(1))
        cdef long long keys
        cdef uint32_t flags
        if function is None:
            raise CommandError(errors.NO_SUCH_FUNCTION)
        if not parse_int64(call.argv[2].ptr, call.argv[2].len, &keys):
            raise CommandError(errors.BAD_KEY_COUNT)
        if keys > <long long>call.argc - 3:
            raise CommandError(errors.TOO_MANY_KEYS)
        if keys < 0:
            raise CommandError(errors.NEGATIVE_KEYS)
        flags = self.scripts.admit(call, function.flags, only_reads)
        if self.scripts.dispatcher.gate & SERVER_MONITORED:
            self.scripts.tell_monitors(call)
        return self.scripts.execute(call, self.libraries.machine, function.reference, function.name, flags, keys)

    # Told about

    def describe(self, bytes pattern, bint with_code):
        """What FUNCTION LIST answers, of the libraries whose names match a pattern, in any case."""
        cdef Library library
        described = []
        for library in self.libraries.libraries.values():
            if pattern is not None and not glob_match(
                pattern, len(pattern), library.name, len(library.name), True
            ):
                continue
            told = {
                b"library_name": library.name,
                b"engine": b"LUA",
                b"functions": [self.describe_function(function) for function in library.functions],
            }
            if with_code:
                told[b"library_code"] = library.code
            described.append(told)
        return described

    def describe_function(self, Function function):
        """A function of FUNCTION LIST."""
        return {
            b"name": function.name,
            b"description": function.description,
            b"flags": ReplySet(name for name, flag in FLAGS.items() if function.flags & flag),
        }

    def stats(self):
        """What FUNCTION STATS answers. Raises `CommandError` while a script of EVAL is slow."""
        cdef State* state = self.scripts.host.state
        running = None
        if self.scripts.host.caller is not None and state != NULL:
            if not self.scripts.host.is_function:
                raise CommandError(errors.BUSY_SCRIPT)
            running = {
                b"name": <bytes>state.name,
                b"command": self.scripts.running_words(),
                b"duration_ms": (monotonic_microseconds() - state.started_us) // 1000,
            }
        counts = {
            b"libraries_count": len(self.libraries),
            b"functions_count": self.libraries.function_count,
        }
        return {b"running_script": running, b"engines": {b"LUA": counts}}

    # Payloads: for each library a record as in an RDB file, then version and checksum

    def dump(self):
        """All libraries in a payload."""
        cdef Output out
        cdef bytes code
        output_init(&out)
        out.compressing = self.scripts.server.config.rdbcompression
        try:
            for code in self.libraries.codes():
                put_byte(&out, RDB_FUNCTION)
                put_text(&out, code, len(code))
            put_footer(&out, 0)
            return out.data[:out.length]
        finally:
            output_free(&out)

    def restore(self, bytes payload, str policy):
        """Load the libraries of a payload. Raises `CommandError`, and has changed nothing then."""
        self.libraries.restore(read_payload(payload), policy)


def read_payload(bytes payload):
    """The texts of a payload's libraries. Raises `CommandError`."""
    cdef const char* data = payload
    cdef size_t size = len(payload)
    cdef Source source
    cdef Text text
    cdef unsigned char kind
    cdef list codes = []
    if size < RDB_FOOTER or payload_version(data, size, False) < 0:
        raise CommandError(errors.BAD_PAYLOAD)
    source_of_memory(&source, data, size - RDB_FOOTER)
    try:
        while source.at < source.end:
            if not source_byte(&source, &kind) or kind != RDB_FUNCTION:
                raise CommandError(errors.NOT_A_FUNCTION)
            if not source_text(&source, &text):
                raise CommandError(errors.BROKEN_LIBRARY)
            codes.append(text.text[:text.length])
    finally:
        source_free(&source)
    return codes
