"""What client libraries make of replies, in fewer steps: the same values, where replies are Python values already.

The library's own callbacks are known by their names; whoever sets others gets those. Where a reply comes straight from
the structure (`wire/direct.pyx`), members with their scores and entries of streams are made at once as the library has
them; from scripts, transactions and logs they come as they are written, and are made here.
"""

cdef object pairs_of(fields):
    """The fields of a stream's entry, one after the other with their values, as a dictionary."""
    cdef list flat
    cdef dict made
    cdef Py_ssize_t i
    if type(fields) is not list:
        if fields is None:
            return {}
        it = iter(fields)
        return dict(zip(it, it))
    flat = fields
    made = {}
    for i in range(0, len(flat) - 1, 2):
        made[flat[i]] = flat[i + 1]
    return made


cdef object entries_of(response):
    """Entries as tuples of an ID and a dictionary; those that are made already are given back."""
    cdef list made
    if type(response) is list and response and type((<list>response)[0]) is tuple:
        return response
    made = []
    for entry in response:
        made.append((None, None) if entry is None else (entry[0], pairs_of(entry[1])))
    return made


cdef bint only_keys(dict options) except -1:
    """Whether options say nothing but which keys a command is about."""
    return not options or (len(options) == 1 and "keys" in options)


cdef class Shape:
    def __init__(self, plain):
        self.plain = plain

    cdef bint fits(self, dict options) except -1:
        return only_keys(options)

    cdef object of(self, object reply, dict options):
        return self.plain(reply, **options) if options else self.plain(reply)


cdef class FlatScores(Shape):
    """Members and scores in turn (RESP2), as tuples."""

    cdef bint fits(self, dict options) except -1:
        return not options or options.get("score_cast_func", float) is float

    cdef object of(self, object reply, dict options):
        if not reply or not options or not options.get("withscores"):
            return reply
        if type(reply) is list and type((<list>reply)[0]) is tuple:
            return reply
        return self.plain(reply, **options)


cdef class PairedScores(FlatScores):
    """Pairs of members and scores (RESP3), as tuples; the library prints each score and reads it again."""

    cdef object of(self, object reply, dict options):
        if reply and options and options.get("withscores") and options.get("score_cast_func", float) is float:
            if type(reply) is list and type((<list>reply)[0]) is tuple:
                return reply
            return [tuple(pair) for pair in reply]
        return FlatScores.of(self, reply, options)


cdef class Entries(Shape):
    cdef object of(self, object reply, dict options):
        if reply is None or options:
            return Shape.of(self, reply, options)
        return entries_of(reply)


cdef class StreamsAsLists(Shape):
    """A map of streams (RESP3), as lists of a name and entries."""

    cdef object of(self, object reply, dict options):
        if options or type(reply) is not dict:
            return Shape.of(self, reply, options)
        return [[name, entries_of(found)] for name, found in (<dict>reply).items()]


cdef class StreamsAsMap(Shape):
    """A map of streams (RESP3), as one of lists of entries."""

    cdef object of(self, object reply, dict options):
        if options or type(reply) is not dict:
            return Shape.of(self, reply, options)
        return {name: [entries_of(found)] for name, found in (<dict>reply).items()}


cdef class StreamsAsPairs(Shape):
    """Lists of a name and entries (RESP2), as such."""

    cdef object of(self, object reply, dict options):
        if options or type(reply) is not list:
            return Shape.of(self, reply, options)
        return [[found[0], entries_of(found[1])] for found in <list>reply]


cdef dict SHAPES = {
    "zset_score_pairs": FlatScores,
    "zset_score_pairs_resp3_to_resp2_legacy": PairedScores,
    "parse_stream_list": Entries,
    "parse_xread": StreamsAsPairs,
    "parse_xread_resp3": StreamsAsMap,
    "parse_xread_resp3_to_resp2_legacy": StreamsAsLists,
}


def shortened(callback):
    """A callback in fewer steps, a `Shape`, or the same one."""
    shape = SHAPES.get(getattr(callback, "__name__", ""))
    if shape is None or not getattr(callback, "__module__", "").endswith("._parsers.helpers"):
        return callback
    return shape(callback)
