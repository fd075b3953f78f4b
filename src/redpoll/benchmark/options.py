"""The options, read as scripts for `redis-benchmark` and `valkey-benchmark` expect.

As with those, each option is a word of its own, the first word without a dash (or what stands behind `--`) begins the
command, and numbers are read as C reads them. What is too large or too small is cut to what makes sense.
"""

from __future__ import annotations

import os

from redpoll.cli import connection_options
from redpoll.cli.connection_options import ConnectionOptions
from redpoll.cli.numbers import leading_float, leading_integer
from redpoll.cli.uri import InvalidUri, parse_uri

MOST_THREADS = 500
MOST_DATA = 1 << 30


class Options(ConnectionOptions):
    """What the command line says; attributes that it does not name have the values here."""

    tracking = False

    clients = 50
    requests: int | None = 100_000
    requests_given = False
    seconds = 0.0
    warm_up = 0.0
    data_size = 3
    threads = 0
    keep_alive = True
    keys = 0
    sequential = False
    pipeline = 1
    seed: int | None = None
    functions = 10
    function_keys = 1

    cluster = False
    read_from = "no"  # of a cluster: which nodes are read from, "no": primaries, "yes": replicas, "all"

    quiet = False
    csv = False
    loop = False
    tests: str | None = None
    idle = False
    last_from_input = False
    last_word: bytes | None = None  # what was read
    data_set = ""
    data_set_root = ""
    most_records = 0

    zipf = 0.0
    mix = ""
    rate = 0.0
    corrected = True
    versus = ""
    rounds = 3
    plot = ""

    words: list[bytes] = []  # noqa: RUF012 # replaced, never changed


class Stop(Exception):
    """Nothing is to be run: print `text`, errors to the error output unless `to_output`, and leave with `code`."""

    def __init__(self, text: str, code: int, *, to_output: bool = False) -> None:
        super().__init__(text)
        self.text, self.code, self.to_output = text, code, to_output


_FLAGS: dict[str, dict[str, object]] = {
    **connection_options.FLAGS,
    "--cluster": {"cluster": True},
    "--enable-tracking": {"tracking": True},
    "-q": {"quiet": True},
    "--csv": {"csv": True},
    "-l": {"loop": True},
    "-I": {"idle": True},
    "-x": {"last_from_input": True},
    "--sequential": {"sequential": True},
}


def _at_least(least: int, most: int | None = None):
    def read(text: str) -> int:
        value = max(least, leading_integer(text))
        return value if most is None else min(value, most)

    return read


# The attribute that a value goes to, and how it is read.
_VALUES: dict[str, tuple] = {
    **connection_options.VALUES,
    "-c": ("clients", _at_least(1)),
    "-n": ("requests", _at_least(0)),
    "--duration": ("seconds", leading_float),
    "--warmup": ("warm_up", leading_float),
    "-d": ("data_size", _at_least(1, MOST_DATA)),
    "--dbnum": ("database", leading_integer),
    "--threads": ("threads", _at_least(0)),
    "-k": ("keep_alive", lambda text: leading_integer(text) != 0),
    "-r": ("keys", _at_least(0, 10**12)),
    "-P": ("pipeline", _at_least(1)),
    "-t": ("tests", str),
    "--seed": ("seed", leading_integer),
    "--num-functions": ("functions", _at_least(1)),
    "--num-keys-in-fcall": ("function_keys", _at_least(0)),
    "--rfr": ("read_from", str),
    "--dataset": ("data_set", str),
    "--xml-root-element": ("data_set_root", str),
    "--maxdocs": ("most_records", _at_least(0)),
    "--zipf": ("zipf", leading_float),
    "--mix": ("mix", str),
    "--vs": ("versus", str),
    "--rounds": ("rounds", _at_least(1)),
    "--plot": ("plot", str),
}
_ELSEWHERE = {"--rdma": "RDMA", "--fuzz": "fuzzing", "--fuzz-mode": "fuzzing", "--fuzz-loglevel": "fuzzing"}


def read_options(arguments: list[str], warn) -> Options:
    """Read the command line (without the program's name). `warn(line)` tells; raises `Stop`."""
    options = Options()
    position = 0
    while position < len(arguments) and arguments[position].startswith("-"):
        if arguments[position] == "--":
            position += 1
            break
        position = _read_one(options, arguments, position, warn)
    options.words = [os.fsencode(word) for word in arguments[position:]]
    _check(options, warn)
    return options


def _read_one(options: Options, arguments: list[str], position: int, warn) -> int:
    name = arguments[position]
    if name in _FLAGS:
        for attribute, value in _FLAGS[name].items():
            setattr(options, attribute, value)
        return position + 1
    if name in ("-v", "--version"):
        raise Stop(version_line(), 0)
    if name == "--help":
        raise Stop(_usage(), 0)
    if name == "-e":
        warn("WARNING: -e option has no effect. We now immediately exit on error to avoid false results.")
        return position + 1
    if name in _ELSEWHERE:
        raise Stop(f"{name}: {_ELSEWHERE[name]} is a thing of valkey-benchmark alone.\n", 1)
    if position + 1 >= len(arguments) or not _read_value(options, name, arguments[position + 1], warn):
        raise Stop(f'Invalid option "{name}" or option argument missing\n\n{_usage()}', 1, to_output=True)
    return position + 2


def _read_value(options: Options, name: str, text: str, warn) -> bool:
    if name == "-u":
        try:
            parse_uri(text, options)
        except InvalidUri as problem:
            raise Stop(f"{problem}\n", 1) from None
        return True
    if name in ("--rps", "--rate"):
        options.rate, options.corrected = max(0.0, leading_float(text)), name == "--rate"
        return True
    if name == "--precision":
        return True  # three places are always told, as by those that take it for something else
    if name not in _VALUES:
        return False
    attribute, read = _VALUES[name]
    setattr(options, attribute, read(text))
    if name == "-n":
        options.requests_given = True
    if name == "--threads" and options.threads > MOST_THREADS:
        warn(f"WARNING: Too many threads, limiting threads to {MOST_THREADS}.")
        options.threads = MOST_THREADS
    return name != "--rfr" or text in ("no", "yes", "all")


def _check(options: Options, warn) -> None:
    if options.seconds:
        if options.requests_given:
            raise Stop("Options -n and --duration are mutually exclusive.\n", 1)
        options.requests = None
    if options.cluster and options.socket:
        raise Stop("Options --cluster and -s are mutually exclusive.\n", 1)
    if options.read_from != "no" and not options.cluster:
        raise Stop("Option --rfr needs --cluster.\n", 1)
    if options.zipf < 0 or (options.zipf and not options.keys):
        raise Stop("--zipf takes an exponent above 0, and needs a key space: -r\n", 1)
    if options.mix and (options.words or options.tests):
        raise Stop("--mix says what is asked: -t and a command have no place beside it.\n", 1)
    if options.last_from_input and not options.words:
        raise Stop("-x needs a command for its argument.\n", 1)


def version_line() -> str:
    """Return what `--version` prints."""
    from redpoll.version import REDIS_VERSION, VERSION

    return f"redpoll-benchmark {VERSION} (redis-benchmark {REDIS_VERSION})\n"


def _usage() -> str:
    from redpoll.benchmark.usage import USAGE

    return USAGE
