"""Every command of the groups string, bitmap, generic, connection and server, declared without handlers.

The declarations tests check them against real servers; `EXAMPLES` holds lines of the other groups, for the grammar.
"""

from redpoll.commands.declare import Command, container, declare
from redpoll.commands.flags import (
    ADMIN,
    ALLOW_BUSY,
    ASKING,
    BLOCKING,
    DENYOOM,
    FAST,
    LOADING,
    NO_ASYNC_LOADING,
    NO_AUTH,
    NO_MULTI,
    NOSCRIPT,
    PROTECTED,
    READONLY,
    STALE,
    WRITE,
)
from redpoll.commands.key_finders import bitfield_keys, migrate_keys, set_keys, sort_keys

REGISTRY: dict[str, Command] = {}

# -- string ------------------------------------------------------------------------------------

declare(
    "APPEND key value",
    None,
    summary="Append a value to a string; a missing key starts empty.",
    group="string",
    since="2.0.0",
    flags=WRITE | DENYOOM | FAST,
    complexity="O(1) amortized, for a short value",
    keys="RW insert",
    registry=REGISTRY,
)
declare(
    "DECR key",
    None,
    summary="Take one from the integer at a key; a missing key counts from 0.",
    group="string",
    since="1.0.0",
    flags=WRITE | DENYOOM | FAST,
    complexity="O(1)",
    keys="RW access update",
    registry=REGISTRY,
)
declare(
    "DECRBY key decrement",
    None,
    summary="Subtract a number from the integer at a key; a missing key counts from 0.",
    group="string",
    since="1.0.0",
    flags=WRITE | DENYOOM | FAST,
    complexity="O(1)",
    keys="RW access update",
    registry=REGISTRY,
)
declare(
    "DELEX key [IFEQ ifeq-value | IFNE ifne-value | IFDEQ ifdeq-digest | IFDNE ifdne-digest]=condition",
    None,
    summary="Delete a key if its string, or the digest of it, compares as asked.",
    group="string",
    since="8.4.0",
    flags=WRITE | FAST,
    complexity="O(1) for IFEQ and IFNE, O(N) for digests where N is the length of the value",
    keys="RM delete",
    registry=REGISTRY,
)
declare(
    "DELIFEQ key value",
    None,
    summary="Delete a key if it holds the string given.",
    group="string",
    since="9.0.0",
    flags=WRITE | FAST,
    complexity="O(1)",
    keys="RM delete",
    registry=REGISTRY,
)
declare(
    "DIGEST key",
    None,
    summary="Return the hash digest of the string at a key.",
    group="string",
    since="8.4.0",
    flags=READONLY | FAST,
    complexity="O(N) where N is the length of the value",
    registry=REGISTRY,
)
declare(
    "GET key",
    None,
    summary="Return the string at a key.",
    group="string",
    since="1.0.0",
    flags=READONLY | FAST,
    complexity="O(1)",
    registry=REGISTRY,
)
declare(
    "GETDEL key",
    None,
    summary="Return the string at a key and delete the key.",
    group="string",
    since="6.2.0",
    flags=WRITE | FAST,
    complexity="O(1)",
    keys="RW access delete",
    registry=REGISTRY,
)
declare(
    "GETEX key [EX seconds | PX milliseconds | EXAT unix-time-seconds | PXAT unix-time-milliseconds | PERSIST]",
    None,
    summary="Return the string at a key and set, change or remove its expiry.",
    group="string",
    since="6.2.0",
    flags=WRITE | FAST,
    complexity="O(1)",
    keys="RW access update",
    registry=REGISTRY,
)
declare(
    "GETRANGE key start end",
    None,
    summary="Return the part of a string between two offsets.",
    group="string",
    since="2.4.0",
    flags=READONLY,
    complexity="O(N) where N is the length of the reply",
    registry=REGISTRY,
)
declare(
    "GETSET key value",
    None,
    summary="Set the string at a key and return the one before.",
    group="string",
    since="1.0.0",
    flags=WRITE | DENYOOM | FAST,
    complexity="O(1)",
    keys="RW access update",
    deprecated="6.2.0",
    replaced_by="SET with GET",
    registry=REGISTRY,
)
declare(
    "INCR key",
    None,
    summary="Add one to the integer at a key; a missing key counts from 0.",
    group="string",
    since="1.0.0",
    flags=WRITE | DENYOOM | FAST,
    complexity="O(1)",
    keys="RW access update",
    registry=REGISTRY,
)
declare(
    "INCRBY key increment",
    None,
    summary="Add a number to the integer at a key; a missing key counts from 0.",
    group="string",
    since="1.0.0",
    flags=WRITE | DENYOOM | FAST,
    complexity="O(1)",
    keys="RW access update",
    registry=REGISTRY,
)
declare(
    "INCRBYFLOAT key increment:double",
    None,
    summary="Add a floating-point number to the number at a key; a missing key counts from 0.",
    group="string",
    since="2.6.0",
    flags=WRITE | DENYOOM | FAST,
    complexity="O(1)",
    keys="RW access update",
    registry=REGISTRY,
)
declare(
    "INCREX key [BYFLOAT float:double | BYINT integer:integer]=increment [SATURATE] [LBOUND lowerbound] "
    "[UBOUND upperbound] "
    "[EX seconds | PX milliseconds | EXAT unix-time-seconds | PXAT unix-time-milliseconds | PERSIST] [ENX]",
    None,
    summary="Add to the number at a key within bounds, and set its expiry, in one step.",
    group="string",
    since="8.8.0",
    flags=WRITE | DENYOOM | FAST,
    complexity="O(1)",
    keys="RW access update",
    registry=REGISTRY,
)
declare(
    "LCS key1 key2 [LEN] [IDX] [MINMATCHLEN min-match-len] [WITHMATCHLEN]",
    None,
    summary="Find the longest common subsequence of two strings.",
    group="string",
    since="7.0.0",
    flags=READONLY,
    complexity="O(N*M) where N and M are the lengths of the two strings",
    registry=REGISTRY,
)
declare(
    "MGET key [key ...]",
    None,
    summary="Return the strings at several keys; null for those that hold none.",
    group="string",
    since="1.0.0",
    flags=READONLY | FAST,
    complexity="O(N) where N is the number of keys",
    tips="request_policy:multi_shard",
    registry=REGISTRY,
)
declare(
    "MSET key value [key value ...]",
    None,
    summary="Set the strings at several keys at once.",
    group="string",
    since="1.0.1",
    flags=WRITE | DENYOOM,
    complexity="O(N) where N is the number of keys",
    keys="OW update",
    tips="request_policy:multi_shard response_policy:all_succeeded",
    registry=REGISTRY,
)
declare(
    "MSETEX numkeys key value [key value ...] [NX | XX] "
    "[EX seconds | PX milliseconds | EXAT unix-time-seconds | PXAT unix-time-milliseconds | KEEPTTL]",
    None,
    summary="Set the strings at several keys at once, with a shared condition and expiry.",
    group="string",
    since="8.4.0",
    flags=WRITE | DENYOOM,
    complexity="O(N) where N is the number of keys",
    keys="OW update",
    tips="request_policy:multi_shard response_policy:all_succeeded",
    registry=REGISTRY,
)
declare(
    "MSETNX key value [key value ...]",
    None,
    summary="Set the strings at several keys, unless one of them exists.",
    group="string",
    since="1.0.1",
    flags=WRITE | DENYOOM,
    complexity="O(N) where N is the number of keys",
    keys="OW insert",
    registry=REGISTRY,
)
declare(
    "PSETEX key milliseconds value",
    None,
    summary="Set the string at a key and its expiry in milliseconds.",
    group="string",
    since="2.6.0",
    flags=WRITE | DENYOOM,
    complexity="O(1)",
    keys="OW update",
    deprecated="2.6.12",
    replaced_by="SET with PX",
    registry=REGISTRY,
)
declare(
    "SET key value "
    "[NX | XX | IFEQ ifeq-value | IFNE ifne-value | IFDEQ ifdeq-digest | IFDNE ifdne-digest]=condition [GET] "
    "[EX seconds | PX milliseconds | EXAT unix-time-seconds | PXAT unix-time-milliseconds | KEEPTTL]",
    None,
    summary="Set the string at a key, whatever it held; with conditions and expiry.",
    group="string",
    since="1.0.0",
    flags=WRITE | DENYOOM,
    complexity="O(1)",
    keys="RW access update variable_flags",
    find_keys=set_keys,
    added={
        "2.6.12": "condition EX PX",
        "6.0.0": "KEEPTTL",
        "6.2.0": "GET EXAT PXAT",
        "8.4.0": "IFEQ IFNE IFDEQ IFDNE",
    },
    history=(("7.0.0", "NX and GET go together."),),
    registry=REGISTRY,
)
declare(
    "SETEX key seconds value",
    None,
    summary="Set the string at a key and its expiry in seconds.",
    group="string",
    since="2.0.0",
    flags=WRITE | DENYOOM,
    complexity="O(1)",
    keys="OW update",
    deprecated="2.6.12",
    replaced_by="SET with EX",
    registry=REGISTRY,
)
declare(
    "SETNX key value",
    None,
    summary="Set the string at a key unless the key exists.",
    group="string",
    since="1.0.0",
    flags=WRITE | DENYOOM | FAST,
    complexity="O(1)",
    keys="OW insert",
    deprecated="2.6.12",
    replaced_by="SET with NX",
    registry=REGISTRY,
)
declare(
    "SETRANGE key offset value",
    None,
    summary="Overwrite part of a string from an offset, padding with zero bytes.",
    group="string",
    since="2.2.0",
    flags=WRITE | DENYOOM,
    complexity="O(1) for a short value, else O(M) where M is its length",
    keys="RW update",
    registry=REGISTRY,
)
declare(
    "STRLEN key",
    None,
    summary="Return the length of the string at a key.",
    group="string",
    since="2.2.0",
    flags=READONLY | FAST,
    complexity="O(1)",
    keys="RO",
    registry=REGISTRY,
)
declare(
    "SUBSTR key start end",
    None,
    summary="Return the part of a string between two offsets.",
    group="string",
    since="1.0.0",
    flags=READONLY,
    complexity="O(N) where N is the length of the reply",
    deprecated="2.0.0",
    replaced_by="GETRANGE",
    registry=REGISTRY,
)

# -- bitmap ------------------------------------------------------------------------------------

declare(
    "BITCOUNT key [start [end [BYTE | BIT]]=end-unit-block]=range",
    None,
    summary="Count the bits that are set in a string.",
    group="bitmap",
    since="2.6.0",
    flags=READONLY,
    complexity="O(N) where N is the number of bytes looked at",
    added={"7.0.0": "unit"},
    history=(("8.0.0", "The end may be left out."),),
    registry=REGISTRY,
)
declare(
    "BITFIELD key [<GET (encoding offset)=get-block | ([OVERFLOW <WRAP | SAT "
    "| FAIL>=overflow-block] <SET (encoding offset value:integer)=set-block "
    "| INCRBY (encoding offset increment)=incrby-block>=write-operation)=write>=operation ...]",
    None,
    summary="Read, set and increment integers of any width inside a string.",
    group="bitmap",
    since="3.2.0",
    flags=WRITE | DENYOOM,
    complexity="O(1) for each operation",
    keys="RW access update variable_flags",
    find_keys=bitfield_keys,
    registry=REGISTRY,
)
declare(
    "BITFIELD_RO key [GET (encoding offset)=get-block [GET encoding offset ...]]",
    None,
    summary="Read integers of any width inside a string.",
    group="bitmap",
    since="6.0.0",
    flags=READONLY | FAST,
    complexity="O(1) for each operation",
    registry=REGISTRY,
)
declare(
    "BITOP <AND | OR | XOR | NOT | DIFF | DIFF1 | ANDOR | ONE>=operation destkey key [key ...]",
    None,
    summary="Combine strings bit by bit and store the result.",
    group="bitmap",
    since="2.6.0",
    flags=WRITE | DENYOOM,
    complexity="O(N) where N is the length of the longest string",
    keys=("OW update", "RO access"),
    registry=REGISTRY,
)
declare(
    "BITPOS key bit [start [end [BYTE | BIT]]=end-unit-block]=range",
    None,
    summary="Find the first bit of a string that is set, or clear.",
    group="bitmap",
    since="2.8.7",
    flags=READONLY,
    complexity="O(N) where N is the number of bytes looked at",
    added={"7.0.0": "unit"},
    registry=REGISTRY,
)
declare(
    "GETBIT key offset",
    None,
    summary="Return one bit of a string by its offset.",
    group="bitmap",
    since="2.2.0",
    flags=READONLY | FAST,
    complexity="O(1)",
    registry=REGISTRY,
)
declare(
    "SETBIT key offset value:integer",
    None,
    summary="Set or clear one bit of a string and return what it was.",
    group="bitmap",
    since="2.2.0",
    flags=WRITE | DENYOOM,
    complexity="O(1)",
    keys="RW access update",
    registry=REGISTRY,
)

# -- generic -----------------------------------------------------------------------------------

declare(
    "COPY source destination [DB destination-db] [REPLACE]",
    None,
    summary="Copy the value of a key to another key.",
    group="generic",
    since="6.2.0",
    flags=WRITE | DENYOOM,
    complexity="O(N) where N is the number of elements; O(1) for a string",
    keys=("RO access", "OW update"),
    registry=REGISTRY,
)
declare(
    "DEL key [key ...]",
    None,
    summary="Delete keys.",
    group="generic",
    since="1.0.0",
    flags=WRITE,
    complexity="O(N) where N is the number of keys, plus the elements of collections",
    keys="RM delete",
    tips="request_policy:multi_shard response_policy:agg_sum",
    registry=REGISTRY,
)
declare(
    "DUMP key",
    None,
    summary="Return the value at a key in serialized form.",
    group="generic",
    since="2.6.0",
    flags=READONLY,
    complexity="O(N) where N is the size of the value",
    tips="nondeterministic_output",
    registry=REGISTRY,
)
declare(
    "EXISTS key [key ...]",
    None,
    summary="Count how many of the keys exist.",
    group="generic",
    since="1.0.0",
    flags=READONLY | FAST,
    complexity="O(N) where N is the number of keys",
    keys="RO",
    tips="request_policy:multi_shard response_policy:agg_sum",
    history=(("3.0.3", "Takes several keys."),),
    registry=REGISTRY,
)
declare(
    "EXPIRE key seconds [NX | XX | GT | LT]",
    None,
    summary="Let a key expire after so many seconds.",
    group="generic",
    since="1.0.0",
    flags=WRITE | FAST,
    complexity="O(1)",
    keys="RW update",
    added={"7.0.0": "condition"},
    registry=REGISTRY,
)
declare(
    "EXPIREAT key unix-time-seconds [NX | XX | GT | LT]",
    None,
    summary="Let a key expire at a Unix time in seconds.",
    group="generic",
    since="1.2.0",
    flags=WRITE | FAST,
    complexity="O(1)",
    keys="RW update",
    added={"7.0.0": "condition"},
    registry=REGISTRY,
)
declare(
    "EXPIRETIME key",
    None,
    summary="Return the Unix time in seconds at which a key expires.",
    group="generic",
    since="7.0.0",
    flags=READONLY | FAST,
    complexity="O(1)",
    registry=REGISTRY,
)
declare(
    "KEYS pattern",
    None,
    summary="Return all keys whose names match a pattern.",
    group="generic",
    since="1.0.0",
    flags=READONLY,
    complexity="O(N) where N is the number of keys in the database",
    categories="dangerous",
    tips="request_policy:all_shards nondeterministic_output_order",
    registry=REGISTRY,
)
declare(
    'MIGRATE host port <key | "">=key-selector destination-db timeout [COPY] [REPLACE] '
    "[AUTH password=auth | AUTH2 username password]=authentication [KEYS key=keys [key ...]]",
    None,
    summary="Move keys to another server in one atomic step.",
    group="generic",
    since="2.6.0",
    flags=WRITE,
    complexity="O(N) where N is the size of the values",
    keys=("RW access delete", "RW access delete incomplete startfrom:-2"),
    find_keys=migrate_keys,
    categories="dangerous",
    tips="nondeterministic_output",
    added={"3.0.0": "COPY REPLACE", "3.0.6": "KEYS", "4.0.7": "AUTH", "6.0.0": "AUTH2"},
    registry=REGISTRY,
)
declare(
    "MOVE key db",
    None,
    summary="Move a key to another database.",
    group="generic",
    since="1.0.0",
    flags=WRITE | FAST,
    complexity="O(1)",
    keys="RW access update",
    registry=REGISTRY,
)
container(
    "OBJECT",
    summary="Look into how a value is stored.",
    group="generic",
    since="2.2.3",
    complexity="Depends on the subcommand",
    help_since="6.2.0",
    registry=REGISTRY,
)
declare(
    "OBJECT ENCODING key",
    None,
    summary="Name the internal encoding of the value at a key.",
    since="2.2.3",
    flags=READONLY,
    complexity="O(1)",
    keys="RO",
    tips="nondeterministic_output",
    registry=REGISTRY,
)
declare(
    "OBJECT FREQ key",
    None,
    summary="Return the access frequency counter of a key.",
    since="4.0.0",
    flags=READONLY,
    complexity="O(1)",
    keys="RO",
    tips="nondeterministic_output",
    registry=REGISTRY,
)
declare(
    "OBJECT IDLETIME key",
    None,
    summary="Return how many seconds ago a key was last accessed.",
    since="2.2.3",
    flags=READONLY,
    complexity="O(1)",
    keys="RO",
    tips="nondeterministic_output",
    registry=REGISTRY,
)
declare(
    "OBJECT REFCOUNT key",
    None,
    summary="Return how many references the value at a key has.",
    since="2.2.3",
    flags=READONLY,
    complexity="O(1)",
    keys="RO",
    tips="nondeterministic_output",
    registry=REGISTRY,
)
declare(
    "PERSIST key",
    None,
    summary="Remove the expiry of a key.",
    group="generic",
    since="2.2.0",
    flags=WRITE | FAST,
    complexity="O(1)",
    keys="RW update",
    registry=REGISTRY,
)
declare(
    "PEXPIRE key milliseconds [NX | XX | GT | LT]",
    None,
    summary="Let a key expire after so many milliseconds.",
    group="generic",
    since="2.6.0",
    flags=WRITE | FAST,
    complexity="O(1)",
    keys="RW update",
    added={"7.0.0": "condition"},
    registry=REGISTRY,
)
declare(
    "PEXPIREAT key unix-time-milliseconds [NX | XX | GT | LT]",
    None,
    summary="Let a key expire at a Unix time in milliseconds.",
    group="generic",
    since="2.6.0",
    flags=WRITE | FAST,
    complexity="O(1)",
    keys="RW update",
    added={"7.0.0": "condition"},
    registry=REGISTRY,
)
declare(
    "PEXPIRETIME key",
    None,
    summary="Return the Unix time in milliseconds at which a key expires.",
    group="generic",
    since="7.0.0",
    flags=READONLY | FAST,
    complexity="O(1)",
    registry=REGISTRY,
)
declare(
    "PTTL key",
    None,
    summary="Return how many milliseconds a key has left to live.",
    group="generic",
    since="2.6.0",
    flags=READONLY | FAST,
    complexity="O(1)",
    tips="nondeterministic_output",
    history=(("2.8.0", "Replies -2 for a missing key."),),
    registry=REGISTRY,
)
declare(
    "RANDOMKEY",
    None,
    summary="Return some key of the database.",
    group="generic",
    since="1.0.0",
    flags=READONLY,
    complexity="O(1)",
    tips="request_policy:all_shards response_policy:special nondeterministic_output",
    registry=REGISTRY,
)
declare(
    "RENAME key newkey",
    None,
    summary="Rename a key, over any key of the new name.",
    group="generic",
    since="1.0.0",
    flags=WRITE,
    complexity="O(1)",
    keys=("RW access delete", "OW update"),
    registry=REGISTRY,
)
declare(
    "RENAMENX key newkey",
    None,
    summary="Rename a key unless the new name is taken.",
    group="generic",
    since="1.0.0",
    flags=WRITE | FAST,
    complexity="O(1)",
    keys=("RW access delete", "OW insert"),
    history=(("3.2.0", "No error if both names are the same."),),
    registry=REGISTRY,
)
declare(
    "RESTORE key ttl serialized-value [REPLACE] [ABSTTL] [IDLETIME seconds] [FREQ frequency]",
    None,
    summary="Create a key from a serialized value.",
    group="generic",
    since="2.6.0",
    flags=WRITE | DENYOOM,
    complexity="O(N) where N is the size of the value, O(N log N) for sorted sets",
    keys="OW update",
    categories="dangerous",
    added={"3.0.0": "REPLACE", "5.0.0": "ABSTTL IDLETIME FREQ"},
    registry=REGISTRY,
)
declare(
    "SCAN cursor [MATCH pattern] [COUNT count] [TYPE type]",
    None,
    summary="Walk through the keys of the database step by step.",
    group="generic",
    since="2.8.0",
    flags=READONLY,
    complexity="O(1) a call, O(N) for the whole where N is the number of keys",
    tips="nondeterministic_output request_policy:special response_policy:special",
    added={"6.0.0": "TYPE"},
    registry=REGISTRY,
)
declare(
    "SORT key [BY pattern=by-pattern#1] [LIMIT offset count] [GET pattern=get-pattern#1 [GET pattern ...]] "
    "[ASC | DESC] [ALPHA=sorting] [STORE destination]",
    None,
    summary="Sort the elements of a list, set or sorted set; may store the result.",
    group="generic",
    since="1.0.0",
    flags=WRITE | DENYOOM,
    complexity="O(N+M*log(M)) where N is the number of elements and M that of the reply",
    keys=("RO access", "RO access unknown", "OW update unknown"),
    find_keys=sort_keys,
    categories="set sortedset list dangerous -keyspace",
    registry=REGISTRY,
)
declare(
    "SORT_RO key [BY pattern=by-pattern#1] [LIMIT offset count] [GET pattern=get-pattern#1 [GET pattern ...]] "
    "[ASC | DESC] [ALPHA=sorting]",
    None,
    summary="Sort the elements of a list, set or sorted set.",
    group="generic",
    since="7.0.0",
    flags=READONLY,
    complexity="O(N+M*log(M)) where N is the number of elements and M that of the reply",
    keys=("RO access", "RO access unknown"),
    find_keys=sort_keys,
    categories="set sortedset list dangerous -keyspace",
    registry=REGISTRY,
)
declare(
    "TOUCH key [key ...]",
    None,
    summary="Mark keys as accessed and count those that exist.",
    group="generic",
    since="3.2.1",
    flags=READONLY | FAST,
    complexity="O(N) where N is the number of keys",
    keys="RO",
    tips="request_policy:multi_shard response_policy:agg_sum",
    registry=REGISTRY,
)
declare(
    "TTL key",
    None,
    summary="Return how many seconds a key has left to live.",
    group="generic",
    since="1.0.0",
    flags=READONLY | FAST,
    complexity="O(1)",
    tips="nondeterministic_output",
    history=(("2.8.0", "Replies -2 for a missing key."),),
    registry=REGISTRY,
)
declare(
    "TYPE key",
    None,
    summary="Name the type of the value at a key.",
    group="generic",
    since="1.0.0",
    flags=READONLY | FAST,
    complexity="O(1)",
    keys="RO",
    registry=REGISTRY,
)
declare(
    "UNLINK key [key ...]",
    None,
    summary="Delete keys, and free their values in the background.",
    group="generic",
    since="4.0.0",
    flags=WRITE | FAST,
    complexity="O(1) for each key; memory is freed later",
    keys="RM delete",
    tips="request_policy:multi_shard response_policy:agg_sum",
    registry=REGISTRY,
)
declare(
    "WAIT numreplicas timeout",
    None,
    summary="Wait until so many replicas have acknowledged this connection's writes.",
    group="generic",
    since="3.0.0",
    flags=BLOCKING,
    complexity="O(1)",
    categories="connection -keyspace",
    tips="request_policy:all_shards response_policy:agg_min",
    registry=REGISTRY,
)
declare(
    "WAITAOF numlocal numreplicas timeout",
    None,
    summary="Wait until this connection's writes are in the append-only files here and on replicas.",
    group="generic",
    since="7.2.0",
    flags=BLOCKING,
    complexity="O(1)",
    categories="connection -keyspace",
    tips="request_policy:all_shards response_policy:agg_min",
    registry=REGISTRY,
)

# -- connection --------------------------------------------------------------------------------

declare(
    "AUTH [username] password",
    None,
    summary="Authenticate the connection.",
    group="connection",
    since="1.0.0",
    flags=NOSCRIPT | LOADING | STALE | FAST | NO_AUTH | ALLOW_BUSY,
    complexity="O(N) where N is the number of the user's passwords",
    added={"6.0.0": "username"},
    registry=REGISTRY,
)
container(
    "CLIENT",
    summary="Look at connections and change them.",
    group="connection",
    since="2.4.0",
    complexity="Depends on the subcommand",
    help_since="5.0.0",
    registry=REGISTRY,
)
declare(
    "CLIENT CACHING <YES | NO>=mode",
    None,
    summary="Say whether the next command's keys are tracked, under OPTIN or OPTOUT.",
    since="6.0.0",
    flags=NOSCRIPT | LOADING | STALE,
    complexity="O(1)",
    registry=REGISTRY,
)
declare(
    "CLIENT CAPA capability [capability ...]",
    None,
    summary="Tell the server what this client is able to do.",
    since="8.0.0",
    flags=NOSCRIPT | LOADING | STALE | ALLOW_BUSY,
    complexity="O(1)",
    registry=REGISTRY,
)
declare(
    "CLIENT GETNAME",
    None,
    summary="Return this connection's name.",
    since="2.6.9",
    flags=NOSCRIPT | LOADING | STALE,
    complexity="O(1)",
    registry=REGISTRY,
)
declare(
    "CLIENT GETREDIR",
    None,
    summary="Return to which connection invalidations are redirected.",
    since="6.0.0",
    flags=NOSCRIPT | LOADING | STALE,
    complexity="O(1)",
    registry=REGISTRY,
)
declare(
    "CLIENT ID",
    None,
    summary="Return this connection's number.",
    since="5.0.0",
    flags=NOSCRIPT | LOADING | STALE,
    complexity="O(1)",
    registry=REGISTRY,
)
declare(
    "CLIENT IMPORT-SOURCE <ON | OFF>",
    None,
    summary="Mark this connection as the source of an import.",
    since="8.1.0",
    flags=NOSCRIPT | LOADING | STALE,
    complexity="O(1)",
    registry=REGISTRY,
)
declare(
    "CLIENT INFO",
    None,
    summary="Describe this connection.",
    since="6.2.0",
    flags=NOSCRIPT | LOADING | STALE,
    complexity="O(1)",
    tips="nondeterministic_output",
    registry=REGISTRY,
)
declare(
    "CLIENT KILL <ip:port=old-format | <[ID client-id [client-id ...]] | "
    "[TYPE <NORMAL | MASTER | PRIMARY | SLAVE | REPLICA | PUBSUB>=client-type] | [USER username] | "
    "[ADDR ip:port=addr] | [LADDR ip:port=laddr] | [SKIPME <YES | NO>] | [MAXAGE maxage] | [NAME name] | "
    "[IDLE idle] | [FLAGS flags] | [LIB-NAME lib-name] | [LIB-VER lib-ver] | [DB db] | [CAPA capa] | [IP ip] "
    "| [NOT-TYPE <NORMAL | MASTER | PRIMARY | SLAVE | REPLICA | PUBSUB>=not-client-type] | "
    "[NOT-ID not-client-id [not-client-id ...]] | [NOT-USER not-username] | [NOT-ADDR ip:port=not-addr] | "
    "[NOT-LADDR ip:port=not-laddr] | [NOT-NAME not-name] | [NOT-FLAGS not-flags] | "
    "[NOT-LIB-NAME not-lib-name] | [NOT-LIB-VER not-lib-ver] | [NOT-DB not-db] | [NOT-CAPA not-capa] | "
    "[NOT-IP not-ip]>=new-format ...>=filter",
    None,
    summary="Close connections.",
    since="2.4.0",
    flags=ADMIN | NOSCRIPT | LOADING | STALE,
    complexity="O(N) where N is the number of connections",
    added={
        "2.8.12": "ID TYPE",
        "3.2.0": "MASTER",
        "5.0.0": "REPLICA",
        "6.2.0": "LADDR",
        "8.0.0": "PRIMARY MAXAGE",
        "9.0.0": "NAME IDLE FLAGS LIB-NAME LIB-VER DB CAPA IP NOT-TYPE NOT-ID NOT-USER NOT-ADDR NOT-LADDR NOT-NAME "
        "NOT-FLAGS NOT-LIB-NAME NOT-LIB-VER NOT-DB NOT-CAPA NOT-IP",
    },
    dropped={"2.8.12": "old-format"},
    registry=REGISTRY,
)
declare(
    "CLIENT LIST [TYPE <NORMAL | MASTER | REPLICA | PUBSUB>=client-type] [ID client-id [client-id ...]] "
    "[USER username] [ADDR ip:port=addr] [LADDR ip:port=laddr] [SKIPME <YES | NO>] [MAXAGE maxage] "
    "[NAME name] [IDLE idle] [FLAGS flags] [LIB-NAME lib-name] [LIB-VER lib-ver] [DB db] [CAPA capa] [IP ip] "
    "[NOT-TYPE <NORMAL | MASTER | REPLICA | PUBSUB>=not-client-type] "
    "[NOT-ID not-client-id [not-client-id ...]] [NOT-USER not-username] [NOT-ADDR ip:port=not-addr] "
    "[NOT-LADDR ip:port=not-laddr] [NOT-NAME not-name] [NOT-FLAGS not-flags] [NOT-LIB-NAME not-lib-name] "
    "[NOT-LIB-VER not-lib-ver] [NOT-DB not-db] [NOT-CAPA not-capa] [NOT-IP not-ip]",
    None,
    summary="Describe all connections, or those that pass filters.",
    since="2.4.0",
    flags=ADMIN | NOSCRIPT | LOADING | STALE,
    complexity="O(N) where N is the number of connections",
    tips="nondeterministic_output",
    added={
        "5.0.0": "TYPE",
        "6.2.0": "ID",
        "8.1.0": "USER ADDR LADDR SKIPME MAXAGE",
        "9.0.0": "NAME IDLE FLAGS LIB-NAME LIB-VER DB CAPA IP NOT-TYPE NOT-ID NOT-USER NOT-ADDR NOT-LADDR NOT-NAME "
        "NOT-FLAGS NOT-LIB-NAME NOT-LIB-VER NOT-DB NOT-CAPA NOT-IP",
    },
    history=(
        ("2.8.12", "Field id."),
        ("6.0.0", "Field user."),
        ("6.2.0", "Fields argv-mem, tot-mem, laddr and redir."),
        ("7.0.0", "Fields resp, multi-mem, rbs and rbp."),
        ("7.0.3", "Field ssub."),
        ("7.2.0", "Fields lib-name and lib-ver."),
        ("7.4.0", "Field watch."),
        ("8.0.0", "Field io-thread."),
    ),
    registry=REGISTRY,
)
declare(
    "CLIENT NO-EVICT <ON | OFF>",
    None,
    summary="Exempt this connection from client eviction.",
    since="7.0.0",
    flags=ADMIN | NOSCRIPT | LOADING | STALE,
    complexity="O(1)",
    registry=REGISTRY,
)
declare(
    "CLIENT NO-TOUCH <ON | OFF>",
    None,
    summary="Say whether this connection's commands count as access to keys.",
    since="7.2.0",
    flags=NOSCRIPT | LOADING | STALE,
    complexity="O(1)",
    registry=REGISTRY,
)
declare(
    "CLIENT PAUSE timeout [WRITE | ALL]=mode",
    None,
    summary="Hold back the commands of all clients for a while.",
    since="3.0.0",
    flags=ADMIN | NOSCRIPT | LOADING | STALE,
    complexity="O(1)",
    added={"6.2.0": "mode"},
    registry=REGISTRY,
)
declare(
    "CLIENT REPLY <ON | OFF | SKIP>=action",
    None,
    summary="Switch replies to this connection on or off.",
    since="3.2.0",
    flags=NOSCRIPT | LOADING | STALE,
    complexity="O(1)",
    registry=REGISTRY,
)
declare(
    "CLIENT SETINFO <LIB-NAME libname | LIB-VER libver>=attr",
    None,
    summary="Tell the name or version of the client library.",
    since="7.2.0",
    flags=NOSCRIPT | LOADING | STALE,
    complexity="O(1)",
    tips="request_policy:all_nodes response_policy:all_succeeded",
    registry=REGISTRY,
)
declare(
    "CLIENT SETNAME connection-name",
    None,
    summary="Name this connection.",
    since="2.6.9",
    flags=NOSCRIPT | LOADING | STALE,
    complexity="O(1)",
    tips="request_policy:all_nodes response_policy:all_succeeded",
    registry=REGISTRY,
)
declare(
    "CLIENT TRACKING <ON | OFF>=status [REDIRECT client-id] [PREFIX prefix [PREFIX prefix ...]] [BCAST] "
    "[OPTIN] [OPTOUT] [NOLOOP]",
    None,
    summary="Switch client-side caching on or off for this connection.",
    since="6.0.0",
    flags=NOSCRIPT | LOADING | STALE,
    complexity="O(1), and O(N) for N prefixes",
    registry=REGISTRY,
)
declare(
    "CLIENT TRACKINGINFO",
    None,
    summary="Describe how this connection tracks keys.",
    since="6.2.0",
    flags=NOSCRIPT | LOADING | STALE,
    complexity="O(1)",
    registry=REGISTRY,
)
declare(
    "CLIENT UNBLOCK client-id [TIMEOUT | ERROR]=unblock-type",
    None,
    summary="Wake a connection that waits in a blocking command.",
    since="5.0.0",
    flags=ADMIN | NOSCRIPT | LOADING | STALE,
    complexity="O(log N) where N is the number of connections",
    registry=REGISTRY,
)
declare(
    "CLIENT UNPAUSE",
    None,
    summary="End a pause of the clients.",
    since="6.2.0",
    flags=ADMIN | NOSCRIPT | LOADING | STALE,
    complexity="O(N) where N is the number of paused clients",
    registry=REGISTRY,
)
declare(
    "ECHO message",
    None,
    summary="Return the message.",
    group="connection",
    since="1.0.0",
    flags=LOADING | STALE | FAST,
    complexity="O(1)",
    registry=REGISTRY,
)
declare(
    "HELLO [protover [AUTH username password] [SETNAME clientname]]=arguments",
    None,
    summary="Agree on the protocol version, authenticate and name the connection.",
    group="connection",
    since="6.0.0",
    flags=NOSCRIPT | LOADING | STALE | FAST | NO_AUTH | ALLOW_BUSY,
    complexity="O(1)",
    history=(("6.2.0", "The version may be left out."),),
    registry=REGISTRY,
)
declare(
    "PING [message]",
    None,
    summary="Answer, to show that the server lives.",
    group="connection",
    since="1.0.0",
    flags=FAST,
    complexity="O(1)",
    tips="request_policy:all_shards response_policy:all_succeeded",
    registry=REGISTRY,
)
declare(
    "QUIT",
    None,
    summary="Close the connection.",
    group="connection",
    since="1.0.0",
    flags=NOSCRIPT | LOADING | STALE | FAST | NO_AUTH | ALLOW_BUSY,
    complexity="O(1)",
    deprecated="7.2.0",
    replaced_by="closing the connection",
    arity=-1,
    registry=REGISTRY,
)
declare(
    "RESET",
    None,
    summary="Put the connection into the state it began with.",
    group="connection",
    since="6.2.0",
    flags=NOSCRIPT | LOADING | STALE | FAST | NO_AUTH | ALLOW_BUSY,
    complexity="O(1)",
    registry=REGISTRY,
)
declare(
    "SELECT index",
    None,
    summary="Choose the connection's database.",
    group="connection",
    since="1.0.0",
    flags=LOADING | STALE | FAST,
    complexity="O(1)",
    registry=REGISTRY,
)

# -- server ------------------------------------------------------------------------------------

container(
    "ACL",
    summary="Manage users and what they may do.",
    group="server",
    since="6.0.0",
    complexity="Depends on the subcommand",
    registry=REGISTRY,
)
declare(
    "ACL CAT [category]",
    None,
    summary="List the categories, or the commands of one.",
    since="6.0.0",
    flags=NOSCRIPT | LOADING | STALE,
    complexity="O(1)",
    registry=REGISTRY,
)
declare(
    "ACL DELUSER username [username ...]",
    None,
    summary="Delete users and close their connections.",
    since="6.0.0",
    flags=ADMIN | NOSCRIPT | LOADING | STALE,
    complexity="O(1) for each user",
    tips="request_policy:all_nodes response_policy:all_succeeded",
    registry=REGISTRY,
)
declare(
    "ACL DRYRUN username command [arg [arg ...]]",
    None,
    summary="Tell whether a user could run a command, without running it.",
    since="7.0.0",
    flags=ADMIN | NOSCRIPT | LOADING | STALE,
    complexity="O(1)",
    registry=REGISTRY,
)
declare(
    "ACL GENPASS [bits]",
    None,
    summary="Make up a password that is hard to guess.",
    since="6.0.0",
    flags=NOSCRIPT | LOADING | STALE,
    complexity="O(1)",
    registry=REGISTRY,
)
declare(
    "ACL GETUSER username",
    None,
    summary="Describe a user's rules.",
    since="6.0.0",
    flags=ADMIN | NOSCRIPT | LOADING | STALE,
    complexity="O(N) where N is the number of the user's rules",
    history=(("6.2.0", "Tells channel patterns."), ("7.0.0", "Tells selectors; patterns are given as rules.")),
    registry=REGISTRY,
)
declare(
    "ACL LIST",
    None,
    summary="List all users with their rules.",
    since="6.0.0",
    flags=ADMIN | NOSCRIPT | LOADING | STALE,
    complexity="O(N) where N is the number of users",
    registry=REGISTRY,
)
declare(
    "ACL LOAD",
    None,
    summary="Read the users anew from the ACL file.",
    since="6.0.0",
    flags=ADMIN | NOSCRIPT | LOADING | STALE,
    complexity="O(N) where N is the number of users",
    registry=REGISTRY,
)
declare(
    "ACL LOG [count | RESET]=operation",
    None,
    summary="List refused commands and logins, or forget them.",
    since="6.0.0",
    flags=ADMIN | NOSCRIPT | LOADING | STALE,
    complexity="O(N) where N is the number of entries returned",
    history=(("7.2.0", "Entries have an ID and the times they came and changed."),),
    registry=REGISTRY,
)
declare(
    "ACL SAVE",
    None,
    summary="Write the users to the ACL file.",
    since="6.0.0",
    flags=ADMIN | NOSCRIPT | LOADING | STALE,
    complexity="O(N) where N is the number of users",
    tips="request_policy:all_nodes response_policy:all_succeeded",
    registry=REGISTRY,
)
declare(
    "ACL SETUSER username [rule [rule ...]]",
    None,
    summary="Create a user or change its rules.",
    since="6.0.0",
    flags=ADMIN | NOSCRIPT | LOADING | STALE,
    complexity="O(N) where N is the number of rules",
    tips="request_policy:all_nodes response_policy:all_succeeded",
    history=(("6.2.0", "Takes channel patterns."), ("7.0.0", "Takes selectors and key permissions.")),
    registry=REGISTRY,
)
declare(
    "ACL USERS",
    None,
    summary="List the names of all users.",
    since="6.0.0",
    flags=ADMIN | NOSCRIPT | LOADING | STALE,
    complexity="O(N) where N is the number of users",
    registry=REGISTRY,
)
declare(
    "ACL WHOAMI",
    None,
    summary="Return the user that this connection is authenticated as.",
    since="6.0.0",
    flags=NOSCRIPT | LOADING | STALE,
    complexity="O(1)",
    registry=REGISTRY,
)
container(
    "BACKUP",
    summary="Take backups of the data files.",
    group="server",
    since="8.10.0",
    complexity="Depends on the subcommand",
    arity=2,
    registry=REGISTRY,
)
declare(
    "BACKUP ABORT",
    None,
    summary="Give up the backup under way.",
    since="8.10.0",
    flags=ADMIN | NOSCRIPT,
    complexity="O(1)",
    registry=REGISTRY,
)
declare(
    "BACKUP CLEANUP",
    None,
    summary="Remove what earlier backups left.",
    since="8.10.0",
    flags=ADMIN | NOSCRIPT,
    complexity="O(1)",
    registry=REGISTRY,
)
declare(
    "BACKUP LIST",
    None,
    summary="List the files of the backup.",
    since="8.10.0",
    flags=ADMIN | STALE,
    complexity="O(N) where N is the number of files",
    registry=REGISTRY,
)
declare(
    "BACKUP SEAL",
    None,
    summary="Complete the backup so that its files no longer change.",
    since="8.10.0",
    flags=ADMIN | NOSCRIPT,
    complexity="O(1)",
    registry=REGISTRY,
)
declare(
    "BACKUP START",
    None,
    summary="Begin a backup.",
    since="8.10.0",
    flags=ADMIN | NOSCRIPT,
    complexity="O(1)",
    registry=REGISTRY,
)
declare(
    "BACKUP STATUS",
    None,
    summary="Tell how far the backup is.",
    since="8.10.0",
    flags=ADMIN | STALE,
    complexity="O(1)",
    registry=REGISTRY,
)
declare(
    "BGREWRITEAOF",
    None,
    summary="Rewrite the append-only file in the background.",
    group="server",
    since="1.0.0",
    flags=ADMIN | NOSCRIPT | NO_ASYNC_LOADING,
    complexity="O(1)",
    registry=REGISTRY,
)
declare(
    "BGSAVE [SCHEDULE | CANCEL]=operation",
    None,
    summary="Save the data to the RDB file in the background.",
    group="server",
    since="1.0.0",
    flags=ADMIN | NOSCRIPT | NO_ASYNC_LOADING,
    complexity="O(1)",
    added={"3.2.2": "SCHEDULE", "8.1.0": "CANCEL"},
    registry=REGISTRY,
)
container(
    "COMMAND",
    handler=len,
    summary="Describe all commands.",
    group="server",
    since="2.8.13",
    flags=LOADING | STALE,
    complexity="O(N) where N is the number of commands",
    categories="connection",
    tips="nondeterministic_output_order",
    arity=-1,
    help_since="5.0.0",
    registry=REGISTRY,
)
declare(
    "COMMAND COUNT",
    None,
    summary="Count the commands.",
    since="2.8.13",
    flags=LOADING | STALE,
    complexity="O(1)",
    registry=REGISTRY,
)
declare(
    "COMMAND DOCS [command-name [command-name ...]]",
    None,
    summary="Document commands, or all of them.",
    since="7.0.0",
    flags=LOADING | STALE,
    complexity="O(N) where N is the number of commands asked for",
    tips="nondeterministic_output_order",
    registry=REGISTRY,
)
declare(
    "COMMAND GETKEYS command [arg [arg ...]]",
    None,
    summary="Return which words of a request are keys.",
    since="2.8.13",
    flags=LOADING | STALE,
    complexity="O(N) where N is the number of words",
    registry=REGISTRY,
)
declare(
    "COMMAND GETKEYSANDFLAGS command [arg [arg ...]]",
    None,
    summary="Return which words of a request are keys, and what is done to each.",
    since="7.0.0",
    flags=LOADING | STALE,
    complexity="O(N) where N is the number of words",
    registry=REGISTRY,
)
declare(
    "COMMAND INFO [command-name [command-name ...]]",
    None,
    summary="Describe commands, or all of them.",
    since="2.8.13",
    flags=LOADING | STALE,
    complexity="O(N) where N is the number of commands asked for",
    tips="nondeterministic_output_order",
    history=(("7.0.0", "Without names, describes all commands."),),
    registry=REGISTRY,
)
declare(
    "COMMAND LIST [FILTERBY <MODULE module-name | ACLCAT category | PATTERN pattern>]",
    None,
    summary="List the names of all commands, or of those that pass a filter.",
    since="7.0.0",
    flags=LOADING | STALE,
    complexity="O(N) where N is the number of commands",
    tips="nondeterministic_output_order",
    registry=REGISTRY,
)
container(
    "COMMANDLOG",
    summary="Read the logs of slow and of large commands.",
    group="server",
    since="8.1.0",
    complexity="Depends on the subcommand",
    registry=REGISTRY,
)
declare(
    "COMMANDLOG GET count <SLOW | LARGE-REQUEST | LARGE-REPLY>=type",
    None,
    summary="Return entries of one of the logs.",
    since="8.1.0",
    flags=ADMIN | LOADING | STALE,
    complexity="O(N) where N is the number of entries returned",
    tips="request_policy:all_nodes nondeterministic_output",
    registry=REGISTRY,
)
declare(
    "COMMANDLOG LEN <SLOW | LARGE-REQUEST | LARGE-REPLY>=type",
    None,
    summary="Return how many entries one of the logs has.",
    since="8.1.0",
    flags=ADMIN | LOADING | STALE,
    complexity="O(1)",
    tips="request_policy:all_nodes response_policy:agg_sum nondeterministic_output",
    registry=REGISTRY,
)
declare(
    "COMMANDLOG RESET <SLOW | LARGE-REQUEST | LARGE-REPLY>=type",
    None,
    summary="Forget the entries of one of the logs.",
    since="8.1.0",
    flags=ADMIN | LOADING | STALE,
    complexity="O(N) where N is the number of entries",
    tips="request_policy:all_nodes response_policy:all_succeeded",
    registry=REGISTRY,
)
container(
    "CONFIG",
    summary="Read and change the configuration.",
    group="server",
    since="2.0.0",
    complexity="Depends on the subcommand",
    help_since="5.0.0",
    registry=REGISTRY,
)
declare(
    "CONFIG GET parameter [parameter ...]",
    None,
    summary="Return the parameters whose names match.",
    since="2.0.0",
    flags=ADMIN | NOSCRIPT | LOADING | STALE,
    complexity="O(N) where N is the number of patterns",
    history=(("7.0.0", "Takes several patterns."),),
    registry=REGISTRY,
)
declare(
    "CONFIG RESETSTAT",
    None,
    summary="Set the statistics of INFO back to zero.",
    since="2.0.0",
    flags=ADMIN | NOSCRIPT | LOADING | STALE,
    complexity="O(1)",
    tips="request_policy:all_nodes response_policy:all_succeeded",
    registry=REGISTRY,
)
declare(
    "CONFIG REWRITE",
    None,
    summary="Write the current configuration into the configuration file.",
    since="2.8.0",
    flags=ADMIN | NOSCRIPT | LOADING | STALE,
    complexity="O(1)",
    tips="request_policy:all_nodes response_policy:all_succeeded",
    registry=REGISTRY,
)
declare(
    "CONFIG SET parameter value [parameter value ...]",
    None,
    summary="Change parameters while the server runs.",
    since="2.0.0",
    flags=ADMIN | NOSCRIPT | LOADING | STALE,
    complexity="O(N) where N is the number of parameters",
    tips="request_policy:all_nodes response_policy:all_succeeded",
    history=(("7.0.0", "Takes several parameters."),),
    registry=REGISTRY,
)
declare(
    "DBSIZE",
    None,
    summary="Count the keys of the database.",
    group="server",
    since="1.0.0",
    flags=READONLY | FAST,
    complexity="O(1)",
    categories="keyspace",
    tips="request_policy:all_shards response_policy:agg_sum",
    registry=REGISTRY,
)
declare(
    "DEBUG subcommand [argument [argument ...]]",
    None,
    summary="Tools for debugging and for tests.",
    group="server",
    since="1.0.0",
    flags=ADMIN | NOSCRIPT | LOADING | STALE | PROTECTED,
    complexity="Depends on the subcommand",
    syscmd=True,
    registry=REGISTRY,
)
declare(
    "FAILOVER [TO (host port [FORCE])=target] [ABORT] [TIMEOUT milliseconds]",
    None,
    summary="Hand the primary's role over to a replica in good order.",
    group="server",
    since="6.2.0",
    flags=ADMIN | NOSCRIPT | STALE,
    complexity="O(1)",
    registry=REGISTRY,
)
declare(
    "FLUSHALL [ASYNC | SYNC]",
    None,
    summary="Delete all keys of all databases.",
    group="server",
    since="1.0.0",
    flags=WRITE,
    complexity="O(N) where N is the number of keys in all databases",
    categories="keyspace dangerous",
    tips="request_policy:all_shards response_policy:all_succeeded",
    added={"4.0.0": "ASYNC", "6.2.0": "SYNC"},
    registry=REGISTRY,
)
declare(
    "FLUSHDB [ASYNC | SYNC]",
    None,
    summary="Delete all keys of the database.",
    group="server",
    since="1.0.0",
    flags=WRITE,
    complexity="O(N) where N is the number of keys in the database",
    categories="keyspace dangerous",
    tips="request_policy:all_shards response_policy:all_succeeded",
    added={"4.0.0": "ASYNC", "6.2.0": "SYNC"},
    registry=REGISTRY,
)
container(
    "HOTKEYS",
    summary="Find the keys that cost most.",
    group="server",
    since="8.6.0",
    complexity="Depends on the subcommand",
    help_since="8.6.1",
    registry=REGISTRY,
)
declare(
    "HOTKEYS GET",
    None,
    summary="Return the hottest keys found and how they were measured.",
    since="8.6.0",
    flags=ADMIN | NOSCRIPT,
    complexity="O(K) where K is the number of keys returned",
    registry=REGISTRY,
)
declare(
    "HOTKEYS RESET",
    None,
    summary="Forget what was measured.",
    since="8.6.0",
    flags=ADMIN | NOSCRIPT,
    complexity="O(1)",
    registry=REGISTRY,
)
declare(
    "HOTKEYS START METRICS (count [CPU] [NET])=metrics [COUNT k:integer] [DURATION seconds] "
    "[SAMPLE ratio:integer] [SLOTS (count slot [slot ...])=slots]",
    None,
    summary="Begin to measure what keys cost.",
    since="8.6.0",
    flags=ADMIN | NOSCRIPT,
    complexity="O(1)",
    arity=-2,
    registry=REGISTRY,
)
declare(
    "HOTKEYS STOP",
    None,
    summary="Stop measuring and keep the result.",
    since="8.6.0",
    flags=ADMIN | NOSCRIPT,
    complexity="O(1)",
    registry=REGISTRY,
)
declare(
    "INFO [section [section ...]]",
    None,
    summary="Report the server's state and statistics, or sections of them.",
    group="server",
    since="1.0.0",
    flags=LOADING | STALE,
    complexity="O(1)",
    categories="dangerous",
    tips="nondeterministic_output request_policy:all_shards response_policy:special",
    history=(("7.0.0", "Takes several sections."),),
    registry=REGISTRY,
)
declare(
    "LASTSAVE",
    None,
    summary="Return the Unix time of the last successful save.",
    group="server",
    since="1.0.0",
    flags=LOADING | STALE | FAST,
    complexity="O(1)",
    categories="admin dangerous",
    tips="nondeterministic_output",
    registry=REGISTRY,
)
container(
    "LATENCY",
    summary="Watch for latency spikes.",
    group="server",
    since="2.8.13",
    complexity="Depends on the subcommand",
    registry=REGISTRY,
)
declare(
    "LATENCY DOCTOR",
    None,
    summary="Return a diagnosis of the spikes with advice.",
    since="2.8.13",
    flags=ADMIN | NOSCRIPT | LOADING | STALE,
    complexity="O(1)",
    tips="nondeterministic_output request_policy:all_nodes response_policy:special",
    registry=REGISTRY,
)
declare(
    "LATENCY GRAPH event",
    None,
    summary="Return an event's spikes drawn as a graph.",
    since="2.8.13",
    flags=ADMIN | NOSCRIPT | LOADING | STALE,
    complexity="O(1)",
    tips="nondeterministic_output request_policy:all_nodes response_policy:special",
    registry=REGISTRY,
)
declare(
    "LATENCY HISTOGRAM [command [command ...]]",
    None,
    summary="Return how the durations of commands are distributed.",
    since="7.0.0",
    flags=ADMIN | NOSCRIPT | LOADING | STALE,
    complexity="O(N) where N is the number of commands asked for",
    tips="nondeterministic_output request_policy:all_nodes response_policy:special",
    registry=REGISTRY,
)
declare(
    "LATENCY HISTORY event",
    None,
    summary="Return an event's spikes with their times.",
    since="2.8.13",
    flags=ADMIN | NOSCRIPT | LOADING | STALE,
    complexity="O(1)",
    tips="nondeterministic_output request_policy:all_nodes response_policy:special",
    registry=REGISTRY,
)
declare(
    "LATENCY LATEST",
    None,
    summary="Return the latest spike of every event.",
    since="2.8.13",
    flags=ADMIN | NOSCRIPT | LOADING | STALE,
    complexity="O(1)",
    tips="nondeterministic_output request_policy:all_nodes response_policy:special",
    registry=REGISTRY,
)
declare(
    "LATENCY RESET [event [event ...]]",
    None,
    summary="Forget the spikes of all events, or of those named.",
    since="2.8.13",
    flags=ADMIN | NOSCRIPT | LOADING | STALE,
    complexity="O(1)",
    tips="request_policy:all_nodes response_policy:agg_sum",
    registry=REGISTRY,
)
declare(
    "LOLWUT [VERSION version]",
    None,
    summary="Draw a piece of computer art and tell the version.",
    group="server",
    since="5.0.0",
    flags=READONLY | FAST,
    complexity="O(1)",
    registry=REGISTRY,
)
container(
    "MEMORY",
    summary="Look at how memory is used.",
    group="server",
    since="4.0.0",
    complexity="Depends on the subcommand",
    registry=REGISTRY,
)
declare(
    "MEMORY DOCTOR",
    None,
    summary="Report problems with memory.",
    since="4.0.0",
    complexity="O(1)",
    tips="nondeterministic_output request_policy:all_shards response_policy:special",
    registry=REGISTRY,
)
declare(
    "MEMORY MALLOC-STATS",
    None,
    summary="Return the allocator's statistics.",
    since="4.0.0",
    complexity="Depends on the allocator",
    tips="nondeterministic_output request_policy:all_shards response_policy:special",
    registry=REGISTRY,
)
declare(
    "MEMORY PURGE",
    None,
    summary="Ask the allocator to give memory back.",
    since="4.0.0",
    complexity="Depends on the allocator",
    tips="request_policy:all_shards response_policy:all_succeeded",
    registry=REGISTRY,
)
declare(
    "MEMORY STATS",
    None,
    summary="Return in detail what memory is used for.",
    since="4.0.0",
    complexity="O(1)",
    tips="nondeterministic_output request_policy:all_shards response_policy:special",
    registry=REGISTRY,
)
declare(
    "MEMORY USAGE key [SAMPLES count]",
    None,
    summary="Estimate the memory of a key with its value.",
    since="4.0.0",
    flags=READONLY,
    complexity="O(N) where N is the number of samples",
    keys="RO",
    registry=REGISTRY,
)
container(
    "MODULE",
    summary="Load, unload and list modules.",
    group="server",
    since="4.0.0",
    complexity="Depends on the subcommand",
    help_since="5.0.0",
    registry=REGISTRY,
)
declare(
    "MODULE LIST",
    None,
    summary="List the loaded modules.",
    since="4.0.0",
    flags=ADMIN | NOSCRIPT,
    complexity="O(N) where N is the number of modules",
    tips="nondeterministic_output_order",
    registry=REGISTRY,
)
declare(
    "MODULE LOAD path [arg [arg ...]]",
    None,
    summary="Load a module.",
    since="4.0.0",
    flags=ADMIN | NOSCRIPT | NO_ASYNC_LOADING | PROTECTED,
    complexity="O(1)",
    registry=REGISTRY,
)
declare(
    "MODULE LOADEX path [CONFIG (name value)=configs [CONFIG name value ...]] [ARGS args [args ...]]",
    None,
    summary="Load a module with configuration parameters.",
    since="7.0.0",
    flags=ADMIN | NOSCRIPT | NO_ASYNC_LOADING | PROTECTED,
    complexity="O(1)",
    registry=REGISTRY,
)
declare(
    "MODULE UNLOAD name",
    None,
    summary="Unload a module.",
    since="4.0.0",
    flags=ADMIN | NOSCRIPT | NO_ASYNC_LOADING | PROTECTED,
    complexity="O(1)",
    registry=REGISTRY,
)
declare(
    "MONITOR",
    None,
    summary="Stream every command that the server runs.",
    group="server",
    since="1.0.0",
    flags=ADMIN | NOSCRIPT | LOADING | STALE,
    complexity="O(1) for each command served",
    registry=REGISTRY,
)
declare(
    "PSYNC replicationid offset",
    None,
    summary="Ask a primary for replication from an offset on.",
    group="server",
    since="2.8.0",
    flags=ADMIN | NOSCRIPT | NO_ASYNC_LOADING | NO_MULTI,
    complexity="O(N) where N is the size of what must be sent",
    arity=-3,
    registry=REGISTRY,
)
declare(
    "REPLCONF [option value [option value ...]]",
    None,
    summary="Exchange settings and acknowledgements on a replication link.",
    group="server",
    since="3.0.0",
    flags=ADMIN | NOSCRIPT | LOADING | STALE | ALLOW_BUSY,
    complexity="O(1)",
    syscmd=True,
    registry=REGISTRY,
)
declare(
    "REPLICAOF <(host port) | (NO ONE)>=args",
    None,
    summary="Make the server a replica of another, or a primary.",
    group="server",
    since="5.0.0",
    flags=ADMIN | NOSCRIPT | STALE | NO_ASYNC_LOADING,
    complexity="O(1)",
    registry=REGISTRY,
)
declare(
    "RESTORE-ASKING key ttl serialized-value [REPLACE] [ABSTTL] [IDLETIME seconds] [FREQ frequency]",
    None,
    summary="Create a key from a serialized value while its slot migrates.",
    group="server",
    since="3.0.0",
    flags=WRITE | DENYOOM | ASKING,
    complexity="O(N) where N is the size of the value, O(N log N) for sorted sets",
    keys="OW update",
    categories="keyspace dangerous",
    added={"3.0.0": "REPLACE", "5.0.0": "ABSTTL IDLETIME FREQ"},
    syscmd=True,
    registry=REGISTRY,
)
declare(
    "ROLE",
    None,
    summary="Tell the server's part in replication.",
    group="server",
    since="2.8.12",
    flags=NOSCRIPT | LOADING | STALE | FAST,
    complexity="O(1)",
    categories="admin dangerous",
    registry=REGISTRY,
)
declare(
    "SAVE",
    None,
    summary="Save the data to the RDB file before answering.",
    group="server",
    since="1.0.0",
    flags=ADMIN | NOSCRIPT | NO_ASYNC_LOADING | NO_MULTI,
    complexity="O(N) where N is the number of keys in all databases",
    registry=REGISTRY,
)
declare(
    "SHUTDOWN [([NOSAVE | SAVE]=save-selector [NOW] [FORCE] [SAFE] [FAILOVER])=save-selector-block "
    "| ABORT]=abort-selector",
    None,
    summary="Save the data and stop the server.",
    group="server",
    since="1.0.0",
    flags=ADMIN | NOSCRIPT | LOADING | STALE | NO_MULTI | ALLOW_BUSY,
    complexity="O(N) when saving, where N is the number of keys; else O(1)",
    added={"7.0.0": "NOW FORCE ABORT", "9.0.0": "SAFE FAILOVER"},
    registry=REGISTRY,
)
declare(
    "SLAVEOF <(host port) | (NO ONE)>=args",
    None,
    summary="Make the server a replica of another, or a primary.",
    group="server",
    since="1.0.0",
    flags=ADMIN | NOSCRIPT | STALE | NO_ASYNC_LOADING,
    complexity="O(1)",
    deprecated="5.0.0",
    replaced_by="REPLICAOF",
    registry=REGISTRY,
)
container(
    "SLOWLOG",
    summary="Read the log of slow commands.",
    group="server",
    since="2.2.12",
    complexity="Depends on the subcommand",
    help_since="6.2.0",
    registry=REGISTRY,
)
declare(
    "SLOWLOG GET [count]",
    None,
    summary="Return entries of the slow log.",
    since="2.2.12",
    flags=ADMIN | LOADING | STALE,
    complexity="O(N) where N is the number of entries returned",
    tips="request_policy:all_nodes nondeterministic_output",
    history=(("4.0.0", "Entries tell the address and name of the client."),),
    registry=REGISTRY,
)
declare(
    "SLOWLOG LEN",
    None,
    summary="Return how many entries the slow log has.",
    since="2.2.12",
    flags=ADMIN | LOADING | STALE,
    complexity="O(1)",
    tips="request_policy:all_nodes response_policy:agg_sum nondeterministic_output",
    registry=REGISTRY,
)
declare(
    "SLOWLOG RESET",
    None,
    summary="Forget the entries of the slow log.",
    since="2.2.12",
    flags=ADMIN | LOADING | STALE,
    complexity="O(N) where N is the number of entries",
    tips="request_policy:all_nodes response_policy:all_succeeded",
    registry=REGISTRY,
)
declare(
    "SWAPDB index1 index2",
    None,
    summary="Exchange two databases.",
    group="server",
    since="4.0.0",
    flags=WRITE | FAST,
    complexity="O(N) where N is the number of clients that watch or wait for keys of the two",
    categories="keyspace dangerous",
    registry=REGISTRY,
)
declare(
    "SYNC",
    None,
    summary="Ask a primary for a full copy and what follows.",
    group="server",
    since="1.0.0",
    flags=ADMIN | NOSCRIPT | NO_ASYNC_LOADING | NO_MULTI,
    complexity="O(N) where N is the size of the data",
    registry=REGISTRY,
)
declare(
    "TIME",
    None,
    summary="Return the time as Unix seconds and microseconds.",
    group="server",
    since="2.6.0",
    flags=LOADING | STALE | FAST,
    complexity="O(1)",
    tips="nondeterministic_output",
    registry=REGISTRY,
)
declare(
    "TRIMSLOTS RANGES (numranges (startslot:integer endslot:integer)=slots [startslot endslot ...])=ranges",
    None,
    summary="Delete the keys of slots that this node no longer owns.",
    group="server",
    since="8.4.0",
    flags=WRITE,
    complexity="O(N) where N is the number of keys in the slots",
    categories="keyspace dangerous",
    registry=REGISTRY,
)
