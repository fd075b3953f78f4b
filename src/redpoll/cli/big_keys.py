"""`--bigkeys` and `--memkeys`: the largest key of every type, by elements or by bytes."""

from __future__ import annotations

from redpoll.cli.progress import Progress
from redpoll.cli.replies import ErrorReply
from redpoll.cli.scan_modes import Sampler, ScanFailed, call, name_of
from redpoll.cli.session import Session

# The command that tells the size of a type, and the size's unit.
SIZES = {
    b"string": ([b"STRLEN"], "bytes"),
    b"list": ([b"LLEN"], "items"),
    b"set": ([b"SCARD"], "members"),
    b"hash": ([b"HLEN"], "fields"),
    b"zset": ([b"ZCARD"], "members"),
    b"stream": ([b"XLEN"], "entries"),
}
_REPORTED_EVERY = 1_000_000


class TypeTotals:
    """Sums of one type, and its largest key."""

    def __init__(self, name: bytes, unit: str) -> None:
        self.name = name.decode("utf-8", "replace")
        self.unit = unit
        self.count = self.size = self.biggest = 0
        self.biggest_key: bytes | None = None


def find_big_keys(session: Session) -> int:
    """Find the keys with the most elements."""
    return _find(session, "biggest", by_memory=False)


def find_large_keys(session: Session) -> int:
    """Find the keys with the most bytes."""
    return _find(session, "biggest", by_memory=True)


def introduction(what: str) -> bytes:
    """Return the lines that such a mode begins with."""
    return (
        f"\n# Scanning the entire keyspace to find {what} keys as well as\n"
        "# average sizes per key type.  You can use -i 0.1 to sleep 0.1 sec\n"
        "# per 100 SCAN commands (not usually needed).\n\n"
    ).encode()


def _find(session: Session, what: str, *, by_memory: bool) -> int:
    totals = {name: TypeTotals(name, "bytes" if by_memory else unit) for name, (_, unit) in SIZES.items()}
    try:
        sampler = Sampler(session)
        session.write(introduction(what))
        progress = Progress(session.out)
        for keys in sampler.pages():
            _take_page(session, sampler, progress, totals, keys, by_memory)
        progress.close()
    except ScanFailed as failure:
        session.tell(str(failure))
        return 1
    _summarize(session, sampler, totals)
    return 0


def types_of(session: Session, keys: list[bytes]) -> list[bytes]:
    """Return the types of keys."""
    types = many(session, [[b"TYPE", key] for key in keys])
    for key, kind in zip(keys, types, strict=True):
        if isinstance(kind, ErrorReply):
            raise ScanFailed(f"TYPE error: {kind.decode('utf-8', 'replace')} ({name_of(session, key).decode()})")
    return types


def sizes_of(session: Session, keys: list[bytes], types: list[bytes], *, by_memory: bool) -> list[int]:
    """Return the sizes of keys; one that went away or changed its type counts nothing."""
    requests = [_size_request(session, key, kind, by_memory) for key, kind in zip(keys, types, strict=True)]
    asked = [request for request in requests if request]
    replies = iter(many(session, asked))
    sizes = []
    for key, request in zip(keys, requests, strict=True):
        reply = next(replies) if request else 0
        if isinstance(reply, ErrorReply):
            name = name_of(session, key).decode()
            command = (request or [b""])[0].decode()
            session.tell(f"Warning:  {command} on '{name}' failed (may have changed type)")
        sizes.append(reply if isinstance(reply, int) else 0)
    return sizes


def many(session: Session, requests: list[list[bytes]]) -> list:
    """Send requests at once and return their replies."""
    if not requests:
        return []
    if session.connection is None:
        call(session, [b"PING"])
    assert session.connection is not None
    replies = session.connection.call_many(requests)
    if any(isinstance(reply, ErrorReply) and reply.code == b"MOVED" for reply in replies):
        # A replica of a cluster shows its keys, but speaks of them only to those who say that they just read.
        session.connection.call(b"READONLY")
        replies = session.connection.call_many(requests)
    return replies


def _size_request(session: Session, key: bytes, kind: bytes, by_memory: bool) -> list[bytes] | None:
    if kind == b"none":
        return None
    if by_memory:
        samples = session.options.memory_samples
        return [b"MEMORY", b"USAGE", key, *([b"SAMPLES", b"%d" % samples] if samples else [])]
    return [*SIZES[kind][0], key] if kind in SIZES else None


def _take_page(
    session: Session, sampler: Sampler, progress: Progress, totals: dict, keys: list, by_memory: bool
) -> None:
    types = types_of(session, keys)
    sizes = sizes_of(session, keys, types, by_memory=by_memory)
    for key, kind, size in zip(keys, types, sizes, strict=True):
        if kind == b"none":
            continue
        total = totals.setdefault(bytes(kind), TypeTotals(kind, "bytes" if by_memory else "?"))
        sampler.count(key)
        total.count += 1
        total.size += size
        if size > total.biggest:
            total.biggest, total.biggest_key = size, key
            name = name_of(session, key).decode()
            progress.print(
                f"[{sampler.percent:05.2f}%] Biggest {total.name:<6} found so far '{name}' with {size} {total.unit}\n"
            )
        if sampler.sampled % _REPORTED_EVERY == 0:
            progress.print(f"[{sampler.percent:05.2f}%] Sampled {sampler.sampled} keys so far\n")
    progress.show(sampler.percent, sampler.told())


def _summarize(session: Session, sampler: Sampler, totals: dict[bytes, TypeTotals]) -> None:
    lines = ["\n-------- summary -------\n\n"]
    if sampler.cancelled:
        lines.append(f"[{sampler.percent:05.2f}%] ")
    lines.append(f"Sampled {sampler.sampled} keys in the keyspace!\n")
    average = sampler.bytes_of_names / sampler.sampled if sampler.sampled else 0.0
    lines.append(f"Total key length in bytes is {sampler.bytes_of_names} (avg len {average:.2f})\n\n")
    for total in totals.values():
        if total.biggest_key is not None:
            name = name_of(session, total.biggest_key).decode()
            lines.append(f"Biggest {total.name:>6} found '{name}' has {total.biggest} {total.unit}\n")
    lines.append("\n")
    for total in totals.values():
        share = 100 * total.count / sampler.sampled if sampler.sampled else 0.0
        average = total.size / total.count if total.count else 0.0
        lines.append(
            f"{total.count} {total.name}s with {total.size} {total.unit} "
            f"({share:05.2f}% of keys, avg size {average:.2f})\n"
        )
    session.write("".join(lines).encode())
