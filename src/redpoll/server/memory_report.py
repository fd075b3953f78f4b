"""Where the memory is: MEMORY STATS, DOCTOR and MALLOC-STATS."""

from typing import Any

import redpoll.engine.memory as allocator
from redpoll.server import process

_SMALL = 5 << 20


def figures(server: Any) -> dict[bytes, Any]:
    """The fields of MEMORY STATS."""
    used = allocator.used()
    parts = allocator.statistics()
    resident = process.resident_bytes()
    startup = server.startup_memory
    keys = 0
    overhead = startup + parts["clients"]
    found: dict[bytes, Any] = {
        b"peak.allocated": max(server.peak_memory, used),
        b"total.allocated": used,
        b"startup.allocated": startup,
        b"replication.backlog": 0,
        b"clients.slaves": 0,
        b"clients.normal": parts["clients"],
        b"cluster.links": 0,
        b"aof.buffer": server.persistence.log.buffer_bytes,
        b"lua.caches": server.scripts.cache.machine_bytes + server.scripts.cache.held_bytes,
        b"functions.caches": server.functions.libraries.machine_bytes + server.functions.libraries.held_bytes,
    }
    for db in server.keyspace.databases:
        if len(db):
            shape = db.shape()
            keys += len(db)
            overhead += shape["table_bytes"] + shape["expiry_bytes"]
            found[b"db.%d" % db.index] = {
                b"overhead.hashtable.main": shape["table_bytes"],
                b"overhead.hashtable.expires": shape["expiry_bytes"],
            }
    dataset = max(used - overhead, 0)
    found.update(
        {
            b"overhead.total": overhead,
            b"keys.count": keys,
            b"keys.bytes-per-key": max(used - startup, 0) // keys if keys else 0,
            b"dataset.bytes": dataset,
            b"dataset.percentage": 100.0 * dataset / max(used - startup, 1),
            b"peak.percentage": 100.0 * used / max(server.peak_memory, used, 1),
            b"allocator.allocated": used,
            b"allocator.active": allocator.mapped(),
            b"allocator.resident": resident,
            b"allocator.muzzy": 0,
            b"allocator-fragmentation.ratio": allocator.mapped() / max(used, 1),
            b"allocator-fragmentation.bytes": allocator.mapped() - used,
            b"allocator-rss.ratio": resident / max(allocator.mapped(), 1),
            b"allocator-rss.bytes": resident - allocator.mapped(),
            b"rss-overhead.ratio": 1.0,
            b"rss-overhead.bytes": 0,
            b"fragmentation": resident / max(used, 1),
            b"fragmentation.bytes": resident - used,
        }
    )
    return found


def diagnose(server: Any) -> str:
    """The text of MEMORY DOCTOR."""
    used = allocator.used()
    resident = process.resident_bytes()
    mapped = allocator.mapped()
    clients = len(server.loop.connections)
    if used < _SMALL:
        return "Too little data for a diagnosis: less than 5 MB is in use, and ratios say nothing of so little.\n"
    findings = []
    if server.peak_memory > used * 1.5:
        findings.append(
            f"Peak: {server.peak_memory} bytes were in use at the most, {used} are now. Whole arenas that became empty "
            "went back to the system; what is scattered over half-empty ones is used again before new memory is mapped."
        )
    if mapped > used * 1.4 and mapped - used > 10 << 20:
        findings.append(
            f"Fragmentation: {mapped} bytes are mapped for {used} in use. Sizes of values changed since they were "
            "stored, or many keys were deleted. New data fills the gaps; a restart with a snapshot removes them."
        )
    if resident > mapped * 1.2 and resident - mapped > 64 << 20:
        findings.append(
            f"Beside the data, the process holds {resident - mapped} bytes: the interpreter, modules, large buffers "
            "that the C library keeps. MEMORY PURGE asks it to give them back."
        )
    buffers = allocator.statistics()["clients"]
    if clients and buffers / clients > 200_000:
        findings.append(
            f"Clients: their buffers hold {buffers // clients} bytes each on average. Somebody reads slowly or sends "
            "huge requests: CLIENT LIST shows omem and qbuf, and client-output-buffer-limit ends it."
        )
    if not findings:
        return "Memory is as it should be: no finding.\n"
    return "\n".join(f"* {finding}" for finding in findings) + "\n"


def allocator_report() -> str:
    """The text of MEMORY MALLOC-STATS."""
    lines = ["Redpoll's allocator: slabs of 64 KiB by size class, cut from arenas of 2 MiB.", ""]
    lines += [f"{kind:<10} {size:>16}" for kind, size in allocator.statistics().items()]
    lines += [
        f"{'in use':<10} {allocator.used():>16}",
        f"{'mapped':<10} {allocator.mapped():>16}",
        "",
        "block     slabs     blocks in use       free in them",
    ]
    lines += [f"{size:>5} {slabs:>9} {used:>17} {free:>18}" for size, slabs, used, free in allocator.classes()]
    return "\n".join(lines) + "\n"
