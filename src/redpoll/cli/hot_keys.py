"""`--hotkeys`: the keys that are asked for most, where an LFU policy counts that."""

from __future__ import annotations

import bisect

from redpoll.cli.big_keys import introduction, many
from redpoll.cli.progress import Progress
from redpoll.cli.replies import ErrorReply
from redpoll.cli.scan_modes import Sampler, ScanFailed, name_of
from redpoll.cli.session import Session


def find_hot_keys(session: Session) -> int:
    """Find the keys with the highest counters of use."""
    hottest: list[tuple[int, bytes]] = []
    try:
        sampler = Sampler(session)
        session.write(introduction("hot"))
        progress = Progress(session.out)
        for keys in sampler.pages():
            counters = many(session, [[b"OBJECT", b"FREQ", key] for key in keys])
            for key, counter in zip(keys, counters, strict=True):
                sampler.count(key)
                _take(session, sampler, progress, hottest, key, counter)
            progress.show(sampler.percent, sampler.told())
        progress.close()
    except ScanFailed as failure:
        session.tell(str(failure))
        return 1
    lines = ["\n-------- summary -------\n\n"]
    if sampler.cancelled:
        lines.append(f"[{sampler.percent:05.2f}%] ")
    lines.append(f"Sampled {sampler.sampled} keys in the keyspace!\n")
    for counter, key in reversed(hottest):
        lines.append(f"hot key found with counter: {counter}\tkeyname: {name_of(session, key).decode()}\n")
    session.write("".join(lines).encode())
    return 0


def _take(session: Session, sampler: Sampler, progress: Progress, hottest: list, key: bytes, counter) -> None:
    if counter is None:  # it went away meanwhile
        return
    if isinstance(counter, ErrorReply):
        raise ScanFailed(f"Error: {counter.decode('utf-8', 'replace')}")
    kept = session.options.hot_keys_count
    if len(hottest) >= kept and (not hottest or counter <= hottest[0][0]):
        return
    if len(hottest) >= kept:
        del hottest[0]
    hottest.insert(bisect.bisect_left(hottest, (counter, b"")), (counter, key))
    name = name_of(session, key).decode()
    progress.print(f"[{sampler.percent:05.2f}%] Hot key '{name}' found so far with counter {counter}\n")
