"""All of one call: the tests one after the other, their reports, and what comes before and after."""

from __future__ import annotations

import sys

from redpoll.benchmark import report
from redpoll.benchmark.loads import loads
from redpoll.benchmark.options import Options
from redpoll.benchmark.runner import Result, Run
from redpoll.benchmark.target import Target


class Session:
    """What the options ask for."""

    def __init__(self, options: Options) -> None:
        self.options = options
        self.target = Target(options)
        self.settings: report.Settings | None = None
        self._shown = 0  # letters of the line that the next one covers

    def run(self) -> int:
        """Do it; returns the exit code. Raises `Refused` and `Stop`."""
        options = self.options
        if options.cluster:
            self._meet_cluster()
        elif not options.idle:
            self.settings = report.Settings(self.target)
            if self.settings.problem:
                print(self.settings.problem, file=sys.stderr)
            if self.settings.host is None:
                print("WARNING: Could not fetch server CONFIG", file=sys.stderr)
        if not options.keep_alive:
            print(
                "WARNING: Keepalive disabled. You probably need 'echo 1 > /proc/sys/net/ipv4/tcp_tw_reuse' for Linux"
                " and 'sudo sysctl -w net.inet.tcp.msl=1000' for Mac OS X in order to use a lot of clients/requests",
                file=sys.stderr,
            )
        if options.idle:
            from redpoll.benchmark.idle import wait_idle

            return wait_idle(self.target)
        if options.versus:
            from redpoll.benchmark.versus import compare

            return compare(self)
        if options.csv:
            print(report.CSV_HEADER, flush=True)
        while True:
            results = [self._one(load) for load in loads(options)]
            if options.plot:
                from redpoll.benchmark.plot import write

                write(options.plot, results)
            if not options.loop:
                if not options.csv and not options.words and not options.mix:
                    print()
                return 0

    def _one(self, load) -> Result:
        options = self.options
        run = Run(self.target, load, options.seed)
        result = run.run(None if options.csv else self.show)
        if options.csv:
            print(report.row(result), flush=True)
        elif options.quiet:
            self.cover(report.quiet(result))
        else:
            self.cover(report.whole(result, options, self.settings))
        if result.parts and not options.csv:
            print(report.parts(result), flush=True)
        return result

    def show(self, title, count, seconds, rate, overall, mean, overall_mean) -> None:
        """Show how a test goes, over the line before."""
        line = report.progress(title, rate, overall, mean, overall_mean)
        print(line.ljust(self._shown), end="\r", flush=True)
        self._shown = len(line)

    def cover(self, text: str) -> None:
        """Print a text over the line that showed how it went."""
        first, newline, rest = text.partition("\n")
        print(first.ljust(self._shown) + newline + rest, flush=True)
        self._shown = 0

    def _meet_cluster(self) -> None:
        options = self.options
        self.target.find_nodes()
        print(f"Cluster has {len(self.target.nodes)} master nodes:\n")
        for number, node in enumerate(self.target.nodes):
            print(f"Master {number}: {node.name} {node.host}:{node.port}")
        print(flush=True)
        self.settings = report.Settings(self.target)
        if not options.threads:
            options.threads = self.target.options.threads = len(self.target.nodes)
