"""Ways out of the sandbox that must lead nowhere: nothing outside is reached, nothing stays for the next script."""

from __future__ import annotations

from typing import Any

import pytest

from tests.resp import Connection, ErrorReply


@pytest.fixture
def client(server: Any) -> Any:
    with server.connect() as connection:
        yield connection
        # Whatever a script did, the server goes on.
        assert connection.call("PING") == "PONG"


def run(client: Connection, script: str) -> Any:
    return client.call("EVAL", script, "0")


# Each is to be refused.
REFUSED = {
    "a new global": "x = 1",
    "a new global through _G": "_G.x = 1",
    "a new global by rawset": "rawset(_G, 'x', 1)",
    "a global that is not there": "return nowhere",
    "another pcall": "pcall = nil",
    "a function of a library": "string.rep = nil",
    "a new field of a library": "string.mine = 1",
    "a library by rawset": "rawset(string, 'rep', 1)",
    "redis itself": "redis.call = nil",
    "redis by rawset": "rawset(redis, 'call', 1)",
    "cjson": "cjson.encode = nil",
    "bit": "bit.band = nil",
    "cmsgpack": "cmsgpack.pack = nil",
    "struct": "struct.pack = nil",
    "math's random": "math.random = nil",
    "another metatable of the globals": "setmetatable(_G, {})",
    "another metatable of a library": "setmetatable(string, {})",
    "the strings' metatable": "getmetatable('').__index = nil",
    "a field in the strings' metatable": "getmetatable('').__add = function() return 1 end",
    "the strings' metatable by rawset": "rawset(getmetatable(''), '__index', 1)",
    "no io": "return io.open('/etc/passwd')",
    "no os but its clock": "return os.execute('true')",
    "no os.exit": "os.exit()",
    "no os.getenv": "return os.getenv('HOME')",
    "no require": "return require('os')",
    "no package": "return package.loaded",
    "no dofile": "return dofile('/etc/passwd')",
    "no loadfile": "return loadfile('/etc/passwd')",
    "no debug library": "return debug.getregistry()",
    "no debug hooks": "debug.sethook()",
    "no newproxy": "return newproxy(true)",
    "no module": "module('m')",
    "an environment of the globals": "setfenv(0, {})",
    "bytecode through dump": "return string.dump(function() end)()",
    "a call of a number": "(1)()",
    "an endless recursion": "local function f() return 1 + f() end return f()",
    "an endless recursion of pcall": "local function f() local ok, e = pcall(f) error(e) end f()",
    "a pattern that nests too deep": "return string.find(string.rep('a', 100), string.rep('(', 100))",
    "too many results": "return unpack({}, 1, 10^8)",
    "wild places to unpack": "return unpack({}, -2^31, 2^31 - 1)",
    "a script in bytecode": "\x1bLua",
    "bytecode through loadstring": "return loadstring('\\27Lua')()",
    "a gsub without end": "return string.gsub('x', '', string.rep)",
    "a format of a table": "return string.format('%d', {})",
    "a format too wide": "return string.format('%999d', 1)",
    "an error in an error": "error(setmetatable({}, {__tostring = function() error('again') end}))",
    "a call without a command": "redis.call()",
    "a call with a table": "redis.call('set', 'a', {})",
    "json that nests too deep": "local t = {} for i = 1, 2000 do t = {t} end return cjson.encode(t)",
    "json that holds itself": "local t = {} t[1] = t return cjson.encode(t)",
}


@pytest.mark.parametrize("script", REFUSED.values(), ids=REFUSED)
def test_refused(client: Connection, script: str) -> None:
    assert isinstance(run(client, script), ErrorReply)
    # And nothing was left behind.
    kept = "return string.rep('a', 2) .. cjson.encode({1}) .. type(pcall) .. ('x'):upper()"
    assert run(client, kept) == b"aa[1]functionX"
    assert run(client, "return pcall(function() return x end)") is None


# Each may be tried, and reaches nothing that another script or the server can see.
HARMLESS = {
    "a collector that is stopped": "collectgarbage('stop')",
    "globals that are listed": "for k in pairs(_G) do k = nil end",
    "libraries that are listed": "for k, v in pairs(string) do v = nil end",
    "an own metatable": "setmetatable({}, {__index = function() return 1 end})",
    "an own environment": "local f = function() y = 1 end setfenv(f, {}) f()",
    "a coroutine": "return coroutine.wrap(function() coroutine.yield(1) end)()",
    "a finalizer": "setmetatable({}, {__gc = function() redis.call('flushall') end})",
    "a table of itself": "local t = {} t[1] = t return 1",
    "arguments that are changed": "KEYS[1] = 'x' ARGV = nil",
    "a weak table": "return setmetatable({}, {__mode = 'k'})",
}


@pytest.mark.parametrize("script", HARMLESS.values(), ids=HARMLESS)
def test_harmless(client: Connection, script: str) -> None:
    client.call("SET", "kept", "1")
    run(client, script)
    assert client.call("GET", "kept") == b"1"
    assert run(client, "return type(KEYS) .. type(ARGV) .. tostring(rawget(_G, 'y'))") == b"tabletablenil"
    assert run(client, "return string.upper('a')") == b"A"


def test_a_script_cannot_leave_a_coroutine_to_the_next(client: Connection) -> None:
    assert isinstance(run(client, "kept = coroutine.create(function() end)"), ErrorReply)
    assert isinstance(run(client, "return coroutine.resume(kept)"), ErrorReply)


def test_commands_that_scripts_may_not_run(client: Connection) -> None:
    for words in (
        "'subscribe', 'a'",
        "'multi'",
        "'exec'",
        "'monitor'",
        "'eval', 'return 1', 0",
        "'client', 'reply', 'off'",
    ):
        assert isinstance(run(client, f"return redis.call({words})"), ErrorReply), words
    # A command that would block answers as if its time were over.
    assert run(client, "return redis.call('blpop', 'nothing', 0)") is None
