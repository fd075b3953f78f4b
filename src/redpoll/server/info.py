"""The text that `INFO` answers: sections of `field:value` lines, each ended by CRLF.

    # Section            one function registered by `section`, which yields (field, value) pairs
    field:value
                         an empty line between two sections
    # Next section

Sections come in the order of their registration, whatever order a client asks in. What they
read is one `InfoSource`. Its groups are plain objects whose attributes are named like the
fields; an attribute that a group lacks shows as its idle value, so that every field is there
before the feature behind it is.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple, Protocol, TypeAlias, TypeVar

Field: TypeAlias = tuple[str, object]
Table: TypeAlias = Sequence[tuple[str, int | float | str]]
FieldsFunction = TypeVar("FieldsFunction", bound=Callable[..., Iterable[Field]])


class CommandStatistics(Protocol):
    """A command's counters; `name` is `get`, or `config|set` of a subcommand."""

    name: str
    calls: int
    usec: int
    rejected_calls: int
    failed_calls: int
    subcommands: Mapping[str, "CommandStatistics"]

    def percentiles(self, wanted: Sequence[float]) -> Sequence[float]:
        """Durations in microseconds, one for each percentage."""


class DatabaseStatistics(Protocol):
    """Figures of one database that holds keys."""

    index: int
    keys: int
    expires: int
    avg_ttl: int
    """Milliseconds."""
    subexpiry: int
    """Hashes with fields that expire."""
    distributions: Mapping[str, Mapping[int, int]]
    """Sizes by kind (`strings_sizes`, `lists_items` …): lower bound, zero or a power of two → number of keys."""


class InfoSource(Protocol):
    """What the sections read."""

    now_us: int
    """Unix time in microseconds."""
    config: Any
    """Directives as attributes, `-` written `_`: `maxmemory`, `hz`, `cluster_enabled` …"""
    identity: Any
    """`redis_version`, `run_id`, `process_id`, `tcp_port`, `started_at` (Unix seconds) … and `listeners`."""
    clients: Any
    memory: Any
    """`used_memory`, `used_memory_rss`, `used_memory_peak` …; ratios, rests and human sizes derive from them."""
    persistence: Any
    stats: Any
    replication: Any
    """Fields, and `replicas`: objects with `ip`, `port`, `state`, `offset`, `lag`."""
    cpu: Any
    """Three `resource.getrusage` results: `process`, `children`, `main_thread`; `active_seconds` of the loop."""
    debug: Any
    commands: Mapping[str, CommandStatistics]
    error_counts: Mapping[str, int]
    databases: Sequence[DatabaseStatistics]
    """Those with keys, by index."""
    modules: Sequence[Any]
    """Objects with `name`, `version`, `api`, `filters`, `used_by`, `using`, `options`."""
    threads: Sequence[Any]
    """Objects with `clients`, `reads`, `writes`; the loop's own first."""
    engines: Sequence[Any]
    """Script engines: objects with `name`, `module`, `abi_version`, `used_memory`, `memory_overhead`."""
    cluster_fields: Iterable[Field]
    """What `CLUSTER INFO` tells; empty unless this is a node."""
    hotkeys: Any
    """Figures of hot key tracking, or None while there are none."""


class Section(NamedTuple):
    """How a section is shown, and when."""

    title: str
    fields: Callable[[Any], Iterable[Field]]
    default: bool
    """Shown by a bare `INFO`."""
    everything: bool
    """Shown by `INFO all`."""


SECTIONS: dict[str, Section] = {}


def section(
    title: str, *, name: str = "", default: bool = True, everything: bool = True
) -> Callable[[FieldsFunction], FieldsFunction]:
    """Register a function of an `InfoSource` as a section; clients ask for it by `name`, or `title` in lower case."""

    def register(fields: FieldsFunction) -> FieldsFunction:
        key = name or title.lower()
        if key in SECTIONS:
            raise ValueError(f"section {title!r} is registered twice")
        SECTIONS[key] = Section(title, fields, default, everything)
        return fields

    return register


def render(source: InfoSource, asked: Iterable[bytes] = ()) -> str:
    """The text of the sections asked for; unknown names are passed over."""
    names = {name.decode("latin-1").lower() for name in asked} or {"default"}
    whole = not names.isdisjoint(("all", "everything"))
    shown = [
        _render_section(found, source)
        for name, found in SECTIONS.items()
        if name in names or (whole and found.everything) or (found.default and "default" in names)
    ]
    return "\r\n".join(filter(None, shown))


def _render_section(found: Section, source: InfoSource) -> str:
    lines = [f"# {found.title}\r\n"]
    lines.extend(f"{name}:{_text(value)}\r\n" for name, value in found.fields(source))
    return "".join(lines)


def _text(value: object) -> str:
    if isinstance(value, bool):
        return "1" if value else "0"
    if isinstance(value, float):
        return f"{value:.2f}"
    return str(value)


def read(group: Any, table: Table) -> Iterator[Field]:
    """The fields of a table with a group's values, or idle ones."""
    for name, idle in table:
        yield name, getattr(group, name, idle)


def human(size: int) -> str:
    """A number of bytes in its largest unit: `512B`, `1.20M`, `23.54G`."""
    if size < 1024:
        return f"{size}B"
    scaled = float(size)
    for unit in "KMGTP":
        scaled /= 1024
        if scaled < 1024:
            return f"{scaled:.2f}{unit}"
    return f"{size}B"


def bound(size: int) -> str:
    """A power of two as a distribution shows it: `512`, `1K`, `2M`."""
    for unit in ("", "K", "M", "G", "T", "P"):
        if size < 1024:
            return f"{size}{unit}"
        size >>= 10
    return f"{size}E"


def percentage(part: int, whole: int) -> str:
    """`part` of `whole` with two decimals and a percent sign."""
    return f"{part * 100 / whole if whole else 0:.2f}%"


def ratio(part: int, whole: int) -> float:
    """`part / whole`, or 1 when there is nothing to compare with."""
    return part / whole if whole else 1.0


def safe(name: str) -> str:
    """A name that cannot be mistaken for the text around it."""
    return name.translate(_UNSAFE)


_UNSAFE = str.maketrans("#:\n\r", "____")
