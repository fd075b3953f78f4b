"""What the server says first: a finch on a twig with the facts beside it, or one plain line."""

from redpoll.server.logs import Log
from redpoll.version import REDIS_VERSION, VERSION

_FINCH = """\
⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⢀
⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⢀⠔⠉⠛⢿⣿⣦⡀
⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⡠⠔⠁⠀⠀⠀⠀⠆⠈⣧⣄
⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⢀⠤⡋⠀⠀⡀⠀⠀⢀⠀⠐⡟⠁
⠀⠀⠀⠀⠀⠀⠀⠀⢀⢎⠁⣋⠤⠒⢉⠔⠁⠐⡊⠀⢰⠁
⠀⠀⠀⠀⠀⠀⢀⠴⠑⣉⠤⠒⢉⠕⠁⠀⣀⠚⢀⡠⠃
⠀⠀⠀⠀⠀⡠⠃⠀⣉⠤⠔⠊⠁⢠⠔⠈⣀⠤⠊
⠀⠀⠀⡠⠊⠤⠒⡪⠕⠉⠑⠒⠒⡎⠉⡏
⠶⡶⠊⠀⢀⠴⠿⠶⠶⠶⠶⠶⠶⠷⠶⠷⠶⠶⠶⠶⠶⠶⠶⠶⠶⠶
⠈⠉⣇⠜⠁
"""
_TEXT_COLUMN = 32
_TEXT_FIRST_LINE = 3


def announce(log: Log, *, mode: str, port: int, bits: int = 64, always: bool = False) -> None:
    """Show the banner to a person, and the plain line to a file."""
    if log.shows_logo(always):
        log.raw(banner(mode=mode, port=port, pid=log.pid, bits=bits))
    else:
        log.notice(f"Redpoll {VERSION} (speaks Redis {REDIS_VERSION}), mode={mode}, port={port}, PID: {log.pid}")


def banner(*, mode: str, port: int, pid: int, bits: int = 64) -> str:
    """The finch, and to its right version, mode, port and process."""
    facts = (
        f"Redpoll {VERSION} · {bits} bit",
        f"speaks Redis {REDIS_VERSION}",
        "",
        f"Mode: {mode}",
        f"Port: {port}",
        f"PID: {pid}",
    )
    lines = _FINCH.splitlines()
    for number, fact in enumerate(facts, _TEXT_FIRST_LINE):
        lines[number] = f"{lines[number].ljust(_TEXT_COLUMN)}{fact}".rstrip()
    return "\n" + "\n".join(lines) + "\n\n"
