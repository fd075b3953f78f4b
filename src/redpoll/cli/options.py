"""The command line's options, read as scripts for `redis-cli` expect.

Options come first, each a word of its own (`-p 6379`, never `-p6379` or `--port=6379`); the first word that begins
with no dash ends them, and it and all that follows is the command. So this is a table and a loop, not argparse.
"""

from __future__ import annotations

import os
import sys

from redpoll.cli import connection_options, render
from redpoll.cli.connection_options import ConnectionOptions
from redpoll.cli.numbers import leading_float, leading_integer
from redpoll.cli.quoting import UnbalancedQuotes, unquote
from redpoll.cli.uri import InvalidUri, parse_uri


class Options(ConnectionOptions):
    """What the command line says; attributes that it does not name have the values here."""

    ask_password = False
    auth_warning = True
    client_name: bytes | None = None
    resp2 = False
    resp3_by_format = False  # JSON wants maps, but does without

    repeat = 1
    interval = 0.0  # seconds
    form = ""
    element_delimiter = b"\n"
    reply_delimiter = b"\n"
    show_pushes: bool | None = None
    quoted_input = False
    last_from_input = False
    tag_from_input: bytes | None = None
    exit_with_errors = False
    redirecting = False
    verbose = False
    confirming: bool | None = None  # whether dangerous commands are asked about

    mode = ""  # one of the modes of __main__, or "" for a command or a session
    history_of_latency = False
    percentiles: list[str] = []  # noqa: RUF012 # replaced, never changed
    hot_keys_count = 16
    monochrome = False
    pattern: bytes | None = None
    memory_samples = 0
    scan_count = 0
    cursor = 0
    top = 10
    lru_keys = 0
    vector_set = b""
    recall_count = 100
    recall_effort = 500
    recall_elements = 1
    seconds = 0
    file = ""
    functions_only = False
    pipe_timeout = 30
    script = ""
    debugging = False
    debugging_blocks = False

    cluster_command = ""
    cluster_arguments: list[str] = []  # noqa: RUF012 # replaced, never changed
    cluster_copy = False
    cluster_from = ""
    cluster_from_ask = False
    cluster_from_password: str | None = None
    cluster_from_user: str | None = None
    cluster_master_id = ""
    cluster_only_masters = False
    cluster_only_replicas = False
    cluster_pipeline = 10
    cluster_replace = False
    cluster_replica = False
    cluster_replicas = 0
    cluster_search_owners = False
    cluster_simulate = False
    cluster_slots = 0
    cluster_atomic = False
    cluster_threshold = 2.0
    cluster_timeout = 0  # milliseconds; 0 is what fits
    cluster_to = ""
    cluster_unreachable = False
    cluster_use_empty = False
    cluster_weights: list[str] | None = None
    cluster_yes = False

    words: list[bytes] = []  # noqa: RUF012 # replaced, never changed


class Stop(Exception):
    """Nothing is to be run: print `text` and leave with `code`; an error goes to the error output."""

    def __init__(self, text: str, code: int) -> None:
        super().__init__(text)
        self.text, self.code = text, code


def read_percentiles(text: str) -> list[str]:
    """Return the percentiles of a list, as they were written. Raises `Stop`."""
    labels = text.split(",")
    for label in labels:
        try:
            well = 0 <= float(label) <= 100
        except ValueError:
            well = False
        if not well:
            raise Stop(f"Invalid percentile '{label}': from 0 to 100 are wanted.\n", 1)
    return labels


def at_least_one(text: str) -> int:
    """Return the number that a text begins with, but none below 1."""
    return max(1, leading_integer(text))


_FLAGS: dict[str, dict[str, object]] = {
    **connection_options.FLAGS,
    "-x": {"last_from_input": True},
    "-2": {"resp2": True},
    "-4": {"family": 4},
    "-6": {"family": 6},
    "-c": {"redirecting": True},
    "-e": {"exit_with_errors": True},
    "--askpass": {"ask_password": True},
    "--no-auth-warning": {"auth_warning": False},
    "--raw": {"form": render.RAW},
    "--no-raw": {"form": render.STANDARD},
    "--csv": {"form": render.CSV},
    "--json": {"form": render.JSON, "resp3_by_format": True},
    "--quoted-json": {"form": render.QUOTED_JSON, "resp3_by_format": True},
    "--quoted-input": {"quoted_input": True},
    "--verbose": {"verbose": True},
    "--confirm": {"confirming": True},
    "--no-confirm": {"confirming": False},
    "--latency": {"mode": "latency"},
    "--latency-history": {"mode": "latency", "history_of_latency": True},
    "--latency-dist": {"mode": "latency-dist"},
    "--mono": {"monochrome": True},
    "--stat": {"mode": "stat"},
    "--scan": {"mode": "scan"},
    "--bigkeys": {"mode": "bigkeys"},
    "--memkeys": {"mode": "memkeys"},
    "--keystats": {"mode": "keystats"},
    "--hotkeys": {"mode": "hotkeys"},
    "--replica": {"mode": "replica"},
    "--slave": {"mode": "replica"},
    "--pipe": {"mode": "pipe"},
    "--ldb": {"debugging": True},
    "--ldb-sync-mode": {"debugging": True, "debugging_blocks": True},
    "--cluster-copy": {"cluster_copy": True},
    "--cluster-fix-with-unreachable-masters": {"cluster_unreachable": True},
    "--cluster-fix-with-unreachable-primaries": {"cluster_unreachable": True},
    "--cluster-from-askpass": {"cluster_from_ask": True},
    "--cluster-only-masters": {"cluster_only_masters": True},
    "--cluster-only-primaries": {"cluster_only_masters": True},
    "--cluster-only-replicas": {"cluster_only_replicas": True},
    "--cluster-replace": {"cluster_replace": True},
    "--cluster-search-multiple-owners": {"cluster_search_owners": True},
    "--cluster-simulate": {"cluster_simulate": True},
    "--cluster-slave": {"cluster_replica": True},
    "--cluster-replica": {"cluster_replica": True},
    "--cluster-use-atomic-slot-migration": {"cluster_atomic": True},
    "--cluster-use-empty-masters": {"cluster_use_empty": True},
    "--cluster-use-empty-primaries": {"cluster_use_empty": True},
    "--cluster-yes": {"cluster_yes": True},
}

# The attribute that a value goes to, how it is read, and what else it means.
_VALUES: dict[str, tuple] = {
    **connection_options.VALUES,
    "-t": ("timeout", leading_float),
    "-r": ("repeat", leading_integer),
    "-i": ("interval", leading_float),
    "-n": ("database", leading_integer),
    "--pass": ("password", os.fsencode),
    "--name": ("client_name", os.fsencode),
    "-X": ("tag_from_input", os.fsencode),
    "-d": ("element_delimiter", os.fsencode),
    "-D": ("reply_delimiter", os.fsencode),
    "--pattern": ("pattern", os.fsencode),
    "--count": ("scan_count", leading_integer),
    "--cursor": ("cursor", leading_integer),
    "--hotkeys-count": ("hot_keys_count", leading_integer),
    "--latency-percentiles": ("percentiles", read_percentiles, {"mode": "latency"}),
    "--top": ("top", leading_integer),
    "--memkeys-samples": ("memory_samples", leading_integer, {"mode": "memkeys"}),
    "--keystats-samples": ("memory_samples", leading_integer, {"mode": "keystats"}),
    "--lru-test": ("lru_keys", leading_integer, {"mode": "lru-test"}),
    "--vset-recall": ("vector_set", os.fsencode, {"mode": "vset-recall"}),
    "--vset-recall-count": ("recall_count", at_least_one),
    "--vset-recall-ef": ("recall_effort", at_least_one),
    "--vset-recall-ele": ("recall_elements", at_least_one),
    "--intrinsic-latency": ("seconds", leading_integer, {"mode": "intrinsic-latency"}),
    "--rdb": ("file", str, {"mode": "rdb"}),
    "--functions-rdb": ("file", str, {"mode": "rdb", "functions_only": True}),
    "--pipe-timeout": ("pipe_timeout", leading_integer),
    "--eval": ("script", str),
    "--cluster-from": ("cluster_from", str),
    "--cluster-from-pass": ("cluster_from_password", str),
    "--cluster-from-user": ("cluster_from_user", str),
    "--cluster-master-id": ("cluster_master_id", str),
    "--cluster-primary-id": ("cluster_master_id", str),
    "--cluster-pipeline": ("cluster_pipeline", leading_integer),
    "--cluster-replicas": ("cluster_replicas", leading_integer),
    "--cluster-slots": ("cluster_slots", leading_integer),
    "--cluster-threshold": ("cluster_threshold", leading_float),
    "--cluster-timeout": ("cluster_timeout", leading_integer),
    "--cluster-to": ("cluster_to", str),
}


def read_options(arguments: list[str], environment, warn) -> Options:
    """Read the command line (without the program's name). `warn(line)` tells; raises `Stop`."""
    options = Options()
    _read_place(options, environment)
    position = 0
    while position < len(arguments) and arguments[position].startswith("-"):
        position = _read_one(options, arguments, position, warn)
    _check(options, arguments, warn)
    options.words = [os.fsencode(word) for word in arguments[position:]]
    _read_environment(options, environment)
    return options


def _read_one(options: Options, arguments: list[str], position: int, warn) -> int:
    name = arguments[position]
    rest = arguments[position + 1 :]
    if name in _FLAGS:
        for attribute, value in _FLAGS[name].items():
            setattr(options, attribute, value)
        return position + 1
    if name in ("-v", "--version"):
        raise Stop(version_line(), 0)
    if name == "--help" or (name == "-h" and not rest):
        raise Stop(_usage(), 0)
    if name == "--cluster":
        return _read_cluster(options, rest, position + 1)
    if name == "--cluster-weight" and rest:
        return _read_weights(options, rest, position + 1)
    if not rest or not _read_value(options, name, rest[0], warn):
        raise Stop(f"Unrecognized option or bad number of args for: '{name}'\n", 1)
    return position + 2


def _read_value(options: Options, name: str, value: str, warn) -> bool:
    if name in _VALUES:
        attribute, read, *also = _VALUES[name]
        if name in ("--rdb", "--functions-rdb") and options.file and options.functions_only != (name != "--rdb"):
            raise Stop("Option --functions-rdb and --rdb are mutually exclusive.\n", 1)
        setattr(options, attribute, read(value))
        for other, meant in (also[0] if also else {}).items():
            setattr(options, other, meant)
        if name == "-p" and not 0 <= options.port <= 65535:
            raise Stop("Invalid server port.\n", 1)
    elif name == "-u":
        try:
            parse_uri(value, options)
        except InvalidUri as problem:
            raise Stop(f"{problem}\n", 1) from None
    elif name == "--quoted-pattern":
        try:
            options.pattern = unquote(os.fsencode(value))
        except UnbalancedQuotes:
            raise Stop("Invalid quoted string specified for --quoted-pattern.\n", 1) from None
    elif name == "--show-pushes":
        if value[:1] in "yYnN" and value:
            options.show_pushes = value[:1] in "yY"
        else:
            warn(f"Unknown --show-pushes value '{value}' (valid: '[y]es', '[n]o')")
    else:
        return False
    return True


def _read_cluster(options: Options, rest: list[str], position: int) -> int:
    if not rest or options.cluster_command:
        raise Stop(_usage(), 1)
    end = next((index for index, word in enumerate(rest) if word.startswith("-") and index), len(rest))
    options.cluster_command, options.cluster_arguments = rest[0], rest[1:end]
    options.mode = "cluster"
    return position + end


def _read_weights(options: Options, rest: list[str], position: int) -> int:
    if options.cluster_weights is not None:
        raise Stop("--cluster-weight may be given once; name all weights after it: --cluster-weight n1=w n2=w\n", 1)
    end = next((index for index, word in enumerate(rest) if word.startswith("-") or "=" not in word), len(rest))
    options.cluster_weights = rest[:end]
    return position + end


def _check(options: Options, arguments: list[str], warn) -> None:
    if options.socket and options.redirecting:
        raise Stop("Options -c and -s are mutually exclusive.\n", 1)
    if options.resp2 and options.resp3:
        raise Stop("Options -2 and -3 are mutually exclusive.\n", 1)
    if options.debugging and not options.script:
        hint = f"Try {sys.argv[0]} --help for more information.\n"
        raise Stop(f"Options --ldb and --ldb-sync-mode require --eval.\n{hint}", 1)
    if options.last_from_input and options.tag_from_input is not None:
        raise Stop("Options -x and -X are mutually exclusive.\n", 1)
    if options.password is not None and options.auth_warning:
        warn("Warning: Using a password with '-a' or '-u' option on the command line interface may not be safe.")


def _read_place(options: Options, environment) -> None:
    """What the environment says of the place; options say it anew."""
    options.host = environment.get("VALKEYCLI_HOST") or options.host
    if port := environment.get("VALKEYCLI_PORT"):
        options.port = leading_integer(port)
        if not 0 < options.port <= 65535:
            raise Stop("Invalid server port.\n", 1)


def _read_environment(options: Options, environment) -> None:
    for prefix in ("REDISCLI", "VALKEYCLI"):
        if options.password is None and (password := environment.get(f"{prefix}_AUTH")) is not None:
            options.password = os.fsencode(password)
        if environment.get(f"{prefix}_CLUSTER_YES") == "1":
            options.cluster_yes = True


def version_line() -> str:
    """Return what `--version` prints."""
    from redpoll.version import REDIS_VERSION, VERSION

    return f"redpoll-cli {VERSION} (redis-cli {REDIS_VERSION})\n"


def _usage() -> str:
    from redpoll.cli.usage import USAGE

    return version_line() + USAGE
