"""Fuzzes scripts: random Lua programs must never crash the server, hold it up or leave anything behind.

    make fuzz-scripts                                 a minute, with sanitizers
    make fuzz-scripts ARGS="--seconds 600 --seed 7"
    python -m tests.fuzz.scripts --show 1234          the program of a number

A program is made out of a grammar by its number alone: statements nested in each other, calls of all libraries and of
commands with words that fit and words that do not, coroutines, metatables, errors of all types, and now and then a
bomb: a string or a table that grows without end, recursion without end, a loop without end, a text that is no Lua at
all. After each, the server has answered once, answers others, and scripts find what they found before.

Programs that may write end by themselves: their loops and functions count, and give up. Those of EVAL_RO need not, and
are killed.
"""

from __future__ import annotations

import argparse
import random
import re
import select
import sys
import time

from tests.peers import Server, start
from tests.resp import Connection, ConnectionClosed

OPTIONS = {"busy_reply_threshold": 10, "script_memory_limit": "24mb", "maxmemory": "200mb"}
ANSWER_SECONDS = 30.0
#: How long a program may run before it is killed.
PATIENCE = 0.05
#: Numbers of programs that went wrong at some time.
FAILED_ONCE: list[int] = []

NAMES = ("a", "b", "c", "d", "t", "f")
TEXTS = (
    "''", "'x'", "'key'", "'1'", "'-1'", "'1e3'", "'0x10'", "'nan'", "'\\0\\255'", "('ab'):rep(40)", "'%d'", "'a.c'",
    "'{\"k\":[1,2,{}]}'", "'[1,'", "'\\133\\1\\2\\3'", "'>I2s4'", "'b<l'", "'*'", "'(*'", "'@user_script'",
)  # fmt: skip
NUMBERS = ("0", "1", "-1", "2", "3.5", "1e308", "-1e308", "1/0", "-1/0", "0/0", "2^53", "-2^31", "2^32", "255", "7")
COMMANDS = (
    "GET", "SET", "DEL", "INCR", "APPEND", "SETRANGE", "LPUSH", "LRANGE", "LPOP", "HSET", "HGETALL", "SADD", "SMEMBERS",
    "ZADD", "ZRANGE", "ZRANGEBYSCORE", "XADD", "XRANGE", "SORT", "EXPIRE", "TYPE", "OBJECT", "PING", "ECHO", "TIME",
    "KEYS", "SCAN", "EVAL", "SCRIPT", "MULTI", "SUBSCRIBE", "BLPOP", "NOSUCH", "CONFIG", "GEOADD", "BITFIELD", "PFADD",
    "SETEX", "MGET", "RANDOMKEY", "SPOP", "RENAME", "COPY", "DUMP", "RESTORE", "INCRBYFLOAT", "GETEX", "SELECT",
)  # fmt: skip
WORDS = (
    "'k1'", "'k2'", "'k3'", "KEYS[1]", "ARGV[1]", "'0'", "'-1'", "'10'", "'WITHSCORES'", "'x'", "1", "2.5", "'*'",
    "'EX'",
    "'NX'", "'MATCH'", "'ENCODING'", "'field'", "nil", "{}", "true", "('v'):rep(100)", "'GET'", "'u8'", "'#0'",
)  # fmt: skip
LIBRARY = (
    "string.format", "string.rep", "string.sub", "string.byte", "string.char", "string.reverse", "string.len",
    "string.lower", "table.insert", "table.remove", "table.concat", "table.maxn", "table.getn", "math.floor",
    "math.fmod",
    "math.random", "math.ldexp", "math.frexp", "math.max", "tostring", "tonumber", "type", "next", "rawget", "rawequal",
    "rawset", "select", "getmetatable", "ipairs", "pairs", "assert", "loadstring", "load", "collectgarbage", "os.clock",
    "cjson.encode", "cjson.decode", "cjson.encode_sparse_array", "cjson.encode_max_depth", "cjson.decode_max_depth",
    "cjson.encode_number_precision", "cjson.encode_keep_buffer", "cmsgpack.pack", "cmsgpack.unpack",
    "cmsgpack.unpack_one", "cmsgpack.unpack_limit", "struct.pack", "struct.unpack", "struct.size", "bit.band",
    "bit.bor",
    "bit.lshift", "bit.tohex", "bit.bswap", "bit.rol", "redis.sha1hex", "redis.error_reply", "redis.status_reply",
    "redis.setresp", "redis.set_repl", "redis.log", "redis.acl_check_cmd", "redis.breakpoint", "redis.debug",
    "redis.replicate_commands", "redis.nosuch", "coroutine.status", "coroutine.running", "unpack", "setmetatable",
)  # fmt: skip
PATTERNS = ("'.'", "'%a+'", "'(x)(y)'", "'%bxy'", "'[a-z]*'", "'^$'", "'%f[%w]'", "'['", "'%'", "'()'", "'(.-)%1'")
REPLACEMENTS = ("''", "'%0%0'", "'%1'", "'%9'", "tostring", "{x=1}", "function(...) return ... end", "false")
BOMBS = (
    "return ('x'):rep(1e9)",
    "local s = 'x' while true do s = s .. s end",
    "local t = {} for i = 1, 1e9 do t[i] = {i} end",
    "local t = {} while true do t = {t} end",
    "local function f(n) return 1 + f(n + 1) end return f(1)",
    "local function f() return pcall(f) end return f()",
    "local function f(...) return select('#', ...) > 1e6 or f(1, ...) end return f()",
    "return string.format('%99.99f', 1e308)",
    "return unpack({}, 1, 1e7)",
    "return unpack({}, -2^31, 2^31 - 1)",
    "local t = {} t[1] = t return t",
    "local t = {} t[1] = t return cjson.encode(t)",
    "local t = {} t[1] = t return cmsgpack.pack(t)",
    "return cjson.decode(('['):rep(100000))",
    "return cmsgpack.unpack(('\\145'):rep(100000))",
    "return cmsgpack.unpack('\\221\\255\\255\\255\\255')",
    "return struct.pack('i16', 1) .. struct.unpack('s', 'x')",
    "return struct.unpack('c2147483647', 'x')",
    "local t = setmetatable({}, {__index = function(t, k) return t[k + 1] end}) return t[1]",
    "local t = setmetatable({}, {__gc = error, __mode = 'kv', __metatable = 1}) return setmetatable(t, {})",
    "local t = setmetatable({}, {__lt = error, __concat = error, __call = error}) return t() .. t",
    "local co co = coroutine.create(function() coroutine.resume(co) end) return coroutine.resume(co)",
    "local f f = coroutine.wrap(function() return f() end) return f()",
    "local function f() return coroutine.wrap(f)() end return f()",
    "return coroutine.yield(1)",
    "return coroutine.wrap(function() return redis.call('GET', coroutine.yield('x')) end)()",
    "return table.concat({1, 2, {}})",
    "local t = {} for i = 1, 500 do t[i] = i % 7 end table.sort(t, function() return true end) return #t",
    "return pcall(error, {err = {err = 1}})",
    "error({err = 'X\\r\\nY', [1] = 1})",
    "error(nil)",
    "error(function() end)",
    "error(setmetatable({}, {__index = error, __tostring = error}))",
    "return setmetatable({}, {__index = function() error('x') end})",
    "return loadstring(('('):rep(10000) .. '1' .. (')'):rep(10000))",
    "return loadstring('return ' .. ('{'):rep(300) .. ('}'):rep(300))",
    "return loadstring('\\27Lua' .. ('\\0'):rep(100))",
    "return load(function() return 'x = ' end)",
    "return ('a'):rep(5000):find(('a?'):rep(10) .. ('a'):rep(10))",
    "return ('x'):rep(300000):gsub('x', '%0%0%0')",
    "return xpcall(function() error('x') end, function(e) error(e) end)",
    "return redis.call(unpack({}, 1, 8000))",
    "local t = {} for i = 1, 7000 do t[i] = 'x' end return redis.call('DEL', unpack(t))",
    "return redis.call('SET', KEYS[1], ('x'):rep(1e6), 'EX')",
    "return #tostring(string.format('%q', ('\\0'):rep(100000)))",
    "return math.random(2^31) + math.random(0)",
    "string = nil",
    "redis.call = nil",
    "getmetatable('').__index = nil",
    "KEYS = 1",
    "rawset(_G, 'x', 1)",
    "_G.x = 1",
    "local g = getmetatable(_G) g.__index = nil g.__newindex = nil",
    "table.insert(string, 1)",
    "next(_G, 'nosuch')",
    "ARGV[1] = KEYS KEYS[1] = ARGV return KEYS",
)
ENDLESS = (
    "while true do end",
    "local i = 0 while true do i = i + 1 end",
    "while true do pcall(error, 'x') end",
    "while true do redis.call('PING') end",
    "repeat local t = {} until false",
    "local function f() return f() end return f()",
    "while true do local co = coroutine.wrap(function() while true do end end) pcall(co) end",
    "local f f = function() pcall(f) end while true do f() end",
    "while true do pcall(redis.call, 'NOSUCH') end",
    "while true do ('x'):rep(1000):gsub('x', function() while true do end end) end",
    "goto = 1",
)
PROLOGUE = "local count = 0 local function tick() count = count + 1 if count > 400 then error('enough') end end "


#: What stands for what: $n a name, $e an expression, $b a block, $t a table, $m a metatable, $f a function, $c a
#: command, $x a text, $d a number, $s a small number, $p a pattern, $r a replacement, $o an operator, $l a field.
STATEMENTS = (
    "local $n = $e",
    "local $n, $n = $e, $e",
    "if $e then $b else $b end",
    "for $n = $s, $s do tick() $b end",
    "for $n, b in pairs($t) do tick() $b end",
    "while $e do tick() $b end",
    "repeat tick() $b until $e",
    "local function $n(...) tick() $b return $e, ... end",
    "local ok, $n = pcall(function() tick() $b end)",
    "local ok, $n = pcall($f, $e)",
    "xpcall(function() tick() $b end, function(e) $b return e end)",
    "local f = coroutine.wrap(function(...) tick() $b coroutine.yield(...) end) f()",
    "local $n = setmetatable($t, $m)",
    "local $n = $c",
    "local $n = $c",
    "$f($e, $e)",
    "do local $n = $t t = $e end",
    "do local t = $t t[$e] = $e end",
    "if tick() then error($e) end",
    "if ARGV[3] then error($e) end",
)
EXPRESSIONS = (
    "$x", "$d", "nil", "true", "false", "KEYS", "ARGV", "_G", "redis", "string", "tick", "$t", "($e $o $e)", "(-$e)",
    "(not $e)", "(#$e)", "$f($e, $e, $s)", "$f($e)", "$f($e)", "string.find($x, $p, $s)", "string.match($x, $p)",
    "string.gsub($x, $p, $r)", "string.gmatch($x, $p)()", "select(2, pcall($f, $e, $e))", "$c",
    "(function(...) tick() $b return ... end)($e)", "cmsgpack.unpack(cmsgpack.pack($t))",
    "cjson.decode(cjson.encode($t))",
)  # fmt: skip
LEAVES = ("$x", "$d", "nil", "true", "KEYS[1]", "ARGV")
TABLES = ("{}", "{$e, $e}", "{$l=$e}", "{[$e or 1]=$e}")
FIELDS = ("err", "ok", "double", "map", "set", "big_number", "verbatim_string", "n", "__index", "string", "format")
METATABLES = ("{$k=$v}", "{$k=$v, $k=$v}")
METAMETHODS = (
    "__index", "__newindex", "__call", "__concat", "__eq", "__lt", "__len", "__tostring", "__gc", "__mode", "__unm",
)  # fmt: skip
METAVALUES = (
    "function(...) tick() return ... end", "error", "{}", "'k'", "1", "rawget", "function(t, k) tick() $b return k end",
)  # fmt: skip
OPERATORS = ("+", "-", "*", "/", "%", "^", "..", "==", "<", "<=", "and", "or", "~=")
RUBBISH = (" end ", "\0", "]]", "--[[", '"', "\\", "(", "}", "\xff", "=", "\r")
HEADERS = ("flags=no-writes", "flags=allow-oom", "flags=", "flags=nosuch", "name=x")


class Program:
    """A program out of a number."""

    def __init__(self, number: int) -> None:
        self._chance = random.Random(number)
        self._left = self._chance.choice([5, 20, 60])
        pick = self._chance.random()
        self.only_reads = pick < 0.35
        if pick < 0.05:
            self.text = self._pick(ENDLESS)
        elif pick < 0.2 or 0.35 <= pick < 0.5:
            self.text = self._around_bomb()
        else:
            self.text = self._fill("$b return $e", 0)
        if self._chance.random() < 0.06:
            self.text = self._broken(self.text)
        self.text = PROLOGUE + self.text
        if self._chance.random() < 0.05:
            self.text = f"#!lua {self._pick(HEADERS)}\n{self.text}"

    def _pick(self, choices: tuple[str, ...]) -> str:
        return self._chance.choice(choices)

    def _around_bomb(self) -> str:
        bomb = self._pick(BOMBS)
        if self._chance.random() < 0.5:
            return bomb
        return self._fill(f"$b local ok, a = pcall(function() {bomb} end) $b return a", 2)

    def _broken(self, text: str) -> str:
        """A text with a piece missing, in another place, or too much."""
        start, end = sorted(self._chance.choices(range(len(text) + 1), k=2))
        match self._chance.randrange(3):
            case 0:
                return text[:start] + text[end:]
            case 1:
                return text[:end] + text[start:]
            case _:
                return text[:start] + self._pick(RUBBISH) + text[start:]

    def _fill(self, template: str, depth: int) -> str:
        """A template with something in each of its places."""
        return re.sub(r"\$([a-z])", lambda found: self._part(found[1], depth), template)

    def _part(self, letter: str, depth: int) -> str:
        self._left -= 1
        spent = self._left < 0 or depth > 4
        match letter:
            case "b":
                lines = 1 if spent else self._chance.randint(1, 4 if depth < 2 else 2)
                return " ".join([self._statement(depth) for _ in range(lines)])
            case "e":
                return self._fill(self._pick(LEAVES if spent else EXPRESSIONS), depth + 1)
            case "t":
                return self._fill("{}" if spent else self._pick(TABLES), depth + 1)
            case "c":
                words = [f"'{self._pick(COMMANDS)}'", *(self._pick(WORDS) for _ in range(self._chance.randrange(6)))]
                return f"redis.{self._pick(('call', 'pcall', 'pcall'))}({', '.join(words)})"
        return self._fill(self._pick(_CHOICES[letter]), depth + 1)

    def _statement(self, depth: int) -> str:
        spent = self._left < 0 or depth > 4
        return self._fill("local $n = $e" if spent else self._pick(STATEMENTS), depth + 1)


_CHOICES = {
    "n": NAMES,
    "f": LIBRARY,
    "x": TEXTS,
    "d": NUMBERS,
    "s": ("0", "1", "3", "20", "-2"),
    "p": PATTERNS,
    "r": REPLACEMENTS,
    "o": OPERATORS,
    "l": FIELDS,
    "m": METATABLES,
    "k": METAMETHODS,
    "v": METAVALUES,
}


#: What scripts find: names and types, of the libraries too, and what strings do.
LOOK = """
local found = {}
local seen = {}
local function look(name, value)
    found[#found + 1] = name .. ':' .. type(value)
    if type(value) == 'table' and not seen[value] then
        seen[value] = true
        for key, item in pairs(value) do look(name .. '.' .. tostring(key), item) end
    end
end
for key, item in pairs(_G) do
    if key ~= 'KEYS' and key ~= 'ARGV' and key ~= '_G' then look(key, item) end
end
found[#found + 1] = ('x'):upper() .. #KEYS .. #ARGV .. tostring(pcall(function() return nosuch end))
table.sort(found)
return redis.sha1hex(table.concat(found, ' '))
"""


class Wrong(Exception):
    """The server did something that it should not."""


def first_line(connection: Connection) -> bytes:
    """Read a whole reply, however deep, and return its first line."""
    first, pending = None, 1
    while pending:
        pending -= 1
        line = connection._line()
        first = first or line
        if line[:1] in b"*~>%":
            pending += int(line[1:]) * (2 if line[:1] == b"%" else 1)
        elif line[:1] in b"$=" and line != b"$-1":
            connection._bulk(line[1:])
    return first or b""


class Runner:
    """Runs programs on a server, one after another, and looks at it in between."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._client, self._other = server.connect(ANSWER_SECONDS), server.connect(ANSWER_SECONDS)
        self._found = self._look()
        self.killed = self.errors = 0

    def close(self) -> None:
        """Close the connections."""
        self._client.close()
        self._other.close()

    def _look(self) -> object:
        return self._client.call("EVAL", LOOK, "0")

    def run(self, number: int) -> None:
        """Run the program of a number. Raises `Wrong`."""
        program = Program(number)
        try:
            reply = self._run(program)
        except (ConnectionClosed, OSError) as problem:
            raise Wrong(f"program {number}: {problem!r}; the server {self._end()}") from problem
        if reply.startswith(b"-"):
            self.errors += 1

    def _end(self) -> str:
        if self._server.is_alive():
            return f"lives; its log:\n{self._server.log()}"
        return f"ended with {self._server.process.poll()}; its log:\n{self._server.log()}"

    def _run(self, program: Program) -> bytes:
        name = "EVAL_RO" if program.only_reads else "EVAL"
        self._client.send(name, program.text.encode("latin-1"), "2", "k1", "k2", "10", "argument")
        deadline = time.monotonic() + ANSWER_SECONDS
        patience = PATIENCE
        while not self._answered(patience):
            patience = 0.01
            answer = self._other.call("SCRIPT", "KILL")
            if answer == "OK":
                self.killed += 1
            elif not str(answer).startswith(("NOTBUSY", "UNKILLABLE")):
                raise Wrong(f"SCRIPT KILL answers {answer!r}")
            if time.monotonic() > deadline:
                raise Wrong(f"it does not end; SCRIPT KILL answers {answer!r}:\n{program.text}")
        reply = first_line(self._client)
        for connection in (self._client, self._other):
            if (answer := connection.call("PING")) != "PONG":
                raise Wrong(f"PING answers {answer!r} after:\n{program.text}")
        if (found := self._look()) != self._found:
            raise Wrong(f"scripts find {found!r} and not {self._found!r} after:\n{program.text}")
        return reply

    def _answered(self, seconds: float) -> bool:
        return self._client.has_data() or bool(select.select([self._client.socket], [], [], seconds)[0])


def run(server: Server, numbers: range | list[int], *, until: float = float("inf")) -> Runner:
    """Run programs on a server, up to a time. Raises `Wrong`."""
    runner = Runner(server)
    try:
        for done, number in enumerate(numbers):
            if time.monotonic() > until:
                break
            runner.run(number)
            if done % 50 == 49:
                runner._other.call("FLUSHALL")
    finally:
        runner.close()
    return runner


def main() -> int:
    """Fuzz for some time."""
    parser = argparse.ArgumentParser(description="Fuzz scripts.")
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--seed", type=int, default=None, help="the number of the first program")
    parser.add_argument("--show", type=int, default=None, help="print the program of a number, and nothing else")
    options = parser.parse_args()
    if options.show is not None:
        program = Program(options.show)
        print("EVAL_RO" if program.only_reads else "EVAL", program.text, sep="\n")
        return 0
    first = random.SystemRandom().randrange(1 << 40) if options.seed is None else options.seed
    print(f"programs from {first} on, for {options.seconds:g} seconds", flush=True)
    begun = time.monotonic()
    server = start("redpoll", **OPTIONS)
    done = 0
    try:
        while time.monotonic() - begun < options.seconds:
            numbers = range(first + done, first + done + 500)
            try:
                runner = run(server, numbers)
            except Wrong as wrong:
                print(wrong, file=sys.stderr)
                return 1
            done += len(numbers)
            told = f"{runner.killed} of the last {len(numbers)} killed, {runner.errors} failed"
            print(f"{done} programs, {told}", flush=True)
    finally:
        server.stop()
    return 0


if __name__ == "__main__":
    sys.exit(main())
