"""EVAL's scripts, compiled, by their SHA-1 and by their text.

Scripts that only EVAL brought are in a list by last use, and of these the newest few hundred are kept: a client that
builds texts of its data would fill the memory otherwise. SCRIPT LOAD keeps a script until SCRIPT FLUSH.
"""

import threading

from redpoll import errors
from redpoll.errors import CommandError
from redpoll.scripting.machine import ScriptError
from redpoll.scripting.shebang import script_flags

cdef enum:
    PASSING_MOST = 500
    SCRIPT_BYTES = 240       # about what a script takes besides its text


cdef class Script:
    pass


cdef class ScriptCache:
    """Scripts and the Lua state that they run in."""

    def __init__(self, Host host, *, size_t memory_limit=0):
        self.host = host
        self.memory_limit = memory_limit
        self.flush(True)

    def flush(self, bint at_once):
        """Forget all scripts and their Lua state, which is freed by a thread unless `at_once`."""
        former = self.machine
        self.oldest = self.newest = None
        self.passing = 0
        self.by_digest = {}
        self.by_text = {}
        self.bytes_held = 0
        self.machine = Machine(self.host, memory_limit=self.memory_limit)
        if former is not None:
            if at_once:
                former.close()
            else:
                threading.Thread(target=former.close, daemon=True).start()

    def __len__(self):
        return len(self.by_digest)

    @property
    def machine_bytes(self) -> int:
        """Bytes that Lua holds."""
        return self.machine.used_memory

    @property
    def held_bytes(self) -> int:
        """About the bytes that the scripts take besides."""
        return self.bytes_held

    def load(self, bytes text):
        """Define a script to be kept; its digest."""
        return self.define(text, False).digest

    def text_of(self, bytes digest):
        """The text of a script; None: there is none."""
        script = self.find(digest)
        return None if script is None else script.text

    cdef Script find(self, bytes digest):
        script = self.by_digest.get(digest)
        return self.by_digest.get(digest.lower()) if script is None else script

    cdef Script define(self, bytes text, bint passing):
        cdef Script script = self.by_text.get(text)
        cdef bytes body
        if script is not None:
            if script.passing and not passing:
                self.unlink(script)
                script.passing = False
            return script
        script = Script()
        script.flags, body = script_flags(text)
        try:
            script.reference = self.machine.compile(body, len(body), b"@user_script")
        except ScriptError as error:
            message = error.args[0].decode("utf-8", "surrogateescape")
            raise CommandError(errors.cannot_compile(message)) from None
        import hashlib

        script.text = text
        script.digest = hashlib.sha1(text).hexdigest().encode()
        self.by_text[text] = script
        self.by_digest[script.digest] = script
        self.bytes_held += len(text) + SCRIPT_BYTES
        if passing:
            if self.passing == PASSING_MOST:
                self.drop(self.oldest)
                self.evicted += 1
            script.passing = True
            self.link(script)
        return script

    cdef void link(self, Script script) noexcept:
        """As the newest of those that may be evicted."""
        script.older = self.newest
        script.newer = None
        if self.newest is None:
            self.oldest = script
        else:
            self.newest.newer = script
        self.newest = script
        self.passing += 1

    cdef void unlink(self, Script script) noexcept:
        if script.older is None:
            self.oldest = script.newer
        else:
            script.older.newer = script.newer
        if script.newer is None:
            self.newest = script.older
        else:
            script.newer.older = script.older
        script.older = script.newer = None
        self.passing -= 1

    cdef int drop(self, Script script) except -1:
        self.unlink(script)
        del self.by_text[script.text]
        del self.by_digest[script.digest]
        self.bytes_held -= len(script.text) + SCRIPT_BYTES
        self.machine.forget(script.reference)
        return 0
