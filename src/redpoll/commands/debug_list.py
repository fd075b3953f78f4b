"""DEBUG on lists: how they are stored."""

from typing import Any

import redpoll.engine.list as engine_list
from redpoll import errors
from redpoll.commands.debug import OBJECT_DETAILS, subcommand
from redpoll.errors import CommandError

_LARGEST_THRESHOLD = (1 << 32) - (1 << 20)
_UNITS = {"": 1, "b": 1, "k": 10**3, "kb": 1 << 10, "m": 10**6, "mb": 1 << 20, "g": 10**9, "gb": 1 << 30}


def _object_details(db: Any, key: bytes) -> str:
    """What DEBUG OBJECT adds for a quicklist."""
    shape = engine_list.shape(db, key)
    if shape is None:
        return ""
    compressed = int(shape["depth"] != 0)
    return (
        f" ql_nodes:{shape['nodes']} ql_avg_node:{shape['elements'] / shape['nodes']:.2f} "
        f"ql_listpack_max:{shape['fill']} ql_compressed:{compressed} ql_uncompressed_size:{shape['bytes']}"
    )


OBJECT_DETAILS.append(_object_details)


@subcommand("LISTPACK <key>", least=1)
def _listpack(call: Any, key: bytes) -> str:
    """Write how a listpack is made to the log."""
    found = call.db.describe(key)
    if found is None:
        raise CommandError(errors.NO_SUCH_KEY)
    if found["encoding"] != "listpack":
        raise CommandError(errors.NOT_A_LISTPACK)
    call.server.log.debug(f"DEBUG LISTPACK {key!r}: {call.db.contents(key)[1]}")
    return "Listpack structure printed on stdout"


@subcommand("QUICKLIST <key> [<0|1>]", least=1, most=2)
def _quicklist(call: Any, key: bytes, *_full: bytes) -> str:
    """Write how a quicklist is made to the log."""
    if call.db.describe(key) is None:
        raise CommandError(errors.NO_SUCH_KEY)
    shape = engine_list.shape(call.db, key)
    if shape is None:
        raise CommandError(errors.NOT_A_QUICKLIST)
    call.server.log.debug(f"DEBUG QUICKLIST {key!r}: {shape}")
    return "Quicklist structure printed on stdout"


@subcommand("QUICKLIST-PACKED-THRESHOLD <size>", least=1)
def _quicklist_packed_threshold(_call: Any, text: bytes) -> str:
    """Have elements of this size be nodes of their own; 0: as the size of nodes says."""
    word = text.decode("latin-1")
    digits = word.rstrip("bBkKmMgG")
    unit = _UNITS.get(word[len(digits) :].lower())
    if unit is None or not digits.isdecimal() or int(digits) * unit > _LARGEST_THRESHOLD:
        raise CommandError(errors.PACKED_THRESHOLD)
    engine_list.use_packed_threshold(int(digits) * unit)
    return "OK"
