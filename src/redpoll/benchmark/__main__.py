"""`redpoll-benchmark`: reads the options, makes the load, prints what came of it."""

from __future__ import annotations

import signal
import sys

from redpoll.benchmark.options import Options, Stop, read_options


def main(arguments: list[str] | None = None) -> int:
    """Run the command line (by default this process's); returns the exit code."""
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    words = sys.argv[1:] if arguments is None else arguments
    try:
        options = read_options(words, lambda line: print(line, file=sys.stderr, flush=True))
        return _run(options)
    except Stop as stop:
        print(stop.text, end="", file=sys.stderr if stop.code and not stop.to_output else sys.stdout, flush=True)
        return stop.code


def _run(options: Options) -> int:
    from redpoll.benchmark.session import Session
    from redpoll.benchmark.target import Refused

    if options.last_from_input:
        options.last_word = sys.stdin.buffer.read()
    try:
        return Session(options).run()
    except Refused as refused:
        print(refused, file=sys.stderr, flush=True)
        return 1


if __name__ == "__main__":
    sys.exit(main())
