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

cdef object tell(self, tuple words, dict options):
    """What `self.execute_command(*words, **options)` returns."""
    cdef Fast fast = self._tell
    if fast is None:
        return self.execute_command(*words, **options)
    if fast.for_tasks:
        return self._told(fast, words, options)
    result = fast.run(words, options)
    return result if result is not slow else self.execute_command(*words, **options)


cdef bint is_number(value, long long least) except -1:
    return type(value) is int and value >= least


def short_set(plain):
    def set(self, name, value, ex=None, *args, **kwargs):
        if not args and not kwargs:
            if ex is None:
                return tell(self, ("SET", name, value), NO_OPTIONS)
            if type(ex) is int:
                return tell(self, ("SET", name, value, "EX", ex), NO_OPTIONS)
        return plain(self, name, value, ex, *args, **kwargs)

    return set


def short_setex(plain):
    def setex(self, name, time, value):
        # The library says each time that it is deprecated; once a client will do.
        if type(time) is not int or not self._was_warned:
            self._was_warned = True
            return plain(self, name, time, value)
        return tell(self, ("SETEX", name, time, value), NO_OPTIONS)

    return setex


def short_mget(plain):
    def mget(self, keys, *args):
        if type(keys) is list and keys and not args and self._fast is not None:
            return tell(self, ("MGET", *keys), NO_OPTIONS)
        return plain(self, keys, *args)

    return mget


def short_keys(plain):
    def keys(self, pattern="*", **kwargs):
        return plain(self, pattern, **kwargs) if kwargs else tell(self, ("KEYS", pattern), NO_OPTIONS)

    return keys


def short_expire(plain):
    def expire(self, name, time, *args, **kwargs):
        if args or kwargs or type(time) is not int:
            return plain(self, name, time, *args, **kwargs)
        return tell(self, ("EXPIRE", name, time), NO_OPTIONS)

    return expire


def short_hset(plain):
    def hset(self, name, key=None, value=None, mapping=None, items=None):
        if mapping or items or key is None:
            return plain(self, name, key, value, mapping, items)
        return tell(self, ("HSET", name, key, value), NO_OPTIONS)

    return hset


def short_incrby(plain):
    def incrby(self, name, amount=1):
        return tell(self, ("INCRBY", name, amount), NO_OPTIONS)

    return incrby


def short_hincrby(plain):
    def hincrby(self, name, key, amount=1):
        return tell(self, ("HINCRBY", name, key, amount), NO_OPTIONS)

    return hincrby


def short_lpop(plain):
    def lpop(self, name, count=None):
        return plain(self, name, count) if count is not None else tell(self, ("LPOP", name), NO_OPTIONS)

    return lpop


def short_rpop(plain):
    def rpop(self, name, count=None):
        return plain(self, name, count) if count is not None else tell(self, ("RPOP", name), NO_OPTIONS)

    return rpop


def short_publish(plain):
    def publish(self, channel, message, **kwargs):
        # Without the short way, the library counts it.
        if kwargs or self._fast is None:
            return plain(self, channel, message, **kwargs)
        return tell(self, ("PUBLISH", channel, message), NO_OPTIONS)

    return publish


def short_zadd(plain):
    def zadd(self, name, mapping, *args, **kwargs):
        cdef list words
        if args or kwargs or type(mapping) is not dict or not mapping:
            return plain(self, name, mapping, *args, **kwargs)
        if len(<dict>mapping) == 1:
            for member, score in (<dict>mapping).items():
                return tell(self, ("ZADD", name, score, member), NO_OPTIONS)
        words = ["ZADD", name]
        for member, score in (<dict>mapping).items():
            words.append(score)
            words.append(member)
        return tell(self, tuple(words), NO_OPTIONS)

    return zadd


cdef object tell_range(self, tuple words, withscores):
    # Callbacks of whoever has his own are told.
    cdef dict options = {"withscores": withscores, "score_cast_func": float}
    return tell(self, (*words, "WITHSCORES") if withscores else words, options)


def short_zrange(plain):
    def zrange(self, name, start, end, desc=False, withscores=False, *args, **kwargs):
        if desc or args or kwargs or self._fast is None:
            return plain(self, name, start, end, desc, withscores, *args, **kwargs)
        return tell_range(self, ("ZRANGE", name, start, end), withscores)

    return zrange


def short_zrevrange(plain):
    def zrevrange(self, name, start, end, withscores=False, *args, **kwargs):
        if args or kwargs or self._fast is None:
            return plain(self, name, start, end, withscores, *args, **kwargs)
        return tell_range(self, ("ZREVRANGE", name, start, end), withscores)

    return zrevrange


def short_zrangebyscore(plain):
    def zrangebyscore(self, name, min, max, start=None, num=None, withscores=False, *args, **kwargs):
        if start is not None or num is not None or args or kwargs or self._fast is None:
            return plain(self, name, min, max, start, num, withscores, *args, **kwargs)
        return tell_range(self, ("ZRANGEBYSCORE", name, min, max), withscores)

    return zrangebyscore


def short_zrevrangebyscore(plain):
    def zrevrangebyscore(self, name, max, min, start=None, num=None, withscores=False, *args, **kwargs):
        if start is not None or num is not None or args or kwargs or self._fast is None:
            return plain(self, name, max, min, start, num, withscores, *args, **kwargs)
        return tell_range(self, ("ZREVRANGEBYSCORE", name, max, min), withscores)

    return zrevrangebyscore


def short_xadd(plain):
    def xadd(self, name, fields, id="*", maxlen=None, approximate=True, *args, **kwargs):
        cdef list words
        if args or kwargs or type(fields) is not dict or not fields or not (maxlen is None or is_number(maxlen, 0)):
            return plain(self, name, fields, id, maxlen, approximate, *args, **kwargs)
        words = ["XADD", name]
        if maxlen is not None:
            words.append("MAXLEN")
            if approximate:
                words.append("~")
            words.append(maxlen)
        words.append(id)
        for field, value in (<dict>fields).items():
            words.append(field)
            words.append(value)
        return tell(self, tuple(words), NO_OPTIONS)

    return xadd


def short_xrange(plain):
    def xrange(self, name, min="-", max="+", count=None):
        if self._fast is None or (count is not None and not is_number(count, 1)):
            return plain(self, name, min, max, count)
        if count is None:
            return tell(self, ("XRANGE", name, min, max), NO_OPTIONS)
        return tell(self, ("XRANGE", name, min, max, "COUNT", count), NO_OPTIONS)

    return xrange


def short_xrevrange(plain):
    def xrevrange(self, name, max="+", min="-", count=None):
        if self._fast is None or (count is not None and not is_number(count, 1)):
            return plain(self, name, max, min, count)
        if count is None:
            return tell(self, ("XREVRANGE", name, max, min), NO_OPTIONS)
        return tell(self, ("XREVRANGE", name, max, min, "COUNT", count), NO_OPTIONS)

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
    return tell(self, tuple(words), NO_OPTIONS)


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
    "setex": short_setex,
    "mget": short_mget,
    "keys": short_keys,
    "expire": short_expire,
    "hset": short_hset,
    "incrby": short_incrby,
    "incr": short_incrby,
    "hincrby": short_hincrby,
    "lpop": short_lpop,
    "rpop": short_rpop,
    "publish": short_publish,
    "zadd": short_zadd,
    "zrange": short_zrange,
    "zrevrange": short_zrevrange,
    "zrangebyscore": short_zrangebyscore,
    "zrevrangebyscore": short_zrevrangebyscore,
    "xadd": short_xadd,
    "xrange": short_xrange,
    "xrevrange": short_xrevrange,
    "xread": short_xread,
    "xreadgroup": short_xreadgroup,
}
