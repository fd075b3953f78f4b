"""`--vset-recall`: how many of the true neighbours the index of a vector set finds.

Each query is a mixture, by chance, of some elements' vectors. It is answered twice: by the index (EF says how hard
it looks), and by a comparison with all elements (TRUTH). The recall is the share of the second answer that is in the
first.
"""

from __future__ import annotations

import random
import signal
import statistics
import struct

from redpoll.cli.progress import Progress
from redpoll.cli.replies import ConnectionLost, ErrorReply, ProtocolError
from redpoll.cli.session import Session

_THRESHOLDS = (0.0, 50.0, 60.0, 70.0, 80.0, 85.0, 90.0, 95.0, 99.0, 100.0)


class _Refused(Exception):
    """The server does not answer as it should; the text says why."""


def test_recall(session: Session) -> int:
    """Query until Ctrl-C (`-r` says how often), then tell of recalls; returns the exit code."""
    options = session.options
    try:
        dimension = _ask(session, [b"VDIM", options.vector_set])
    except _Refused:
        dimension = None
    if not isinstance(dimension, int) or dimension <= 0:
        session.tell(f"Error: Cannot get dimension for key {_text(options.vector_set)}")
        return 1
    session.write(
        f"\n# Testing recall for vector set: {_text(options.vector_set)} (dimension: {dimension})\n"
        f"# Mixing {options.recall_elements} random element vectors, top {options.recall_count} results, "
        f"EF={options.recall_effort}\n\n".encode("utf-8", "surrogateescape")
    )
    limit = options.repeat if options.repeat > 1 else 0
    try:
        recalls = _measure(session, limit)
    except _Refused as refused:
        session.tell(f"Error: {refused}")
        return 1
    session.write(report(recalls).encode())
    return 0


def _measure(session: Session, limit: int) -> list[float]:
    ended = False

    def end(*_: object) -> None:
        nonlocal ended
        ended = True

    recalls: list[float] = []
    before = signal.signal(signal.SIGINT, end)
    progress = Progress(session.out)
    try:
        while not ended and (not limit or len(recalls) < limit):
            recalls.append(_recall(session))
            share = 100 * len(recalls) / limit if limit else None
            progress.show(share, f"Queries: {len(recalls)} | Avg recall: {statistics.fmean(recalls):.2f}%")
    finally:
        progress.close()
        signal.signal(signal.SIGINT, before)
    return recalls


def _recall(session: Session) -> float:
    """Return the percentage that one query finds."""
    options = session.options
    elements = _array(session, [b"VRANDMEMBER", options.vector_set, b"%d" % options.recall_elements])
    vectors = [_array(session, [b"VEMB", options.vector_set, element]) for element in elements]
    vectors = [vector for vector in vectors if vector]
    if not vectors:
        raise _Refused("the vector set has no elements")
    wanted = [b"VSIM", options.vector_set, b"FP32", mixture(vectors), b"COUNT", b"%d" % options.recall_count]
    found = _array(session, [*wanted, b"EF", b"%d" % options.recall_effort])
    true = _array(session, [*wanted, b"TRUTH"])
    if not true:
        raise _Refused("the vector set has no elements")
    return 100 * len({*found} & {*true}) / len(true)


def mixture(vectors: list[list[bytes]]) -> bytes:
    """Return a vector between others, whose numbers are texts, as 32-bit floats, the least byte first."""
    weights = [1.0 - random.random() for _ in vectors]
    whole = sum(weights)
    mixed = [
        sum(weight * float(number) for weight, number in zip(weights, numbers, strict=True)) / whole
        for numbers in zip(*vectors, strict=True)
    ]
    return struct.pack(f"<{len(mixed)}f", *mixed)


def report(recalls: list[float]) -> str:
    """Return what is told of all queries."""
    average = statistics.fmean(recalls) if recalls else 0.0
    lines = [
        "",
        "====================================",
        "       Recall Test Results",
        "====================================",
        "",
        f"Total queries:   {len(recalls)}",
        f"Average recall:  {average:.2f}%",
        f"Mean recall:     {average:.2f}%",
        f"Median recall:   {statistics.median(recalls) if recalls else 0.0:.2f}%",
        f"StdDev:          {statistics.pstdev(recalls) if recalls else 0.0:.2f}%",
        f"Min recall:      {min(recalls, default=0.0):.2f}%",
        f"Max recall:      {max(recalls, default=0.0):.2f}%",
        "",
        "--- Recall Thresholds ---",
        "At least    % of queries",
        "--------    ------------",
    ]
    for threshold in _THRESHOLDS:
        reached = sum(recall >= threshold for recall in recalls)
        lines.append(f"{threshold:6.1f}%         {100 * reached / len(recalls) if recalls else 0.0:6.2f}%")
    return "\n".join(lines) + "\n"


def _array(session: Session, words: list[bytes]) -> list:
    reply = _ask(session, words)
    if isinstance(reply, ErrorReply):
        raise _Refused(_text(reply))
    return reply if isinstance(reply, list) else []


def _ask(session: Session, words: list[bytes]):
    try:
        return session.ask(*words)
    except (ConnectionLost, ProtocolError):
        session.disconnect()
        raise _Refused("I/O error") from None


def _text(data: bytes) -> str:
    return data.decode("utf-8", "surrogateescape")
