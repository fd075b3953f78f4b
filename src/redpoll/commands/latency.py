"""LATENCY: read the latency monitor at `call.server.latency`, and every command's histogram.

`call.server.commands` maps names to command statistics: `name` (`get`, `config|set`), `calls`,
`histogram()` (upper bounds in microseconds with cumulative counts) and `subcommands`, a mapping
that is empty for all but containers. `call.server.latency_report(unix_time)` is the doctor's text.
"""

from typing import Any

from redpoll import errors
from redpoll.commands.declare import command, container
from redpoll.commands.flags import ADMIN, LOADING, NOSCRIPT, STALE
from redpoll.errors import CommandError
from redpoll.wire import values

container("LATENCY", group="server", since="2.8.13", summary="Find out when and why the server was slow.")


@command(
    "LATENCY LATEST",
    group="server",
    flags=ADMIN | NOSCRIPT | LOADING | STALE,
    complexity="O(1)",
    tips="nondeterministic_output request_policy:all_nodes response_policy:special",
    since="2.8.13",
)
def latency_latest(call: Any) -> list[list[Any]]:
    """Return the latest spike of every event."""
    return [
        [spike.event.encode(), spike.unix_time, spike.latest, spike.maximum] for spike in call.server.latency.latest()
    ]


@command(
    "LATENCY HISTORY event",
    group="server",
    flags=ADMIN | NOSCRIPT | LOADING | STALE,
    complexity="O(1)",
    tips="nondeterministic_output request_policy:all_nodes response_policy:special",
    since="2.8.13",
)
def latency_history(call: Any) -> list[list[int]]:
    """Return an event's spikes as pairs of time and milliseconds."""
    return [list(sample) for sample in call.server.latency.history(_event(call.args[2]))]


@command(
    "LATENCY RESET [event [event ...]]",
    group="server",
    flags=ADMIN | NOSCRIPT | LOADING | STALE,
    complexity="O(1)",
    tips="request_policy:all_nodes response_policy:agg_sum",
    since="2.8.13",
)
def latency_reset(call: Any) -> int:
    """Forget all events, or those named; return how many there were."""
    names = call.args[2:]
    count: int = call.server.latency.reset(map(_event, names) if names else None)
    return count


@command(
    "LATENCY GRAPH event",
    group="server",
    flags=ADMIN | NOSCRIPT | LOADING | STALE,
    complexity="O(1)",
    tips="nondeterministic_output request_policy:all_nodes response_policy:special",
    since="2.8.13",
)
def latency_graph(call: Any) -> values.Verbatim:
    """Return an event's spikes drawn as a bar graph."""
    event = _event(call.args[2])
    drawing = call.server.latency.graph(event, call.now_ms // 1000)
    if drawing is None:
        raise CommandError(errors.no_samples(event))
    return values.Verbatim(drawing.encode(errors="surrogateescape"))


@command(
    "LATENCY DOCTOR",
    group="server",
    flags=ADMIN | NOSCRIPT | LOADING | STALE,
    complexity="O(1)",
    tips="nondeterministic_output request_policy:all_nodes response_policy:special",
    since="2.8.13",
)
def latency_doctor(call: Any) -> values.Verbatim:
    """Return a diagnosis of the spikes with advice."""
    return values.Verbatim(call.server.latency_report(call.now_ms // 1000).encode())


@command(
    "LATENCY HISTOGRAM [command [command ...]]",
    group="server",
    flags=ADMIN | NOSCRIPT | LOADING | STALE,
    complexity="O(N) where N is the number of commands shown",
    tips="nondeterministic_output request_policy:all_nodes response_policy:special",
    since="7.0.0",
)
def latency_histogram(call: Any) -> values.Map:
    """Return how the durations of commands are distributed, of all or those named that have run."""
    commands = call.server.commands
    names = call.args[2:]
    asked = filter(None, (_lookup(commands, name) for name in names)) if names else commands.values()
    return values.Map(
        (command.name.encode(), {b"calls": command.calls, b"histogram_usec": dict(command.histogram())})
        for family in asked
        for command in (family, *family.subcommands.values())
        if command.calls
    )


def _event(word: bytes) -> str:
    return word.decode(errors="surrogateescape")


def _lookup(commands: Any, name: bytes) -> Any:
    """The command called `get`, `config` or `config|set`, or None."""
    container, _, subcommand = name.decode(errors="replace").lower().partition("|")
    found = commands.get(container)
    return found.subcommands.get(subcommand) if found is not None and subcommand else found
