"""`LATENCY DOCTOR`: what the latency monitor's events say about the server, and what to do.

Each event points to pieces of advice; what the server's settings already rule out is left away.
The lines `1. command: 5 latency spikes (average 20ms, …` have the shape that tools read.
"""

from collections.abc import Callable
from typing import NamedTuple

from redpoll.server.latency import LatencyMonitor


class Conditions(NamedTuple):
    """The settings and facts a diagnosis depends on."""

    slowlog_slower_than: int = 10_000
    """`slowlog-log-slower-than`, microseconds; negative is off."""
    slowlog_max_len: int = 128
    hz: int = 10
    huge_pages: bool = False
    """Whether transparent huge pages back this process's memory."""
    appendfsync: str = "everysec"
    no_appendfsync_on_rewrite: bool = False
    fork_gigabytes_per_second: float = 0.0
    """How fast the last fork copied page tables, for events of servers that fork."""


ADVICE: dict[str, str] = {
    "slowlog-enable": (
        "The slow log is off, so nobody can tell which commands took that long. "
        "Turn it on: CONFIG SET slowlog-log-slower-than {threshold_us}."
    ),
    "slowlog-tune": (
        "The slow log skips commands that the latency monitor counts as spikes. "
        "Let both see the same commands: CONFIG SET slowlog-log-slower-than {threshold_us}."
    ),
    "slowlog-inspect": (
        "Look at SLOWLOG GET for the commands behind the spikes, and at their complexity in COMMAND DOCS."
    ),
    "large-objects": (
        "Very large values take long to delete, expire or evict in one go. Split them into smaller keys."
    ),
    "scheduler": (
        "Commands that need next to no time were slow, so the process itself did not get the CPU or its memory. "
        "Look for swapping, an overcommitted virtual machine and busy neighbours: "
        "`redis-cli --intrinsic-latency 100` measures what the machine alone costs."
    ),
    "local-disk": "The data directory should be on a local disk, not on a network or a shared volume.",
    "disk-contention": "Other processes compete for the disk: `iotop` or `pidstat -d` shows which.",
    "ssd": "A faster disk shortens every write and fsync; spinning disks cannot keep up with an append-only file.",
    "data-writeback": (
        "The file system may flush too much at once. On ext4, mounting with data=writeback, and smaller "
        "vm.dirty_bytes and vm.dirty_background_bytes, make its pauses shorter."
    ),
    "no-appendfsync": (
        "Writes wait while a save or rewrite keeps the disk busy. CONFIG SET no-appendfsync-on-rewrite yes "
        "avoids that, if losing the writes of a rewrite's duration in a crash is acceptable."
    ),
    "relax-fsync": (
        "appendfsync always lets every write wait for the disk. CONFIG SET appendfsync everysec "
        "is far quicker, if losing about a second of writes in a crash is acceptable."
    ),
    "write-load": (
        "So much was written during a rewrite of the append-only file that joining its parts took long. "
        "Rewrite at quieter times, or spread the writes over several servers."
    ),
    "hz": (
        "Expired keys pile up between two rounds of the expire cycle. Spread expiry times a little, "
        "and raise hz (now {hz}) so that each round has less to do."
    ),
    "mass-eviction": (
        "Writes need more memory than is free, so many keys are evicted at once. Raise maxmemory, "
        "add servers, or let keys expire earlier."
    ),
    "huge-pages": (
        "Transparent huge pages are in use; they cause pauses and waste memory. As root: "
        "echo never > /sys/kernel/mm/transparent_hugepage/enabled, then restart the server."
    ),
}

_BY_EVENT: dict[str, tuple[str, ...]] = {
    "command": ("slowlog-enable", "slowlog-tune", "slowlog-inspect", "large-objects"),
    "fast-command": ("scheduler",),
    "command-unblocking": ("slowlog-inspect", "large-objects"),
    "aof-write": ("local-disk", "data-writeback", "ssd"),
    "aof-write-pending-fsync": ("local-disk", "disk-contention", "ssd"),
    "aof-write-active-child": ("no-appendfsync", "data-writeback", "ssd"),
    "aof-write-alone": ("local-disk", "data-writeback", "ssd"),
    "aof-fsync-always": ("relax-fsync",),
    "aof-fstat": ("disk-contention", "local-disk"),
    "rdb-unlink-temp-file": ("disk-contention", "local-disk"),
    "aof-rewrite-diff-write": ("write-load", "data-writeback", "ssd", "local-disk"),
    "aof-rename": ("write-load", "data-writeback", "ssd", "local-disk"),
    "expire-cycle": ("hz", "large-objects"),
    "expire-del": ("large-objects",),
    "eviction-del": ("large-objects",),
    "eviction-lazyfree": ("large-objects",),
    "eviction-cycle": ("mass-eviction",),
    "active-defrag-cycle": ("large-objects",),
}

_APPLIES: dict[str, Callable[[Conditions, int], bool]] = {
    "slowlog-enable": lambda now, _threshold_us: now.slowlog_slower_than < 0 or now.slowlog_max_len == 0,
    "slowlog-tune": lambda now, threshold_us: now.slowlog_max_len > 0 and now.slowlog_slower_than > threshold_us,
    "no-appendfsync": lambda now, _threshold_us: not now.no_appendfsync_on_rewrite,
    "relax-fsync": lambda now, _threshold_us: now.appendfsync == "always",
}

_FORK_SPEEDS = ((10, "terrible"), (25, "poor"), (100, "good"))

OFF = (
    "The latency monitor is off, so there is nothing to diagnose. Turn it on with "
    "CONFIG SET latency-monitor-threshold <milliseconds>, and ask again after a while.\n"
)
CALM = "No latency spike has been seen since the monitor started or was reset. All is well in this tree.\n"
HEADER = "Latency spikes have been seen on this server:\n\n"
PUZZLED = "\nNone of them points to a cause that is known here. LATENCY HISTORY tells when they happened.\n"
ADVICE_HEADER = "\nWhat may help:\n\n"


def diagnose(monitor: LatencyMonitor, conditions: Conditions, unix_time: int) -> str:
    """The report as text with newlines."""
    findings = []
    wanted: set[str] = set()
    for number, (name, event) in enumerate(monitor.events(), 1):
        figures = event.analyse(unix_time)
        finding = (
            f"{number}. {name}: {figures.samples} latency spikes (average {figures.average}ms, "
            f"mean deviation {figures.mean_deviation}ms, period {figures.period:.2f} sec). "
            f"Worst all time event {event.maximum}ms."
        )
        if name == "fork":
            rate = conditions.fork_gigabytes_per_second
            finding += f" Fork rate is {rate:.2f} GB/sec ({_fork_speed(rate)})."
        findings.append(finding + "\n")
        wanted.update(_BY_EVENT.get(name, ()))
    if not findings:
        return CALM if monitor.threshold_ms else OFF

    if conditions.huge_pages:
        wanted.add("huge-pages")
    threshold_us = monitor.threshold_ms * 1000
    advice = [
        f"- {text.format(threshold_us=threshold_us, hz=conditions.hz)}\n"
        for key, text in ADVICE.items()
        if key in wanted and (key not in _APPLIES or _APPLIES[key](conditions, threshold_us))
    ]
    return HEADER + "".join(findings) + (ADVICE_HEADER + "".join(advice) if advice else PUZZLED)


def _fork_speed(gigabytes_per_second: float) -> str:
    for limit, word in _FORK_SPEEDS:
        if gigabytes_per_second < limit:
            return word
    return "excellent"
