"""`make conformance`: run files of Redis's test suite against Redpoll, and write docs/conformance.md.

By default the suite starts Redpoll itself, in place of `redis-server`, so that tests with a
configuration of their own run too. `--external` runs it against one server that we start for each
file, as the suite's `--host` and `--port` do, which leaves out the tests that need more.
"""

import argparse
import os
import re
import signal
import socket
import subprocess
import sys
import time
import tomllib
from pathlib import Path

from conformance import source
from conformance.outcome import Outcome, table

ROOT = Path(__file__).parents[1]
REPORT = ROOT / "docs" / "conformance.md"
REASONS = Path(__file__).with_name("reasons.toml")
FILES = (
    "unit/type/string", "unit/type/incr", "unit/type/list", "unit/type/list-2", "unit/type/list-3", "unit/type/hash",
    "unit/type/set", "unit/type/zset", "unit/type/stream", "unit/type/stream-cgroups", "unit/hyperloglog", "unit/geo",
    "unit/bitops", "unit/bitfield", "unit/keyspace", "unit/expire", "unit/scan", "unit/sort", "unit/dump",
    "unit/protocol", "unit/querybuf", "unit/limits", "unit/introspection", "unit/introspection-2", "unit/info",
    "unit/info-command", "unit/slowlog", "unit/latency-monitor", "unit/obuf-limits", "unit/networking", "unit/quit",
    "unit/acl", "unit/acl-v2", "unit/auth", "unit/tls", "unit/violations", "unit/other", "unit/multi", "unit/pubsub",
    "unit/pubsubshard", "unit/tracking", "unit/functions", "unit/scripting", "unit/aofrw", "unit/lazyfree",
    "unit/maxmemory", "integration/rdb", "integration/aof", "unit/memefficiency", "unit/client-eviction",
    "integration/aof-multi-part", "integration/convert-zipmap-hash-on-load",
    "integration/convert-ziplist-hash-on-load", "integration/convert-ziplist-zset-on-load",
    "integration/corrupt-dump", "integration/corrupt-dump-fuzzer", "integration/logging",
    "integration/redis-benchmark",
)  # fmt: skip
# What the suite leaves out unless all its connections are encrypted.
TLS_FILES = ("unit/tls",)
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")
_LINE = re.compile(r"^\[(ok|err|skip|ignore|exception|timeout)\]:? ?(.*)$")
_TIME = re.compile(r" \(\d+ ms\)$")


def read_output(file: str, output: str) -> Outcome:
    """Count the suite's lines."""
    outcome = Outcome(file)
    last = ""
    lines = [_COLOUR.sub("", line).rstrip() for line in output.splitlines()]
    for number, line in enumerate(lines):
        matched = _LINE.match(line)
        if matched is None:
            continue
        kind, text = matched.groups()
        text = _TIME.sub("", text).removesuffix(f" in tests/{file}.tcl")
        if kind == "ok":
            outcome.passed += 1
            last = text
        elif kind in ("skip", "ignore"):
            outcome.skipped += 1
        elif kind == "err":
            following = lines[number + 1] if number + 1 < len(lines) else ""
            outcome.failures[text] = "" if following.startswith("[") else following
            last = text
        else:
            reason = " ".join(lines[number : number + 4])
            outcome.aborted = f"after {last!r}: {reason[:300]}"
    return outcome


def run_file(tree: Path, file: str, arguments: list[str], timeout: int) -> tuple[Outcome, str]:
    """Run one file; its outcome and the whole output."""
    left_out = [word for name in skipped_tests() for word in ("--skiptest", name)]
    command = [
        "tclsh",
        "tests/test_helper.tcl",
        "--single",
        file,
        "--clients",
        "1",
        "--timeout",
        "120",
        # Ports of this run's own, so that runs at the same time do not meet.
        "--baseport",
        str(20_100 + os.getpid() % 80 * 128),
        *(["--tls"] if file in TLS_FILES else []),
        *left_out,
        *arguments,
    ]
    process = subprocess.Popen(
        command, cwd=tree, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace",
        start_new_session=True,
    )  # fmt: skip
    try:
        output, _ = process.communicate(timeout=timeout)
        late = ""
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        output, _ = process.communicate()
        late = f"not done after {timeout} seconds"
    outcome = read_output(file, output)
    if late:
        outcome.aborted = f"{late}; {outcome.aborted}".removesuffix("; ")
    return outcome, output


def run_external(tree: Path, file: str, timeout: int) -> tuple[Outcome, str]:
    """Run one file against a server that we start."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    server = subprocess.Popen(
        [sys.executable, "-m", "redpoll", "--port", str(port), "--bind", "127.0.0.1", "--save", "",
         "--enable-debug-command", "yes", "--enable-protected-configs", "yes"],
        cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT / "src")}, stdout=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        for _ in range(500):
            try:
                socket.create_connection(("127.0.0.1", port)).close()
                break
            except OSError:
                time.sleep(0.01)
        return run_file(tree, file, ["--host", "127.0.0.1", "--port", str(port)], timeout)
    finally:
        server.kill()
        server.wait()


def skipped_tests() -> list[str]:
    """Tests that are left out of the run, as they would end their whole file."""
    groups = tomllib.loads(REASONS.read_text(encoding="utf-8")).values()
    return [name for group in groups if group.get("skip") for name in group["tests"]]


def explain(outcomes: list[Outcome]) -> dict[str, str]:
    """Reasons for failures, by test name: from reasons.toml."""
    known = {name for outcome in outcomes for name in [*outcome.failures, outcome.file]}
    reasons: dict[str, str] = {}
    for group in tomllib.loads(REASONS.read_text(encoding="utf-8")).values():
        for test in group["tests"]:
            # As the suite has it: what begins with a slash is an expression.
            names = {name for name in known if re.search(test[1:], name)} if test.startswith("/") else known & {test}
            reasons.update(dict.fromkeys(names, group["reason"]))
    return reasons


def report(outcomes: list[Outcome], version: str, mode: str) -> str:
    """The text of docs/conformance.md."""
    reasons = explain(outcomes)
    lines = [
        "# Redis's own tests",
        "",
        f"`make conformance` wrote this: files of the test suite of Redis {version}, {mode}.",
        "",
        *table(outcomes),
        "",
    ]
    rest = [one for one in outcomes if one.failures or one.aborted]
    if rest:
        lines += ["## What is left", ""]
    for one in rest:
        lines += [f"### {one.file}", ""]
        for name in one.failures:
            lines.append(f"- {name}: {reasons.get(name, 'unexplained')}")
        if one.aborted:
            lines.append(f"- The file ended early: {reasons.get(one.file, 'unexplained')}")
        lines.append("")
    return "\n".join(lines)


def main() -> int:
    """Run the files asked for; 0 when every failure has its reason."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", nargs="*", help="as unit/type/string; all by default")
    parser.add_argument("--external", action="store_true", help="against one server a file, started by us")
    parser.add_argument("--timeout", type=int, default=600, help="seconds a file may take")
    parser.add_argument("--show", action="store_true", help="print the suite's output")
    chosen = parser.parse_args()
    try:
        tree = source.fetch()
        source.install_server(tree)
        source.adapt(tree)
        if not set(TLS_FILES).isdisjoint(chosen.files or FILES):
            source.make_certificates(tree)
    except source.Missing as error:
        print(error, file=sys.stderr)
        return 2
    outcomes = []
    for file in chosen.files or FILES:
        if chosen.external:
            outcome, output = run_external(tree, file, chosen.timeout)
        else:
            outcome, output = run_file(tree, file, ["--dont-clean"], chosen.timeout)
        if chosen.show:
            print(output)
        print(f"{file}: {outcome.passed} passed, {len(outcome.failures)} failed, {outcome.skipped} skipped", flush=True)
        for name, why in outcome.failures.items():
            print(f"    {name}: {why[:200]}")
        if outcome.aborted:
            print(f"    ended early {outcome.aborted}")
        outcomes.append(outcome)
    if not chosen.files:
        mode = "run against a server on a port" if chosen.external else "with Redpoll in place of `redis-server`"
        REPORT.parent.mkdir(exist_ok=True)
        REPORT.write_text(report(outcomes, tree.name.partition("-")[2], mode), encoding="utf-8")
    reasons = explain(outcomes)
    failed = [name for one in outcomes for name in one.failures if name not in reasons]
    failed += [one.file for one in outcomes if one.aborted and one.file not in reasons]
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
