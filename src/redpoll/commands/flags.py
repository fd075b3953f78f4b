"""Command flags and ACL categories, in the order in which replies list them.

Flags are plain integers to be joined by `|`, so that the dispatcher asks them in one test.
"""

WRITE = 1 << 0
READONLY = 1 << 1
DENYOOM = 1 << 2
MODULE = 1 << 3
ADMIN = 1 << 4
PUBSUB = 1 << 5
NOSCRIPT = 1 << 6
BLOCKING = 1 << 7
LOADING = 1 << 8
STALE = 1 << 9
SKIP_MONITOR = 1 << 10
SKIP_SLOWLOG = 1 << 11
ASKING = 1 << 12
FAST = 1 << 13
NO_AUTH = 1 << 14
SENTINEL = 1 << 15
ONLY_SENTINEL = 1 << 16
NO_MANDATORY_KEYS = 1 << 17
NO_ASYNC_LOADING = 1 << 18
NO_MULTI = 1 << 19
MOVABLE_KEYS = 1 << 20  # derived from the usage line, never declared
ALLOW_BUSY = 1 << 21
SCRIPT_RUNNER = 1 << 22

# Known to the dispatcher only: no reply shows them.
MAY_REPLICATE = 1 << 23
PROTECTED = 1 << 24
TOUCHES_ARBITRARY_KEYS = 1 << 25
RUNS_IN_MULTI = 1 << 26  # between MULTI and EXEC it runs instead of being queued
RUNS_QUEUED = 1 << 27  # it runs what was queued, and so does whatever that does
FOR_SUBSCRIBERS = 1 << 28  # allowed while subscribed in RESP2

FLAG_NAMES: tuple[tuple[int, str], ...] = (
    (WRITE, "write"),
    (READONLY, "readonly"),
    (DENYOOM, "denyoom"),
    (MODULE, "module"),
    (ADMIN, "admin"),
    (PUBSUB, "pubsub"),
    (NOSCRIPT, "noscript"),
    (BLOCKING, "blocking"),
    (LOADING, "loading"),
    (STALE, "stale"),
    (SKIP_MONITOR, "skip_monitor"),
    (SKIP_SLOWLOG, "skip_slowlog"),
    (ASKING, "asking"),
    (FAST, "fast"),
    (NO_AUTH, "no_auth"),
    (SENTINEL, "sentinel"),
    (ONLY_SENTINEL, "only_sentinel"),
    (NO_MANDATORY_KEYS, "no_mandatory_keys"),
    (NO_ASYNC_LOADING, "no_async_loading"),
    (NO_MULTI, "no_multi"),
    (MOVABLE_KEYS, "movablekeys"),
    (ALLOW_BUSY, "allow_busy"),
    (SCRIPT_RUNNER, "script_runner"),
)

KNOWN_FLAGS = (1 << 29) - 1

CATEGORIES: tuple[str, ...] = (
    "keyspace",
    "read",
    "write",
    "set",
    "sortedset",
    "list",
    "hash",
    "string",
    "array",
    "bitmap",
    "hyperloglog",
    "geo",
    "stream",
    "pubsub",
    "admin",
    "fast",
    "slow",
    "blocking",
    "dangerous",
    "connection",
    "transaction",
    "scripting",
)

# A command group, and the ACL category that membership alone gives (empty: none).
GROUPS: dict[str, str] = {
    "array": "array",
    "bitmap": "bitmap",
    "cluster": "",
    "connection": "connection",
    "generic": "keyspace",
    "geo": "geo",
    "hash": "hash",
    "hyperloglog": "hyperloglog",
    "list": "list",
    "module": "",
    "pubsub": "pubsub",
    "scripting": "scripting",
    "sentinel": "",
    "server": "",
    "set": "set",
    "sorted-set": "sortedset",
    "stream": "stream",
    "string": "string",
    "transactions": "transaction",
}

_IMPLIED: tuple[tuple[int, tuple[str, ...]], ...] = (
    (WRITE, ("write",)),
    (ADMIN, ("admin", "dangerous")),
    (PUBSUB, ("pubsub",)),
    (FAST, ("fast",)),
    (BLOCKING, ("blocking",)),
)


def flag_names(flags: int) -> list[str]:
    """The names of `flags` as `COMMAND INFO` lists them."""
    return [name for bit, name in FLAG_NAMES if flags & bit]


def categories(flags: int, group: str, changes: str, *, with_group: bool = True) -> tuple[str, ...]:
    """ACL categories without their `@`, in reply order.

    `changes` is what flags and group do not tell: names to add, or to remove when led by `-`.
    """
    found = {GROUPS[group]} if with_group and GROUPS[group] else set()
    for bit, names in _IMPLIED:
        if flags & bit:
            found.update(names)
    if flags & READONLY and group != "scripting":
        found.add("read")
    if not flags & FAST:
        found.add("slow")
    for change in changes.split():
        if change.startswith("-"):
            found.discard(change[1:])
        else:
            found.add(change)
    if flags & MODULE:
        found.clear()
    return tuple(name for name in CATEGORIES if name in found)
