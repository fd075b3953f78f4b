"""Methods of clients and pipelines in one step, where the library's own take several.

Libraries look at many options before they send a command. What is usual is told apart here at once, and the very words
that the library would send are handed to `execute_command`; for everything else its own method is called (`plain`).
"""

from redpoll.embedded.fast cimport Fast

from redpoll.embedded.fast import SLOW

cdef object slow = SLOW

cdef enum:
    TAKES_MORE = 12          # flags of code that has `*args` or `**kwargs`

# What commands without options share, so that there need not be one each: nobody finds anything to take out of it.
cdef dict NO_OPTIONS = {}


def execute_command(self, *args, **options):
    """Run a command in the store; otherwise as the library's own."""
    cdef Fast fast = self._fast
    if fast is not None:
        result = fast.run(args, options)
        if result is not slow:
            return result
    # As `super()` finds it: somebody may have put something in its place that binds in a way of its own.
    return super(self.own_class, self).execute_command(*args, **options)


# Methods that do nothing but say a command's name

def takes_a_name(plain) -> bool:
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
        cdef Fast fast = self._tell
        if fast is not None:
            result = fast.run((command, name), NO_OPTIONS)
            if result is not slow:
                return result
        return plain(self, name)

    def method(self, *args, **kwargs):
        cdef Fast fast = self._tell
        if fast is not None and not kwargs and (count < 0 or len(args) == count):
            result = fast.run((command, *args), NO_OPTIONS)
            if result is not slow:
                return result
        return plain(self, *args, **kwargs)

    return with_name if count == 1 and takes_a_name(plain) else method


# Methods with options: for clients and pipelines

cdef bint is_number(value, long long least) except -1:
    return type(value) is int and value >= least


def short_set(plain):
    def set(self, name, value, ex=None, *args, **kwargs):
        if not args and not kwargs:
            if ex is None:
                return self.execute_command("SET", name, value)
            if type(ex) is int:
                return self.execute_command("SET", name, value, "EX", ex)
        return plain(self, name, value, ex, *args, **kwargs)

    return set


def short_mget(plain):
    def mget(self, keys, *args):
        if type(keys) is list and keys and not args and self._fast is not None:
            return self.execute_command("MGET", *keys)
        return plain(self, keys, *args)

    return mget


def short_zadd(plain):
    def zadd(self, name, mapping, *args, **kwargs):
        cdef list words
        if args or kwargs or type(mapping) is not dict or not mapping:
            return plain(self, name, mapping, *args, **kwargs)
        words = ["ZADD", name]
        for member, score in (<dict>mapping).items():
            words.append(score)
            words.append(member)
        return self.execute_command(*words)

    return zadd


cdef object tell_range(self, str command, name, first, last, withscores):
    if withscores:
        return self.execute_command(command, name, first, last, "WITHSCORES", withscores=withscores,
                                    score_cast_func=float)
    return self.execute_command(command, name, first, last, withscores=withscores, score_cast_func=float)


def short_zrange(plain):
    def zrange(self, name, start, end, desc=False, withscores=False, *args, **kwargs):
        if desc or args or kwargs or self._fast is None:
            return plain(self, name, start, end, desc, withscores, *args, **kwargs)
        return tell_range(self, "ZRANGE", name, start, end, withscores)

    return zrange


def short_zrevrange(plain):
    def zrevrange(self, name, start, end, withscores=False, *args, **kwargs):
        if args or kwargs or self._fast is None:
            return plain(self, name, start, end, withscores, *args, **kwargs)
        return tell_range(self, "ZREVRANGE", name, start, end, withscores)

    return zrevrange


def short_zrangebyscore(plain):
    def zrangebyscore(self, name, min, max, start=None, num=None, withscores=False, *args, **kwargs):
        if start is not None or num is not None or args or kwargs or self._fast is None:
            return plain(self, name, min, max, start, num, withscores, *args, **kwargs)
        return tell_range(self, "ZRANGEBYSCORE", name, min, max, withscores)

    return zrangebyscore


def short_zrevrangebyscore(plain):
    def zrevrangebyscore(self, name, max, min, start=None, num=None, withscores=False, *args, **kwargs):
        if start is not None or num is not None or args or kwargs or self._fast is None:
            return plain(self, name, max, min, start, num, withscores, *args, **kwargs)
        return tell_range(self, "ZREVRANGEBYSCORE", name, max, min, withscores)

    return zrevrangebyscore


def short_xrange(plain):
    def xrange(self, name, min="-", max="+", count=None):
        if self._fast is None or (count is not None and not is_number(count, 1)):
            return plain(self, name, min, max, count)
        if count is None:
            return self.execute_command("XRANGE", name, min, max)
        return self.execute_command("XRANGE", name, min, max, "COUNT", count)

    return xrange


def short_xrevrange(plain):
    def xrevrange(self, name, max="+", min="-", count=None):
        if self._fast is None or (count is not None and not is_number(count, 1)):
            return plain(self, name, max, min, count)
        if count is None:
            return self.execute_command("XREVRANGE", name, max, min)
        return self.execute_command("XREVRANGE", name, max, min, "COUNT", count)

    return xrevrange


cdef bint may_read(self, streams, count, block) except -1:
    """Whether there is nothing unusual about what streams are to be read."""
    return (self._fast is not None and type(streams) is dict and len(<dict>streams) != 0
            and (count is None or is_number(count, 1)) and (block is None or is_number(block, 0)))


cdef object tell_reading(self, list words, dict streams, count, block):
    if count is not None:
        words.append("COUNT")
        words.append(count)
    if block is not None:
        words.append("BLOCK")
        words.append(block)
    words.append("STREAMS")
    words.extend(streams.keys())
    words.extend(streams.values())
    return self.execute_command(*words)


def short_xread(plain):
    def xread(self, streams, count=None, block=None, *args, **kwargs):
        if args or kwargs or not may_read(self, streams, count, block):
            return plain(self, streams, count, block, *args, **kwargs)
        return tell_reading(self, ["XREAD"], streams, count, block)

    return xread


def short_xreadgroup(plain):
    def xreadgroup(self, groupname, consumername, streams, count=None, block=None, noack=False, *args, **kwargs):
        if noack or args or kwargs or not may_read(self, streams, count, block):
            return plain(self, groupname, consumername, streams, count, block, noack, *args, **kwargs)
        return tell_reading(self, ["XREADGROUP", "GROUP", groupname, consumername], streams, count, block)

    return xreadgroup


#: What makes such a method of the library's own, by its name.
MAKERS = {
    "set": short_set,
    "mget": short_mget,
    "zadd": short_zadd,
    "zrange": short_zrange,
    "zrevrange": short_zrevrange,
    "zrangebyscore": short_zrangebyscore,
    "zrevrangebyscore": short_zrevrangebyscore,
    "xrange": short_xrange,
    "xrevrange": short_xrevrange,
    "xread": short_xread,
    "xreadgroup": short_xreadgroup,
}
