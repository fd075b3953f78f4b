"""The CONFIG command; what directives mean is in server/config."""

from typing import Any

from redpoll.commands.declare import command, container
from redpoll.commands.flags import ADMIN, LOADING, NOSCRIPT, STALE

container(
    "CONFIG",
    summary="Read and change the configuration.",
    group="server",
    since="2.0.0",
    complexity="Depends on the subcommand",
    help_since="5.0.0",
)


@command(
    "CONFIG GET parameter [parameter ...]",
    since="2.0.0",
    flags=ADMIN | NOSCRIPT | LOADING | STALE,
    complexity="O(N) where N is the number of patterns",
    history=(("7.0.0", "Takes several patterns."),),
)
def config_get(call: Any) -> dict[bytes, bytes]:
    """Return the parameters whose names match."""
    found: dict[bytes, bytes] = call.server.config.get(call.args[2:])
    return found


@command(
    "CONFIG RESETSTAT",
    since="2.0.0",
    flags=ADMIN | NOSCRIPT | LOADING | STALE,
    complexity="O(1)",
    tips="request_policy:all_nodes response_policy:all_succeeded",
)
def config_resetstat(call: Any) -> str:
    """Set the statistics of INFO back to zero."""
    call.server.reset_statistics()
    return "OK"


@command(
    "CONFIG REWRITE",
    since="2.8.0",
    flags=ADMIN | NOSCRIPT | LOADING | STALE,
    complexity="O(1)",
    tips="request_policy:all_nodes response_policy:all_succeeded",
)
def config_rewrite(call: Any) -> str:
    """Write the current configuration into the configuration file."""
    call.server.config.rewrite(call.server.access.owned_lines())
    call.server.log.notice("CONFIG REWRITE executed with success.")
    return "OK"


@command(
    "CONFIG SET parameter value [parameter value ...]",
    since="2.0.0",
    flags=ADMIN | NOSCRIPT | LOADING | STALE,
    complexity="O(N) where N is the number of parameters",
    tips="request_policy:all_nodes response_policy:all_succeeded",
    history=(("7.0.0", "Takes several parameters."),),
)
def config_set(call: Any) -> str:
    """Change parameters while the server runs."""
    server = call.server
    server.config.set(
        call.args[2:],
        local=server.clients.is_local(call.connection),
        loading=server.persistence.loading is not None,
    )
    return "OK"
