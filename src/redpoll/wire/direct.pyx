"""Replies that are made as Python values at once, where a caller in this process wants nothing else.

Most handlers write their reply, and whoever is in this process reads it again from there (`embedded/replies.pyx`). For
whole collections that is twice the work: their handlers look at `Call.direct`, and if somebody is there they build the
list or the dictionary from the structure itself, and leave it in `Call.given`. What is a set in RESP3 is given as a
tuple that holds the list of its members: whether it becomes a set is the caller's affair.

Client libraries turn members with their scores into tuples, and entries of streams into tuples of an ID and a
dictionary of fields. Who wants those (`wants_pairs`) gets them at once, whatever the protocol.
"""


cdef class Direct:
    """How strings become Python values, for one client; to be derived from."""

    cdef object text(self, const char* start, Py_ssize_t length):
        raise NotImplementedError

    cdef object decoded(self, const char* start, Py_ssize_t length):
        """A string as str. What cannot be is told once the command is done; in its middle nothing is raised."""
        try:
            return self.text(start, length)
        except UnicodeError as error:
            self.failure = error
            return None
