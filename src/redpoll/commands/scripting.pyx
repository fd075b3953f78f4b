"""Scripts and functions run: EVAL, EVALSHA, FCALL and their variants that only read."""

from redpoll.commands.call cimport Call, native
from redpoll.commands.services cimport FunctionRunner, ScriptRunner

from redpoll.commands.declare import declare
from redpoll.commands.flags import (
    MAY_REPLICATE, NO_MANDATORY_KEYS, NOSCRIPT, READONLY, SCRIPT_RUNNER, SKIP_MONITOR, STALE,
)

RUNS_SCRIPTS = NOSCRIPT | SKIP_MONITOR | STALE | NO_MANDATORY_KEYS | SCRIPT_RUNNER


cdef int evaluate(Call call) except -1:
    return (<ScriptRunner?>call.server.scripts).evaluate(call, False, False)

declare(
    "EVAL script numkeys [key [key ...]] [arg [arg ...]]", native(evaluate), summary="Run a Lua script.",
    group="scripting", since="2.6.0", flags=RUNS_SCRIPTS | MAY_REPLICATE, complexity="Depends on the script",
    keys="RW access update",
)


cdef int evaluate_digest(Call call) except -1:
    return (<ScriptRunner?>call.server.scripts).evaluate(call, True, False)

declare(
    "EVALSHA sha1 numkeys [key [key ...]] [arg [arg ...]]", native(evaluate_digest),
    summary="Run a Lua script that the server has already, by its SHA-1.", group="scripting", since="2.6.0",
    flags=RUNS_SCRIPTS | MAY_REPLICATE, complexity="Depends on the script", keys="RW access update",
)


cdef int evaluate_reading(Call call) except -1:
    return (<ScriptRunner?>call.server.scripts).evaluate(call, False, True)

declare(
    "EVAL_RO script numkeys [key [key ...]] [arg [arg ...]]", native(evaluate_reading),
    summary="Run a Lua script that must not write.", group="scripting", since="7.0.0", flags=RUNS_SCRIPTS | READONLY,
    complexity="Depends on the script", keys="RO access",
)


cdef int evaluate_digest_reading(Call call) except -1:
    return (<ScriptRunner?>call.server.scripts).evaluate(call, True, True)

declare(
    "EVALSHA_RO sha1 numkeys [key [key ...]] [arg [arg ...]]", native(evaluate_digest_reading),
    summary="Run a Lua script that the server has already and that must not write, by its SHA-1.", group="scripting",
    since="7.0.0", flags=RUNS_SCRIPTS | READONLY, complexity="Depends on the script", keys="RO access",
)


cdef int call_function(Call call) except -1:
    return (<FunctionRunner?>call.server.functions).call_function(call, False)

declare(
    "FCALL function numkeys [key [key ...]] [arg [arg ...]]", native(call_function), summary="Call a function.",
    group="scripting", since="7.0.0", flags=RUNS_SCRIPTS, complexity="Depends on the function",
    keys="RW access update",
)


cdef int call_function_reading(Call call) except -1:
    return (<FunctionRunner?>call.server.functions).call_function(call, True)

declare(
    "FCALL_RO function numkeys [key [key ...]] [arg [arg ...]]", native(call_function_reading),
    summary="Call a function that must not write.", group="scripting", since="7.0.0", flags=RUNS_SCRIPTS | READONLY,
    complexity="Depends on the function", keys="RO access",
)
