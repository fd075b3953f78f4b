"""`--replica`, and SYNC typed in a session: the data are dropped, the commands that follow are shown."""

from __future__ import annotations

import select

from redpoll.cli import render
from redpoll.cli.connection import Connection
from redpoll.cli.rdb import TransferFailed, begin_sync, payload, replconf
from redpoll.cli.replies import ConnectionLost, ProtocolError
from redpoll.cli.session import Session

_ACKNOWLEDGE = [b"REPLCONF", b"ACK", b"0"]
_ACKNOWLEDGE_SECONDS = 1.0


def be_replica(session: Session) -> int:
    """Show what a primary sends until Ctrl-C or the end of the connection."""
    connection = session.connection
    assert connection is not None
    try:
        replconf(connection, session.tell, "capa", "eof")
        replconf(connection, session.tell, "rdb-filter-only", "")
    except ConnectionLost:
        session.tell("Error writing to master")
        return 1
    return 0 if follow_primary(connection, session) else 1


def follow_primary(connection: Connection, session: Session, *, sent: bool = False) -> bool:
    """Read the data, then print each command as a row of CSV; False when the data did not come."""
    try:
        length, mark = begin_sync(connection, sent=sent)
        if mark:
            session.tell("SYNC with master, discarding bytes of bulk transfer until EOF marker...")
        else:
            session.tell(f"SYNC with master, discarding {length} bytes of bulk transfer...")
        dropped = sum(map(len, payload(connection, length, mark)))
    except TransferFailed as failure:
        session.tell(str(failure))
        return False
    except ConnectionLost:
        session.tell("Error reading RDB payload while SYNCing")
        return False
    after = f" after {dropped + len(mark)} bytes" if mark else ""
    session.tell(f"SYNC done{after}. Logging commands from master.")
    try:
        if mark:
            session.tell("sending REPLCONF ACK 0")
            connection.send(_ACKNOWLEDGE)
        while True:
            if mark:
                _acknowledge_until_more(connection)
            session.write(render.csv(connection.read_any()) + b"\n")
    except (ConnectionLost, ProtocolError):
        session.tell("Error: Server closed the connection")
    return True


def _acknowledge_until_more(connection: Connection) -> None:
    """Wait for bytes, and say once a second how far we are.

    A file without a length has to be acknowledged before anything follows it; and a server that has not yet taken note
    that the file is through forgets what it is told.
    """
    while not connection.waiting():
        if select.select([connection.socket], [], [], _ACKNOWLEDGE_SECONDS)[0]:
            return
        connection.send(_ACKNOWLEDGE)
