"""What client libraries make of replies, in fewer steps: the same values, where replies are Python values already.

The library's own callbacks are known by their names; whoever sets others gets those.
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


cdef list entries_of(response):
    cdef list made = []
    for entry in response:
        made.append((None, None) if entry is None else (entry[0], pairs_of(entry[1])))
    return made


cdef object scores(callback):
    """Pairs of members and scores as tuples; the library prints each score and reads it again."""

    def pairs(reply, **options):
        if reply and options.get("withscores") and options.get("score_cast_func", float) is float:
            return [tuple(pair) for pair in reply]
        return callback(reply, **options)

    return pairs


cdef object entries(callback):
    def stream(reply, **options):
        if reply is None or options:
            return callback(reply, **options)
        return entries_of(reply)

    return stream


cdef object streams_as_lists(callback):
    def streams(reply, **options):
        if options or type(reply) is not dict:
            return callback(reply, **options)
        return [[name, entries_of(found)] for name, found in (<dict>reply).items()]

    return streams


cdef object streams_as_map(callback):
    def streams(reply, **options):
        if options or type(reply) is not dict:
            return callback(reply, **options)
        return {name: [entries_of(found)] for name, found in (<dict>reply).items()}

    return streams


cdef object streams_as_pairs(callback):
    def streams(reply, **options):
        if options or type(reply) is not list:
            return callback(reply, **options)
        return [[found[0], entries_of(found[1])] for found in <list>reply]

    return streams


cdef dict SHORTCUTS = {
    "zset_score_pairs_resp3_to_resp2_legacy": scores,
    "parse_stream_list": entries,
    "parse_xread": streams_as_pairs,
    "parse_xread_resp3": streams_as_map,
    "parse_xread_resp3_to_resp2_legacy": streams_as_lists,
}


def shortened(callback):
    """A callback in fewer steps, or the same one."""
    make = SHORTCUTS.get(getattr(callback, "__name__", ""))
    if make is None or not getattr(callback, "__module__", "").endswith("._parsers.helpers"):
        return callback
    return make(callback)


cdef enum:
    TAKES_MORE = 12          # flags of code that has `*args` or `**kwargs`

# What commands without options share, so that there need not be one each: nobody finds anything to take out of it.
cdef dict NO_OPTIONS = {}


cdef bint takes_a_name(plain):
    """Whether a method takes one argument, `name`, and nothing else."""
    code = getattr(plain, "__code__", None)
    return (code is not None and code.co_varnames[:code.co_argcount] == ("self", "name")
            and not code.co_flags & TAKES_MORE and not code.co_kwonlyargcount)


def noting(plain, str command, Py_ssize_t count):
    """A method of a pipeline that notes a command of `count` words, -1: of any number; else `plain` is called."""

    def with_name(self, name):
        if self.watching and not self.explicit_transaction:
            return plain(self, name)
        (<list?>self.command_stack).append(((command, name), NO_OPTIONS))
        return self

    def method(self, *args, **kwargs):
        if kwargs or (count >= 0 and len(args) != count) or (self.watching and not self.explicit_transaction):
            return plain(self, *args, **kwargs)
        (<list?>self.command_stack).append(((command, *args), NO_OPTIONS))
        return self

    return with_name if count == 1 and takes_a_name(plain) else method


def telling(plain, str command, Py_ssize_t count):
    """The same for a client, whose command is run; `plain` also does what client side caching needs."""

    def with_name(self, name):
        return plain(self, name) if self._fast is None else self.execute_command(command, name)

    def method(self, *args, **kwargs):
        if kwargs or self._fast is None or (count >= 0 and len(args) != count):
            return plain(self, *args, **kwargs)
        return self.execute_command(command, *args)

    return with_name if count == 1 and takes_a_name(plain) else method
