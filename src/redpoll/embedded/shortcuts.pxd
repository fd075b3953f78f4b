"""What client libraries make of replies, in fewer steps: see shortcuts.pyx."""

cdef class Shape:
    """A library's own callback, known by its name."""
    cdef object plain

    # Whether the reply to a command with these options may have its parts as the library makes them already; see
    # `Direct.wants_pairs`.
    cdef bint fits(self, dict options) except -1
    # What the library makes of a reply, whose parts may be made already or not.
    cdef object of(self, object reply, dict options)
