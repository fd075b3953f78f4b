"""One run of a load: connections are opened, threads started, and watched until they are done."""

from __future__ import annotations

import contextlib
import functools
import random
import resource
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from redpoll.benchmark.histogram import Histogram
from redpoll.benchmark.load import Plan, Worker
from redpoll.benchmark.requests import Requests
from redpoll.benchmark.target import Refused, Target
from redpoll.benchmark.templates import Unit

LOOK_SECONDS = 0.25
PLOT_SECONDS = 0.1  # a plot has more to show


@dataclass
class Load:
    """What is sent: units in an order, and how the report calls it."""

    title: str
    units: list[Unit]
    order: str = "always"
    weights: list[float] | None = None
    part_titles: list[str] = field(default_factory=list)
    before: list[list[bytes]] = field(default_factory=list)
    payload: int | None = None  # bytes that the report tells, if they are not the values'

    def requests(self, options) -> Requests:
        """Return it compiled."""
        return Requests(
            [(unit.text, unit.commands) for unit in self.units],
            [unit.places for unit in self.units],
            [unit.tags if options.cluster else [] for unit in self.units],
            self.order,
            self.weights,
            options.keys,
            options.sequential,
            options.zipf,
        )


@dataclass(frozen=True)
class Moment:
    """A look at a run: seconds since its start, and what was since the look before."""

    seconds: float
    rate: float
    mean_ms: float
    p50_ms: float
    p99_ms: float


@dataclass
class Result:
    """What came of a run. `seconds` is the time from the first request to the last reply.

    `absences` tells how often a thread of an open load stood still for a millisecond or more while it had requests to
    send, and `absent` for how many seconds in all: those are in no latency.
    """

    title: str
    seconds: float
    histogram: Histogram
    parts: list[tuple[str, Histogram]]
    moments: list[Moment]
    payload: int | None = None
    absences: int = 0
    absent: float = 0.0

    @property
    def requests(self) -> int:
        """How many commands were answered."""
        return self.histogram.count

    @property
    def rate(self) -> float:
        """Commands a second."""
        return self.requests / self.seconds if self.seconds > 0 else 0.0

    def ms(self, percentile: float) -> float:
        """Return a percentile in milliseconds."""
        return self.histogram.at(percentile) / 1e6


FILES_BESIDES = 64  # what the program itself has open, with room


def allow_files(count: int) -> None:
    """Raise this process's limit of open files to so many, as far as the system lets it."""
    least, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    if count > least:
        with contextlib.suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (count if most < 0 else min(count, most), most))


Progress = Callable[[str, int, float, float, float, float, float], None]


class Run:
    """A load on a target: `run` makes it."""

    def __init__(self, target: Target, load: Load, seed: int | None = None) -> None:
        self.target, self.load = target, load
        self.options = target.options
        self.seed = random.SystemRandom().getrandbits(63) if seed is None else seed
        self.workers: list[Worker] = []
        self.broken: OSError | None = None
        self.places: list[list] = []  # of each worker's connections: the node, or None

    def run(self, progress: Progress | None = None) -> Result:
        """Warm up if asked to, make the load, and return what came of it. Raises `Refused`."""
        if self.load.before:
            self.target.tell(self.load.before)
        self._open()
        options = self.options
        if options.warm_up:
            self._drive(Plan(None, options.warm_up, options.rate, options.corrected, len(self.workers)), progress, True)
        plan = Plan(options.requests, options.seconds, options.rate, options.corrected, len(self.workers))
        return self._drive(plan, progress, False)

    def _open(self) -> None:
        options, target = self.options, self.target
        compiled = self.load.requests(options)
        count = min(options.threads or 1, options.clients)
        nodes = target.places()
        allow_files(options.clients + FILES_BESIDES)
        self.places = [[] for _ in range(count)]
        self.workers = [
            Worker(
                compiled,
                options.pipeline,
                self.seed + 0x9E3779B97F4A7C15 * number & 0xFFFFFFFFFFFFFFFF,
                options.keep_alive,
                options.cluster,
                target.prefix(),
                len(target.greeting()),
                functools.partial(self._open_again, number),
            )
            for number in range(count)
        ]
        for number in range(options.clients):
            node = nodes[number % len(nodes)]
            self.places[number % count].append(node)
            self.workers[number % count].add(target.open_socket(node), self._tags(node))

    def _open_again(self, worker: int, index: int):
        return self.target.open_socket(self.places[worker][index])

    def _tags(self, node) -> bytes:
        from redpoll.benchmark.cluster import tags_of

        return tags_of(node) if node is not None else b""

    def _drive(self, plan: Plan, progress: Progress | None, warming: bool) -> Result:
        plan.start()
        threads = [
            threading.Thread(target=self._work, args=(worker, plan, number), daemon=True)
            for number, worker in enumerate(self.workers)
        ]
        begin = time.perf_counter()
        for thread in threads:
            thread.start()
        moments = self._watch(threads, begin, progress, warming)
        self._raise_failure()
        seconds = (max(worker.ended for worker in self.workers) - min(worker.begun for worker in self.workers)) / 1e9
        total = Histogram()
        for worker in self.workers:
            total.add(worker.histogram)
        parts = []
        for number, title in enumerate(self.load.part_titles):
            part = Histogram()
            for worker in self.workers:
                part.add(worker.parts[number])
            parts.append((title, part))
        absences = sum(worker.absences for worker in self.workers)
        absent = sum(worker.absent_ns for worker in self.workers) / 1e9
        return Result(self.load.title, seconds, total, parts, moments, self.load.payload, absences, absent)

    def _work(self, worker: Worker, plan: Plan, number: int) -> None:
        try:
            worker.run(plan, number)
        except OSError as error:
            self.broken = error
            plan.stop()

    def _watch(self, threads, begin: float, progress: Progress | None, warming: bool) -> list[Moment]:
        moments: list[Moment] = []
        before, looked = Histogram(), begin
        look = PLOT_SECONDS if self.options.plot else LOOK_SECONDS
        while any(thread.is_alive() for thread in threads):
            until = looked + look
            for thread in threads:
                thread.join(max(0.0, until - time.perf_counter()))
            now = time.perf_counter()
            if self.options.cluster and any(worker.moved for worker in self.workers):
                self._follow()
            if now - looked < look * 0.9 and moments:
                continue
            so_far = Histogram()
            for worker in self.workers:
                so_far.add(worker.histogram)
            lately = so_far.since(before)
            rate = lately.count / (now - looked)
            moments.append(Moment(now - begin, rate, lately.mean / 1e6, lately.at(50) / 1e6, lately.at(99) / 1e6))
            if progress and any(thread.is_alive() for thread in threads):
                title = f"Warming up {self.load.title}" if warming else self.load.title
                progress(title, so_far.count, now - begin, rate, so_far.count / (now - begin), lately.mean / 1e6,
                         so_far.mean / 1e6)  # fmt: skip
            before, looked = so_far, now
        return moments

    def _follow(self) -> None:
        # Slots have moved: every connection is told which ones its node has now.
        try:
            self.target.find_nodes()
        except Refused:
            return
        fresh = {(node.host, node.port): node for node in self.target.nodes}
        for worker, nodes in zip(self.workers, self.places, strict=True):
            for index, node in enumerate(nodes):
                if node is not None and (now := fresh.get((node.host, node.port))):
                    worker.set_tags(index, self._tags(now))

    def _raise_failure(self) -> None:
        if self.broken is not None:
            raise Refused(f"Error: {self.broken.strerror or self.broken}")
        for worker in self.workers:
            failure = worker.failure()
            if failure is None:
                continue
            kind, text = failure
            if kind == "error":
                raise Refused(f"Error from server: {text}")
            if kind == "protocol":
                raise Refused("Error: what came is not RESP")
            raise Refused(f"Error: {text or 'Server closed the connection'}")
