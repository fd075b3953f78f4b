"""BACKUP: copies of the data, taken while the server goes on; `call.server.persistence.backup` makes them."""

from typing import Any

from redpoll import errors
from redpoll.commands.declare import command, container
from redpoll.commands.flags import ADMIN, NOSCRIPT, STALE
from redpoll.errors import CommandError
from redpoll.wire.values import NO_REPLY

container("BACKUP", group="server", since="8.10.0", summary="Make copies of the data.", arity=2)


@command("BACKUP START", group="server", since="8.10.0", flags=ADMIN | NOSCRIPT, complexity="O(1)")
def backup_start(call: Any) -> str:
    """Begin a backup, with a snapshot that is taken now."""
    call.server.persistence.backup.start()
    return "OK"


@command("BACKUP SEAL", group="server", since="8.10.0", flags=ADMIN | NOSCRIPT, complexity="O(1)")
def backup_seal(call: Any) -> Any:
    """End a backup, with all changes until now."""
    backup = call.server.persistence.backup
    client = call.connection.id
    if client not in backup.sealers:
        backup.seal()
    if backup.sealing:
        backup.sealers.add(client)
        if call.wait_for_time(0, lambda: "OK", 1):
            return NO_REPLY
        backup.seal_now()
    backup.sealers.discard(client)
    if backup.state != "sealed":
        raise CommandError(errors.backup_failed(backup.error))
    return "OK"


@command("BACKUP ABORT", group="server", since="8.10.0", flags=ADMIN | NOSCRIPT, complexity="O(1)")
def backup_abort(call: Any) -> str:
    """Give up a backup that is not sealed yet."""
    call.server.persistence.backup.abort()
    return "OK"


@command("BACKUP CLEANUP", group="server", since="8.10.0", flags=ADMIN | NOSCRIPT, complexity="O(1)")
def backup_cleanup(call: Any) -> str:
    """Remove the files of a backup that is sealed or failed."""
    call.server.persistence.backup.clean_up()
    return "OK"


@command("BACKUP STATUS", group="server", since="8.10.0", flags=ADMIN | STALE, complexity="O(1)")
def backup_status(call: Any) -> dict[bytes, bytes]:
    """Return how far a backup has come."""
    backup = call.server.persistence.backup
    return {
        b"state": backup.state.encode(),
        b"error": backup.error.encode(),
        b"start_time": b"%d" % backup.started_s,
        b"end_time": b"%d" % backup.ended_s,
    }


@command("BACKUP LIST", group="server", since="8.10.0", flags=ADMIN | STALE, complexity="O(1)")
def backup_list(call: Any) -> list[bytes]:
    """Return the paths of a backup's files that will not change any more."""
    return [str(path).encode("utf-8", "surrogateescape") for path in call.server.persistence.backup.pinned]
