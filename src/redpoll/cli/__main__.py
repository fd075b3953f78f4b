"""`redpoll-cli`: reads the options and starts what they ask for."""

from __future__ import annotations

import os
import signal
import sys

from redpoll.cli import render
from redpoll.cli.options import Options, Stop, read_options

# What runs a mode: a module of this room and a function in it that takes the session and returns the exit code.
_MODES = {
    "latency": ("latency", "sample_latency"),
    "latency-dist": ("latency", "show_spectrum"),
    "intrinsic-latency": ("latency", "measure_machine"),
    "stat": ("stat", "show_statistics"),
    "scan": ("scan_modes", "list_keys"),
    "bigkeys": ("big_keys", "find_big_keys"),
    "memkeys": ("big_keys", "find_large_keys"),
    "keystats": ("key_stats", "show_key_statistics"),
    "hotkeys": ("hot_keys", "find_hot_keys"),
    "replica": ("replica", "be_replica"),
    "rdb": ("rdb", "fetch_rdb"),
    "pipe": ("pipe", "send_input"),
    "vset-recall": ("recall", "test_recall"),
    "lru-test": ("lru_test", "test_cache"),
}


def main(arguments: list[str] | None = None) -> int:
    """Run the command line (by default this process's); returns the exit code."""
    # As every filter: end quietly where nobody reads on, or at Ctrl-C.
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    words = sys.argv[1:] if arguments is None else arguments
    try:
        options = read_options(words, os.environ, lambda line: print(line, file=sys.stderr, flush=True))
    except Stop as stop:
        print(stop.text, end="", file=sys.stderr if stop.code else sys.stdout, flush=True)
        return stop.code
    if not options.form:
        on_terminal = sys.stdout.isatty() or "FAKETTY" in os.environ
        options.form = render.STANDARD if on_terminal else render.RAW
    if options.ask_password:
        options.password = ask_password("Please input password: ")
    return _run(options)


def ask_password(prompt: str) -> bytes:
    """Read a password from the terminal, or a line of the standard input."""
    if not sys.stdin.isatty():
        return sys.stdin.buffer.readline().rstrip(b"\n")
    from getpass import getpass

    return os.fsencode(getpass(prompt))


def _run(options: Options) -> int:
    if options.mode == "cluster":
        from redpoll.cli.cluster.command import run_cluster_command

        if options.cluster_from_ask:
            options.cluster_from_password = os.fsdecode(ask_password("Please input import source node password: "))
        return run_cluster_command(options)
    from redpoll.cli.session import Session

    session = Session(options)
    if options.mode == "intrinsic-latency":
        from redpoll.cli.latency import measure_machine

        return measure_machine(session)
    if options.mode:
        module, function = _MODES[options.mode]
        if not session.connect():
            return 1
        from importlib import import_module

        return getattr(import_module(f"redpoll.cli.{module}"), function)(session)
    if options.script:
        from redpoll.cli.eval_file import run_script

        return run_script(session, options.words)
    if options.words:
        from redpoll.cli.one_shot import run_one

        return run_one(session, options.words)
    signal.signal(signal.SIGPIPE, signal.SIG_IGN)
    if sys.stdin.isatty():
        signal.signal(signal.SIGINT, signal.default_int_handler)
        from redpoll.cli.interactive import run_interactive

        return run_interactive(session)
    from redpoll.cli.lines import run_lines

    return run_lines(session, sys.stdin.buffer)


if __name__ == "__main__":
    sys.exit(main())
