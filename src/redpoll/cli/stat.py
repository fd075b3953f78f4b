"""`--stat`: a line of figures an interval."""

from __future__ import annotations

import time

from redpoll.cli.info import parse_info
from redpoll.cli.numbers import human_bytes, leading_integer
from redpoll.cli.replies import ConnectionLost, ErrorReply, ProtocolError
from redpoll.cli.session import Session

_HEADER = (
    b"------- data ------ --------------------- load -------------------- - child -\n"
    b"keys       mem      clients blocked requests            connections          \n"
)
_ROWS_A_HEADER = 20
_CHILDREN = {0: "", 1: "SAVE", 2: "AOF", 3: "SAVE+AOF", 4: "LOAD"}


def row(fields: dict[str, str], requests_before: int) -> tuple[str, int]:
    """Return a line of figures and the requests so far, which the next line is to be given (0 at first)."""

    def number(name: str) -> int:
        return leading_integer(fields.get(name, "0"))

    keys = sum(
        leading_integer(value.partition("keys=")[2])
        for name, value in fields.items()
        if name.startswith("db") and name[2:].isdigit()
    )
    requests = number("total_commands_processed")
    more = requests - requests_before if requests_before else 0
    loaded = f"{requests} (+{more})"
    child = number("rdb_bgsave_in_progress") | number("aof_rewrite_in_progress") << 1 | number("loading") << 2
    line = (
        f"{keys:<11d}{human_bytes(number('used_memory')):<8} {number('connected_clients'):<8d}"
        f"{number('blocked_clients'):<8d}{loaded:<19} {number('total_connections_received'):<12d}"
        f"{_CHILDREN.get(child, '')}\n"
    )
    return line, requests


def show_statistics(session: Session) -> int:
    """Print lines for ever (`-r` says how many)."""
    interval = session.options.interval or 1.0
    rows = requests = 0
    limit = session.options.repeat if session.options.repeat > 1 else 0
    while True:
        fields = _fetch(session)
        line, requests = row(fields, requests)
        session.write((_HEADER if rows % _ROWS_A_HEADER == 0 else b"") + line.encode())
        rows += 1
        if rows == limit:
            return 0
        time.sleep(interval)


def _fetch(session: Session) -> dict[str, str]:
    attempt = 0
    while True:
        try:
            reply = session.ask(b"INFO")
            if attempt:
                session.write(b"\r\x1b[0K")
            if isinstance(reply, ErrorReply):
                session.write(b"ERROR: %b\n" % reply)
                raise SystemExit(1)
            return parse_info(reply)
        except (ConnectionLost, ProtocolError):
            session.disconnect()
            attempt += 1
            session.write(b"\r\x1b[0KReconnecting... %d\r" % attempt)
            time.sleep(1)
