"""The process around the server: signals, daemon, pid file, supervisors, limits, and the machine's settings."""

import contextlib
import functools
import os
import resource
import signal
import socket
import sys
from collections.abc import Callable

from redpoll.server import clock

RESERVED_DESCRIPTORS = 32
_CPU_FLAGS = ("constant_tsc", "nonstop_tsc")


def daemonize() -> None:
    """Go on in the background, detached from the terminal; the caller's process ends here."""
    if os.fork():
        os._exit(0)
    os.setsid()
    null = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(null, descriptor)
    if null > 2:
        os.close(null)


def write_pid_file(path: str) -> None:
    """One line with the process id. Raises OSError."""
    with open(path, "w", encoding="ascii") as file:
        file.write(f"{os.getpid()}\n")


def remove_pid_file(path: str) -> None:
    """Remove it, if it is there."""
    with contextlib.suppress(OSError):
        os.unlink(path)


def notify_systemd(message: str) -> bool:
    """Tell systemd our state (`READY=1`, `STOPPING=1` …); whether there was one to tell."""
    path = os.environ.get("NOTIFY_SOCKET", "")
    if not path:
        return False
    if path.startswith("@"):
        path = "\0" + path[1:]
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sock:
        try:
            sock.sendto(message.encode(), path)
        except OSError:
            return False
    return True


def supervisor(wanted: str) -> str:
    """Which supervisor watches us, when `supervised` says `wanted`: `systemd`, `upstart` or `no`."""
    if wanted in ("systemd", "auto") and os.environ.get("NOTIFY_SOCKET"):
        return "systemd"
    if wanted in ("upstart", "auto") and os.environ.get("UPSTART_JOB"):
        return "upstart"
    return "no"


def raise_descriptor_limit(clients: int) -> int:
    """Make room for so many clients; returns how many there is room for."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = clients + RESERVED_DESCRIPTORS
    if soft == resource.RLIM_INFINITY or soft >= needed:
        return clients
    for wanted, ceiling in ((needed, max(hard, needed)), (min(needed, hard), hard)):
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, ceiling))
        except (ValueError, OSError):
            continue
        return min(clients, wanted - RESERVED_DESCRIPTORS)
    return max(1, soft - RESERVED_DESCRIPTORS)


def on_signals(stop: Callable[[signal.Signals], None]) -> None:
    """Call `stop` at TERM and INT."""

    def handle(number: int, _frame: object) -> None:
        stop(signal.Signals(number))

    signal.signal(signal.SIGTERM, handle)
    signal.signal(signal.SIGINT, handle)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    signal.signal(signal.SIGPIPE, signal.SIG_IGN)


class OomScore:
    """How willingly the kernel ends this process when memory is short: `oom-score-adj`."""

    def __init__(self, path: str = "/proc/self/oom_score_adj") -> None:
        self._path = path
        self._before: int | None = None  # as it was found; None as long as it is

    def use(self, mode: str, score: int) -> None:
        """Set it by `mode`: `no` as it was, `absolute` to the score, else to so much more. Raises `OSError`."""
        if mode == "no" and self._before is None:
            return
        if self._before is None:
            with open(self._path, encoding="ascii") as file:
                self._before = int(file.read())
        wanted = self._before if mode == "no" else score if mode == "absolute" else self._before + score
        with open(self._path, "w", encoding="ascii") as file:
            file.write(str(min(max(wanted, -1000), 1000)))


def title(
    template: str,
    *,
    address: str,
    mode: str = "",
    config_file: str = "",
    port: int = 0,
    tls_port: int = 0,
    unix_socket: str = "",
) -> str:
    """The process title that `proc-title-template` makes of these facts."""
    text = template
    for name, value in (
        ("{title}", "redpoll-server"),
        ("{listen-addr}", address),
        ("{server-mode}", mode),
        ("{config-file}", config_file),
        ("{port}", str(port)),
        ("{tls-port}", str(tls_port)),
        ("{unixsocket}", unix_socket),
    ):
        text = text.replace(name, value)
    return text.strip()


def set_title(text: str) -> None:
    """Show a text as this process's command line in `ps` and `top`, as far as it fits in place of the one there."""
    with contextlib.suppress(OSError, ValueError, IndexError):
        with open("/proc/self/stat", "rb") as file:
            fields = file.read().rpartition(b")")[2].split()
        # Fields 48 and 49 of proc(5): where the command line lies. The fields here begin with the third.
        start, end = int(fields[45]), int(fields[46])
        room = end - start - 1
        if room > 0:
            with open("/proc/self/mem", "r+b", buffering=0) as memory:
                memory.seek(start)
                memory.write(text.encode()[:room].ljust(room + 1, b"\0"))
    with contextlib.suppress(OSError), open("/proc/self/comm", "w", encoding="utf-8") as file:
        file.write("redpoll-server")


def counter_is_steady() -> bool:
    """Whether the processor's time-stamp counter runs at one rate on all cores, always, and the kernel trusts it."""
    if os.uname().machine == "aarch64":
        return True
    if _read("/sys/devices/system/clocksource/clocksource0/current_clocksource") not in ("tsc", ""):
        return False
    try:
        with open("/proc/cpuinfo", encoding="ascii", errors="replace") as file:
            for line in file:
                if line.startswith("flags"):
                    flags = line.split()
                    return all(flag in flags for flag in _CPU_FLAGS)
    except OSError:
        pass
    return False


@functools.cache
def calibrate_clock() -> None:
    """Have commands timed by the processor's counter, if it is steady; once a process, as that takes a while."""
    clock.calibrate(counter_is_steady())


def resident_bytes() -> int:
    """Memory that the process has resident."""
    try:
        with open("/proc/self/statm", "rb") as file:
            return int(file.read().split()[1]) * resource.getpagesize()
    except (OSError, ValueError, IndexError):
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def system_memory() -> int:
    """The machine's memory in bytes."""
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")


def _read(path: str) -> str:
    try:
        with open(path, encoding="ascii", errors="replace") as file:
            return file.read().strip()
    except OSError:
        return ""


def check_system(backlog: int = 511) -> list[tuple[str, bool, str]]:
    """What of the machine's settings matters here: (name, whether it is well, what it is and what to do)."""
    found = []
    somaxconn = _read("/proc/sys/net/core/somaxconn")
    if somaxconn:
        well = int(somaxconn) >= backlog
        found.append(
            (
                "listen-backlog",
                well,
                f"net.core.somaxconn is {somaxconn}; tcp-backlog asks for {backlog}"
                + ("" if well else f", which the kernel cuts. Raise it: sysctl -w net.core.somaxconn={backlog}"),
            )
        )
    steady = counter_is_steady()
    found.append(
        (
            "clock",
            steady,
            "the processor's time-stamp counter is steady; commands are timed with it"
            if steady
            else "the processor's time-stamp counter is not steady, so every command costs a call of clock_gettime",
        )
    )
    overcommit = _read("/proc/sys/vm/overcommit_memory")
    if overcommit:
        well = overcommit != "2"
        found.append(
            (
                "overcommit",
                well,
                f"vm.overcommit_memory is {overcommit}; nothing here forks to save, so 0 will do"
                if well
                else "vm.overcommit_memory is 2: memory that is only reserved counts, so growing tables may be refused",
            )
        )
    huge = _read("/sys/kernel/mm/transparent_hugepage/enabled")
    if huge:
        well = "[never]" not in huge
        found.append(
            (
                "huge-pages",
                well,
                "transparent huge pages can be had; they make random access faster"
                if well
                else "transparent huge pages are off; `madvise` in /sys/kernel/mm/transparent_hugepage/enabled makes "
                "large data sets faster (there is no fork here that they could slow)",
            )
        )
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    well = hard == resource.RLIM_INFINITY or hard >= 10_000 + RESERVED_DESCRIPTORS
    found.append(
        (
            "descriptors",
            well,
            f"up to {hard} open files" + ("" if well else ": too few for 10,000 clients; raise `ulimit -Hn`"),
        )
    )
    swap = _read("/proc/sys/vm/swappiness")
    if swap:
        found.append(
            ("swappiness", int(swap) <= 60, f"vm.swappiness is {swap}; memory that is swapped out stalls the loop")
        )
    return found


def python_command() -> str:
    """The program that runs this server."""
    return os.path.abspath(sys.executable)
