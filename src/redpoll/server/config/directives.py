"""Every directive, declared once: name, type, default, other names, and how it may be changed.

Topics follow the order of the default configuration file. What a topic or a directive promises
but the server does not do yet is marked: it is read, checked, shown and rewritten all the same.
"""

from __future__ import annotations

from redpoll.server.config import values
from redpoll.server.config.values import (
    INT_MAX,
    INT_MIN,
    LONG_MAX,
    LONG_MIN,
    UINT_MAX,
    Addresses,
    Bool,
    BufferLimits,
    CommandNames,
    Directory,
    Enum,
    Events,
    Flags,
    Int,
    Memory,
    MemoryOrPercent,
    Octal,
    OomScores,
    Percentiles,
    Primary,
    SavePoints,
    Secret,
    Text,
    Type,
    Words,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

IMMUTABLE = 1  # only a file or the command line sets it
PROTECTED = 2  # CONFIG SET needs enable-protected-configs
SENSITIVE = 4  # its value never appears in logs
HIDDEN = 8  # CONFIG GET shows it only by its whole name
FILE_ONLY = 16  # neither CONFIG GET nor CONFIG SET know it
DENY_LOADING = 32  # CONFIG SET refuses it while data are loaded
LATER = 64  # not in force yet, in a topic that is
NOW = 128  # in force, in a topic that is not


class Directive:
    """One directive. `attribute` is its name in Python, `aliases` other names for the same value.

    `waits_for` says what is still to come before it can be in force; `moot` why there is nothing here that it could
    change.
    """

    __slots__ = ("aliases", "attribute", "default", "flags", "in_force", "moot", "name", "type", "waits_for")

    def __init__(
        self,
        name: str,
        kind: Type,
        default: Any,
        flags: int = 0,
        *,
        alias: str = "",
        waits_for: str = "",
        moot: str = "",
    ) -> None:
        self.name = name
        self.type = kind
        self.default = default
        self.flags = flags
        self.aliases = tuple(alias.split())
        self.attribute = name.replace("-", "_")
        self.in_force = True
        self.waits_for = waits_for
        self.moot = moot

    def __repr__(self) -> str:
        return f"<Directive {self.name}>"


class Topic:
    """Directives that belong together, and whether the server acts on them yet."""

    __slots__ = ("directives", "title")

    def __init__(self, title: str, in_force: bool, *directives: Directive) -> None:
        self.title = title
        self.directives = directives
        for directive in directives:
            wanted = bool(directive.flags & NOW) or (in_force and not directive.flags & LATER)
            directive.in_force = wanted and not directive.moot


_ = Directive
_BOOL = Bool()
_TEXT = Text()
_EMPTY_TEXT = Text(keep_empty=True)
_SECRET = Secret()
_COUNT = Int(0, INT_MAX)
_POSITIVE = Int(1, INT_MAX)
_ANY_INT = Int(INT_MIN, INT_MAX)
_LONG = Int(0, LONG_MAX)
_LIMIT = Int(-1, LONG_MAX)  # -1 turns the thing off
_SIZE_COUNT = Int(0, LONG_MAX, unsigned=True)
_PORT = Int(0, 65535)
_DEFRAG_THRESHOLD = Int(0, 1000)
_MEMORY = Memory(0, LONG_MAX, unsigned=True)
_SIGNED_MEMORY = Memory(0, LONG_MAX)
_ALLOWED = Enum("no", "yes", "local")
_OUTGOING = "replication and clusters, as it is of connections that the server opens itself"
_MODULES = "modules"
_NO_FORK = "nothing forks here; what writes files are threads, which bio-cpulist is for"
_NO_RDMA = "connections over RDMA are not spoken"
_SLICES = "large values are always freed in slices, between commands"
_SHUTDOWN = Flags("default", "save", "nosave", "now", "force", also=("safe", "failover"), check=values.no_save_conflict)

TOPICS = (
    Topic(
        "Network",
        True,
        _("bind", Addresses(), ("*", "-::*")),
        _("port", _PORT, 6379),
        _("protected-mode", _BOOL, True),
        _("tcp-backlog", _COUNT, 511, IMMUTABLE),
        _("tcp-keepalive", _COUNT, 300),
        _("timeout", _COUNT, 0),
        _("unixsocket", _TEXT, "", IMMUTABLE),
        _("unixsocketperm", Octal(), 0, IMMUTABLE),
        _("unixsocketgroup", _TEXT, "", IMMUTABLE),
        _("bind-source-addr", _TEXT, "", LATER, waits_for=_OUTGOING),
        _("socket-mark-id", Int(0, UINT_MAX, unsigned=True), 0, IMMUTABLE),
        _("mptcp", _BOOL, False, IMMUTABLE),
        _("max-new-connections-per-cycle", Int(1, 1000, unsigned=True), 10),
        _("io-threads", Int(1, 128), 1, IMMUTABLE),
        _("io-threads-do-reads", _BOOL, False, IMMUTABLE | HIDDEN, moot="I/O threads always read"),
        _("prefetch-batch-max-size", Int(0, 128), 16),
        _("lookahead", _POSITIVE, 16, moot="all that a turn has read is parsed ahead"),
    ),
    Topic(
        "Clients",
        True,
        _("maxclients", Int(1, UINT_MAX, unsigned=True), 10000),
        _("client-query-buffer-limit", Memory(1 << 20, LONG_MAX, unsigned=True), 1 << 30),
        _("proto-max-bulk-len", Memory(1 << 20, LONG_MAX), 512 << 20),
        _(
            "client-output-buffer-limit",
            BufferLimits(),
            {"normal": (0, 0, 0), "slave": (256 << 20, 64 << 20, 60), "pubsub": (32 << 20, 8 << 20, 60)},
        ),
        _("client-default-resp", Int(2, 3, unsigned=True), 2, IMMUTABLE | HIDDEN),
        _("tracking-table-max-keys", _SIZE_COUNT, 1000000),
        _("notify-keyspace-events", Events(), 0),
    ),
    Topic(
        "General",
        True,
        _("daemonize", _BOOL, False, IMMUTABLE),
        _("supervised", Enum("upstart", "systemd", "auto", "no"), "no", IMMUTABLE),
        _("pidfile", _TEXT, "", IMMUTABLE),
        _("dir", Directory(), "", PROTECTED | DENY_LOADING),
        _("databases", _POSITIVE, 16, IMMUTABLE),
        _("hz", Int(0, INT_MAX, clamp=(1, 500)), 10),
        _("dynamic-hz", _BOOL, True, moot="the cron does no work for each client that more turns could spread"),
        _("active-expire-effort", Int(1, 10), 1),
        _("set-proc-title", _BOOL, True, IMMUTABLE),
        _("proc-title-template", Text(values.title_template), "{title} {listen-addr} {server-mode}"),
        _("always-show-logo", _BOOL, False, IMMUTABLE),
        _("redis-version", _TEXT, "", IMMUTABLE),
        _("extended-redis-compatibility", _BOOL, False, moot="clients are always told what Redis would tell them"),
        _("availability-zone", _TEXT, ""),
        _("shutdown-timeout", _COUNT, 10, LATER, waits_for="replicas, which are what a shutdown would wait for"),
        _("shutdown-on-sigint", _SHUTDOWN, ()),
        _("shutdown-on-sigterm", _SHUTDOWN, ()),
    ),
    Topic(
        "Logging",
        True,
        _("loglevel", Enum("debug", "verbose", "notice", "warning", "nothing"), "notice"),
        _("logfile", _EMPTY_TEXT, "", IMMUTABLE),
        _("log-format", Enum("legacy", "logfmt", "json"), "legacy"),
        _("log-timestamp-format", Enum("legacy", "iso8601", "milliseconds"), "legacy"),
        _("syslog-enabled", _BOOL, False, IMMUTABLE),
        _("syslog-ident", _TEXT, "redis", IMMUTABLE),
        _(
            "syslog-facility",
            Enum("user", *(f"local{number}" for number in range(8))),
            "local0",
            IMMUTABLE,
        ),
        _("hide-user-data-from-log", _BOOL, False),
    ),
    Topic(
        "Slow log, command log and latency",
        True,
        _("slowlog-log-slower-than", _LIMIT, 10000, alias="commandlog-execution-slower-than"),
        _("slowlog-max-len", _LONG, 128, alias="commandlog-slow-execution-max-len"),
        _("slowlog-entry-max-argc", Int(2, INT_MAX), 32),
        _("slowlog-entry-max-string-len", _COUNT, 128),
        _("commandlog-request-larger-than", _LIMIT, 1 << 20),
        _("commandlog-large-request-max-len", _LONG, 128),
        _("commandlog-reply-larger-than", _LIMIT, 1 << 20),
        _("commandlog-large-reply-max-len", _LONG, 128),
        _("latency-monitor-threshold", _LONG, 0),
        _("latency-tracking", _BOOL, True),
        _("latency-tracking-info-percentiles", Percentiles(), (50.0, 99.0, 99.9)),
    ),
    Topic(
        "Access",
        True,
        _("requirepass", _SECRET, b"", SENSITIVE),
        _("enable-protected-configs", _ALLOWED, "no", IMMUTABLE),
        _("enable-debug-command", _ALLOWED, "no", IMMUTABLE),
        _("enable-module-command", _ALLOWED, "no", IMMUTABLE | LATER, waits_for=_MODULES),
        _("rename-command", CommandNames(), (), FILE_ONLY),
    ),
    Topic(
        "Encodings",
        True,
        _("hash-max-listpack-entries", _SIZE_COUNT, 512, alias="hash-max-ziplist-entries"),
        _("hash-max-listpack-value", _MEMORY, 64, alias="hash-max-ziplist-value"),
        _("list-max-listpack-size", _ANY_INT, -2, alias="list-max-ziplist-size"),
        _("list-compress-depth", _COUNT, 0),
        _("set-max-intset-entries", _SIZE_COUNT, 512),
        _("set-max-listpack-entries", _SIZE_COUNT, 128),
        _("set-max-listpack-value", _SIZE_COUNT, 64),
        _("zset-max-listpack-entries", _SIZE_COUNT, 128, alias="zset-max-ziplist-entries"),
        _("zset-max-listpack-value", _MEMORY, 64, alias="zset-max-ziplist-value"),
        _("hll-sparse-max-bytes", _MEMORY, 3000),
        _("stream-node-max-bytes", _MEMORY, 4096),
        _("stream-node-max-entries", _LONG, 100),
    ),
    Topic(
        "Freeing",
        True,
        _("lazyfree-lazy-eviction", _BOOL, False, moot=_SLICES),
        _("lazyfree-lazy-expire", _BOOL, False, moot=_SLICES),
        _("lazyfree-lazy-server-del", _BOOL, False, moot=_SLICES),
        _("lazyfree-lazy-user-del", _BOOL, False, moot=_SLICES),
        _("lazyfree-lazy-user-flush", _BOOL, False),
    ),
    Topic(
        "Memory limit and eviction",
        True,
        _("maxmemory", _MEMORY, 0),
        _(
            "maxmemory-policy",
            Enum(
                *("volatile-lru", "volatile-lrm", "volatile-lfu", "volatile-random", "volatile-ttl"),
                *("allkeys-lru", "allkeys-lrm", "allkeys-lfu", "allkeys-random", "noeviction"),
            ),
            "noeviction",
        ),
        _("maxmemory-samples", Int(1, 64), 5),
        _("maxmemory-eviction-tenacity", Int(0, 100), 10),
        _("maxmemory-clients", MemoryOrPercent(), 0),
        _("lfu-log-factor", _COUNT, 10),
        _("lfu-decay-time", _COUNT, 1),
    ),
    Topic(
        "Newer structures",
        False,
        _("array-slice-size", _COUNT, 4096, NOW),
        _("array-sparse-kmax", _COUNT, 10, NOW),
        _("array-sparse-kmin", _COUNT, 5, NOW),
        _("hash-max-template-entries", _LONG, 0),
        _("hash-min-template-entries", _LONG, 0),
        _("hash-rdb-load-max-template-entries", _LONG, 0),
        _("hash-rdb-load-min-template-entries", _LONG, 0),
        _("hash-rdb-load-template-disassembly-threshold", _LONG, 0),
        _("stream-idmp-duration", Int(1, 86400), 100, NOW),
        _("stream-idmp-maxsize", Int(1, 10000), 100, NOW),
        _("vset-force-single-threaded-execution", _BOOL, False, waits_for="vector sets"),
    ),
    Topic(
        "Snapshots",
        True,
        _("save", SavePoints(), ((3600, 1), (300, 100), (60, 10000))),
        _("dbfilename", Text(values.file_name("dbfilename", may_be_empty=True)), "dump.rdb", PROTECTED),
        _("rdbcompression", _BOOL, True),
        _("rdbchecksum", _BOOL, True, IMMUTABLE),
        _("rdb-version-check", Enum("strict", "relaxed"), "strict"),
        _("rdb-save-incremental-fsync", _BOOL, True),
        _("rdb-del-sync-files", _BOOL, False, LATER, waits_for="replication"),
        _("rdb-key-save-delay", _ANY_INT, 0, HIDDEN),
        _("stop-writes-on-bgsave-error", _BOOL, True),
        _("sanitize-dump-payload", Enum("no", "yes", "clients"), "no"),
        _("key-load-delay", _ANY_INT, 0, HIDDEN),
        _("loading-process-events-interval-bytes", Int(1024, INT_MAX), 512 << 10, HIDDEN),
        _("preload-file", Text(values.preload_file, keep_empty=True), "", IMMUTABLE),
        _("backupdirname", Text(values.file_name("backupdirname", "dirname")), "backupdir", IMMUTABLE),
        _("backup-sealed-ttl", _COUNT, 0),
        _("import-mode", _BOOL, False),
    ),
    Topic(
        "Append-only file",
        True,
        _("appendonly", _BOOL, False, DENY_LOADING),
        _("appendfilename", Text(values.file_name("appendfilename")), "appendonly.aof", IMMUTABLE),
        _("appenddirname", Text(values.file_name("appenddirname", "dirname")), "appendonlydir", IMMUTABLE),
        _("appendfsync", Enum("everysec", "always", "no"), "everysec"),
        _("no-appendfsync-on-rewrite", _BOOL, False),
        _("auto-aof-rewrite-percentage", _COUNT, 100),
        _("auto-aof-rewrite-min-size", _SIGNED_MEMORY, 64 << 20),
        _("aof-load-truncated", _BOOL, True),
        _("aof-load-corrupt-tail-max-size", _SIGNED_MEMORY, 0),
        _("aof-use-rdb-preamble", _BOOL, True),
        _("aof-timestamp-enabled", _BOOL, False),
        _("aof-rewrite-incremental-fsync", _BOOL, True),
        _("aof-disable-auto-gc", _BOOL, False, HIDDEN),
    ),
    Topic(
        "Replication",
        False,
        _("replicaof", Primary(), None, IMMUTABLE, alias="slaveof"),
        _("masterauth", _SECRET, b"", SENSITIVE, alias="primaryauth"),
        _("masteruser", _TEXT, "", SENSITIVE, alias="primaryuser"),
        _("replica-serve-stale-data", _BOOL, True, alias="slave-serve-stale-data"),
        _("replica-read-only", _BOOL, True, alias="slave-read-only"),
        _("replica-priority", _COUNT, 100, alias="slave-priority"),
        _("replica-announced", _BOOL, True),
        _("replica-announce-ip", _TEXT, "", alias="slave-announce-ip"),
        _("replica-announce-port", _PORT, 0, alias="slave-announce-port"),
        _("replica-ignore-maxmemory", _BOOL, True, alias="slave-ignore-maxmemory"),
        _("replica-ignore-disk-write-errors", _BOOL, False),
        _("replica-lazy-flush", _BOOL, False, alias="slave-lazy-flush"),
        _("replica-full-sync-buffer-limit", _SIGNED_MEMORY, 0),
        _("min-replicas-to-write", _COUNT, 0, alias="min-slaves-to-write"),
        _("min-replicas-max-lag", _COUNT, 10, alias="min-slaves-max-lag"),
        _("repl-timeout", _POSITIVE, 60),
        _("repl-ping-replica-period", _POSITIVE, 10, alias="repl-ping-slave-period"),
        _("repl-backlog-size", Memory(1, LONG_MAX, clamp=(16 << 10, LONG_MAX)), 1 << 20),
        _("repl-backlog-ttl", _LONG, 3600),
        _("repl-disable-tcp-nodelay", _BOOL, False),
        _("repl-mptcp", _BOOL, False, IMMUTABLE),
        _("repl-diskless-sync", _BOOL, True),
        _("repl-diskless-sync-delay", _COUNT, 5),
        _("repl-diskless-sync-max-replicas", _COUNT, 0),
        _(
            "repl-diskless-load",
            Enum("disabled", "on-empty-db", "swapdb", "flushdb", also=("flush-before-load",)),
            "disabled",
            DENY_LOADING,
        ),
        _("repl-rdb-channel", _BOOL, True, HIDDEN),
        _("dual-channel-replication-enabled", _BOOL, False),
        _("propagation-error-behavior", Enum("ignore", "panic", "panic-on-replicas"), "ignore"),
    ),
    Topic(
        "Cluster",
        False,
        _("cluster-enabled", _BOOL, False, IMMUTABLE),
        _("cluster-config-file", _TEXT, "nodes.conf", IMMUTABLE),
        _("cluster-config-save-behavior", Enum("sync", "best-effort"), "sync"),
        _("cluster-port", _PORT, 0, IMMUTABLE),
        _("cluster-databases", _POSITIVE, 1, IMMUTABLE),
        _("cluster-node-timeout", _LONG, 15000),
        _("cluster-ping-interval", _LONG, 0, HIDDEN),
        _("cluster-manual-failover-timeout", _POSITIVE, 5000),
        _("cluster-blacklist-ttl", Int(LONG_MIN, LONG_MAX), 60),
        _("cluster-replica-validity-factor", _COUNT, 10, alias="cluster-slave-validity-factor"),
        _("cluster-replica-no-failover", _BOOL, False, alias="cluster-slave-no-failover"),
        _("cluster-migration-barrier", _COUNT, 1),
        _("cluster-allow-replica-migration", _BOOL, True),
        _("cluster-require-full-coverage", _BOOL, True),
        _("cluster-allow-reads-when-down", _BOOL, False),
        _("cluster-allow-pubsubshard-when-down", _BOOL, True),
        _("cluster-link-sendbuf-limit", _MEMORY, 0),
        _("cluster-announce-ip", _TEXT, ""),
        _("cluster-announce-port", _PORT, 0),
        _("cluster-announce-tls-port", _PORT, 0),
        _("cluster-announce-bus-port", _PORT, 0),
        _("cluster-announce-client-ipv4", Text(values.ip_address(4)), ""),
        _("cluster-announce-client-ipv6", Text(values.ip_address(6)), ""),
        _("cluster-announce-client-port", _PORT, 0),
        _("cluster-announce-client-tls-port", _PORT, 0),
        _("cluster-announce-hostname", Text(values.host_name), ""),
        _("cluster-announce-human-nodename", _TEXT, ""),
        _("cluster-preferred-endpoint-type", Enum("ip", "hostname", "unknown-endpoint"), "ip"),
        _("cluster-slot-stats-enabled", _BOOL, False),
        _("cluster-compatibility-sample-ratio", Int(0, 100), 0),
        _("cluster-slot-migration-handoff-max-lag-bytes", _SIGNED_MEMORY, 1 << 20),
        _("cluster-slot-migration-write-pause-timeout", _LONG, 10000),
        _("cluster-slot-migration-max-archived-tasks", _POSITIVE, 32, HIDDEN),
        _("cluster-slot-migration-log-max-len", _LONG, 1000),
        _("slot-migration-max-failover-repl-bytes", Memory(-1, LONG_MAX), 0),
    ),
    Topic(
        "TLS",
        True,
        _("tls-port", _PORT, 0),
        _("tls-cert-file", _TEXT, ""),
        _("tls-key-file", _TEXT, ""),
        _("tls-key-file-pass", _TEXT, "", SENSITIVE),
        _("tls-client-cert-file", _TEXT, "", LATER, waits_for=_OUTGOING),
        _("tls-client-key-file", _TEXT, "", LATER, waits_for=_OUTGOING),
        _("tls-client-key-file-pass", _TEXT, "", SENSITIVE | LATER, waits_for=_OUTGOING),
        _("tls-dh-params-file", _TEXT, ""),
        _("tls-ca-cert-file", _TEXT, ""),
        _("tls-ca-cert-dir", _TEXT, ""),
        _("tls-auth-clients", Enum("no", "yes", "optional"), "yes"),
        _("tls-auth-clients-user", Enum("CN", "URI", "off"), "off"),
        _("tls-expected-peer-name", _EMPTY_TEXT, "", LATER, waits_for=_OUTGOING),
        _("tls-replication", _BOOL, False, LATER, waits_for=_OUTGOING),
        _("tls-cluster", _BOOL, False, LATER, waits_for=_OUTGOING),
        _("tls-protocols", _TEXT, ""),
        _("tls-ciphers", _TEXT, ""),
        _("tls-ciphersuites", _TEXT, ""),
        _("tls-prefer-server-ciphers", _BOOL, False),
        _("tls-session-caching", _BOOL, True),
        _("tls-session-cache-size", _COUNT, 20480),
        _("tls-session-cache-timeout", _COUNT, 300),
        _("tls-auto-reload-interval", _COUNT, 0),
        _("max-new-tls-connections-per-cycle", Int(1, 1000, unsigned=True), 1),
    ),
    Topic(
        "Users and ACL",
        True,
        _("aclfile", _EMPTY_TEXT, "", IMMUTABLE),
        _("acllog-max-len", _LONG, 128),
        _("acl-pubsub-default", Enum("allchannels", "resetchannels"), "resetchannels"),
        _("user", Words(1, LONG_MAX), (), FILE_ONLY | SENSITIVE),
    ),
    Topic(
        "Scripts and modules",
        True,
        _("busy-reply-threshold", _LONG, 5000, alias="lua-time-limit"),
        _("lua-enable-deprecated-api", _BOOL, False, IMMUTABLE | HIDDEN),
        _("script-memory-limit", _MEMORY, 0, IMMUTABLE),
        _("loadmodule", Words(1, LONG_MAX), (), FILE_ONLY | LATER, waits_for=_MODULES),
    ),
    Topic(
        "Memory upkeep",
        False,
        _("activerehashing", _BOOL, True, moot="tables grow and shrink by a bucket at a time"),
        _("activedefrag", _BOOL, False, NOW),
        _("active-defrag-ignore-bytes", Memory(1, LONG_MAX, unsigned=True), 100 << 20, NOW),
        _("active-defrag-threshold-lower", _DEFRAG_THRESHOLD, 10, NOW),
        _("active-defrag-threshold-upper", _DEFRAG_THRESHOLD, 100, NOW),
        _("active-defrag-cycle-min", Int(1, 99), 1, NOW),
        _("active-defrag-cycle-max", Int(1, 99), 25, NOW),
        _("active-defrag-cycle-us", Int(0, 100000), 500, NOW),
        _("active-defrag-max-scan-fields", Int(1, LONG_MAX), 1000, moot="entries are moved, not fields one by one"),
        _("jemalloc-bg-thread", _BOOL, True, moot="the allocator is another"),
        _("key-memory-histograms", _BOOL, False, NOW),
        _("hash-seed", _TEXT, "", IMMUTABLE | SENSITIVE | NOW),
    ),
    Topic(
        "Operating system",
        False,
        _("oom-score-adj", Enum("no", "yes", "relative", "absolute"), "no", NOW),
        _("oom-score-adj-values", OomScores(), (0, 200, 800), NOW),
        _("disable-thp", _BOOL, False, IMMUTABLE | NOW),  # others fork to save, which huge pages make dear
        _("server-cpulist", _TEXT, "", IMMUTABLE | NOW, alias="server_cpulist"),
        _("bio-cpulist", _TEXT, "", IMMUTABLE | NOW, alias="bio_cpulist"),
        _("aof-rewrite-cpulist", _TEXT, "", IMMUTABLE, alias="aof_rewrite_cpulist", moot=_NO_FORK),
        _("bgsave-cpulist", _TEXT, "", IMMUTABLE, alias="bgsave_cpulist", moot=_NO_FORK),
        _("ignore-warnings", _EMPTY_TEXT, "", moot="no start is refused for anything that could be ignored"),
        _("locale-collate", _EMPTY_TEXT, "", NOW),
        _("crash-log-enabled", _BOOL, True, NOW),
        _("crash-memcheck-enabled", _BOOL, True, moot="after a crash no memory is tested"),
        _("use-exit-on-panic", _BOOL, False, HIDDEN, moot="an error that nobody foresaw is logged, and ends nothing"),
        _("watchdog-period", _COUNT, 0, HIDDEN | NOW),
        _("req-res-logfile", _TEXT, "", IMMUTABLE | HIDDEN, moot="only builds of Redis for its own tests write it"),
        _("rdma-bind", Addresses(), (), moot=_NO_RDMA),
        _("rdma-port", _PORT, 0, moot=_NO_RDMA),
        _("rdma-rx-size", Memory(64 << 10, 16 << 20), 1 << 20, IMMUTABLE, moot=_NO_RDMA),
        _("rdma-completion-vector", Int(-1, 1024), -1, IMMUTABLE, moot=_NO_RDMA),
    ),
)

DIRECTIVES = tuple(directive for topic in TOPICS for directive in topic.directives)

# Lines that old files hold and that mean nothing any more.
IGNORED = frozenset({b"list-max-ziplist-entries", b"list-max-ziplist-value"})


def _by_name() -> dict[bytes, Directive]:
    names: dict[bytes, Directive] = {}
    for directive in DIRECTIVES:
        for name in (directive.name, *directive.aliases):
            if names.setdefault(name.encode(), directive) is not directive:
                raise ValueError(f"directive '{name}' is declared twice")
    return names


# Every name and alias, in lower case.
BY_NAME = _by_name()
