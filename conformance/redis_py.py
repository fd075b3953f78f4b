"""`make conformance-redis-py`: redis-py's own tests against a store in their own process; writes docs/redis-py.md.

The tests are those of the redis-py that is installed, out of its source archive. Nothing in them is changed: a plugin
(`embedded_plugin.py`) has their fixtures make clients without a socket.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import json
import os
import re
import subprocess
import sys
import tarfile
import tomllib
import xml.etree.ElementTree as Xml
from dataclasses import asdict
from pathlib import Path

from conformance.outcome import Outcome, table

ROOT = Path(__file__).parents[1]
CACHE = ROOT / ".peers" / "redis-py"
REPORT = ROOT / "docs" / "redis-py.md"
REASONS = Path(__file__).with_name("redis_py_reasons.toml")
TOOLS = ("pytest-asyncio", "pytest-timeout", "mock", "cachetools", "numpy")
FILES = (
    "test_commands", "test_pipeline", "test_pubsub", "test_lock", "test_scripting", "test_function", "test_monitor",
    "test_connection_pool", "test_connection", "test_connect", "test_multiprocessing", "test_encoding", "test_cache",
    "test_hash", "test_helpers", "test_command_parser", "test_retry", "test_keyspace_notifications",
    "test_himport_integration",
    "test_asyncio/test_commands", "test_asyncio/test_pipeline", "test_asyncio/test_pubsub", "test_asyncio/test_lock",
    "test_asyncio/test_scripting", "test_asyncio/test_monitor", "test_asyncio/test_connection_pool",
    "test_asyncio/test_connection", "test_asyncio/test_connect", "test_asyncio/test_encoding",
    "test_asyncio/test_hash", "test_asyncio/test_cwe_404", "test_asyncio/test_retry",
    "test_asyncio/test_keyspace_notifications", "test_asyncio/test_client",
)  # fmt: skip


def fetch() -> Path:
    """The unpacked archive of the installed version; that and tools for its tests are fetched unless they are there."""
    version = importlib.metadata.version("redis")
    tree = CACHE / f"redis-{version}"
    pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]
    if not tree.is_dir():
        CACHE.mkdir(parents=True, exist_ok=True)
        subprocess.run(
            [*pip, "download", f"redis=={version}", "--no-binary", ":all:", "--no-deps", "--dest", str(CACHE)],
            check=True,
        )
        with tarfile.open(CACHE / f"redis-{version}.tar.gz") as archive:
            archive.extractall(CACHE, filter="data")
    if not (CACHE / "tools").is_dir():
        subprocess.run([*pip, "install", "--target", str(CACHE / "tools"), *TOOLS], check=True)
    return tree


def run_file(tree: Path, file: str, only: str, protocol: int, timeout: int) -> Outcome:
    """Run one file; what became of it."""
    outcome = Outcome(file)
    results = CACHE / f"results-{os.getpid()}.xml"
    options = {"addopts": "", "asyncio_mode": "auto", "cache_dir": str(CACHE / "pytest")}
    command = [
        *(sys.executable, "-m", "pytest", "-q", "-p", "conformance.embedded_plugin", f"tests/{file}.py"),
        *(word for name, value in options.items() for word in ("-o", f"{name}={value}")),
        *("-m", "not redismod and not onlycluster and not ssl"),
        *("-k", "not SSL and not Sentinel" + (f" and ({only})" if only else "")),
        *(f"--protocol={protocol}", f"--junitxml={results}", "--timeout=60", "--timeout-method=signal", "--tb=native"),
    ]
    path = os.pathsep.join((str(ROOT / "src"), str(ROOT), str(CACHE / "tools")))
    try:
        done = subprocess.run(
            command, cwd=tree, env={**os.environ, "PYTHONPATH": path}, capture_output=True, text=True, timeout=timeout,
        )  # fmt: skip
        output = done.stdout + done.stderr
    except subprocess.TimeoutExpired as error:
        output = str(error.stdout)
        outcome.aborted = f"not done after {timeout} seconds"
    if not results.exists():
        outcome.aborted = outcome.aborted or output.strip()[-300:]
        return outcome
    for case in Xml.parse(results).iter("testcase"):
        name = f"{case.get('classname', '').rpartition('.')[2]}::{case.get('name')}"
        problem = case.find("failure")
        if problem is None:
            problem = case.find("error")
        if problem is not None:
            outcome.failures[name] = problem.get("message") or ""
        elif case.find("skipped") is not None:
            outcome.skipped += 1
        else:
            outcome.passed += 1
    results.unlink()
    return outcome


def kept(tree: Path) -> dict[str, Outcome]:
    """What became of files when they were last run."""
    path = tree.with_suffix(".outcomes.json")
    found = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    return {file: Outcome(**facts) for file, facts in found.items()}


def keep(tree: Path, outcome: Outcome) -> None:
    """Remember what became of a file, so that a run of some files tells of all."""
    known = {**kept(tree), outcome.file: outcome}
    text = json.dumps({file: asdict(one) for file, one in known.items()}, indent=1)
    tree.with_suffix(".outcomes.json").write_text(text, encoding="utf-8")


def explain(outcomes: list[Outcome]) -> dict[tuple[str, str], str]:
    """Reasons for failures, by file and test: redis_py_reasons.toml has expressions for `file::class::test`."""
    groups = tomllib.loads(REASONS.read_text(encoding="utf-8")).values()
    reasons: dict[tuple[str, str], str] = {}
    for one in outcomes:
        for name in [*one.failures, *([""] if one.aborted else [])]:
            for group in groups:
                if any(re.search(test, f"{one.file}::{name}") for test in group["tests"]):
                    reasons[one.file, name] = group["reason"]
    return reasons


def report(outcomes: list[Outcome], version: str) -> str:
    """The text of docs/redis-py.md."""
    reasons = explain(outcomes)
    lines = [
        "# redis-py's own tests",
        "",
        f"`make conformance-redis-py` wrote this: the tests of redis-py {version}, whose fixtures have clients of a",
        "store in the same process, without a socket. Tests of modules, clusters, sentinels and TLS are left out.",
        "",
        *table(outcomes),
        "",
    ]
    grouped: dict[str, list[str]] = {}
    for one in outcomes:
        for name in [*one.failures, *([""] if one.aborted else [])]:
            reason = reasons.get((one.file, name), "unexplained")
            grouped.setdefault(reason, []).append(f"{one.file}::{name}" if name else one.file)
    if grouped:
        lines += ["## What is left", ""]
    for reason, tests in grouped.items():
        lines += [f"### {reason}", "", *(f"- {test}" for test in tests), ""]
    return "\n".join(lines)


def main() -> int:
    """Run the files asked for; 0 when every failure has its reason."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", nargs="*", help="as test_pipeline or test_asyncio/test_lock; all by default")
    parser.add_argument("--protocol", type=int, default=3, choices=(2, 3), help="which RESP clients ask for")
    parser.add_argument("--timeout", type=int, default=600, help="seconds a file may take")
    parser.add_argument("-k", dest="only", default="", help="only tests with such names")
    chosen = parser.parse_args()
    tree = fetch()
    outcomes = []
    for file in chosen.files or FILES:
        if not (tree / "tests" / f"{file}.py").exists():
            print(f"{file}: this version has no such file")
            continue
        outcome = run_file(tree, file, chosen.only, chosen.protocol, chosen.timeout)
        print(f"{file}: {outcome.passed} passed, {len(outcome.failures)} failed, {outcome.skipped} skipped", flush=True)
        for name, why in outcome.failures.items():
            print(f"    {name}: {why[:300]}")
        if outcome.aborted:
            print(f"    ended early: {outcome.aborted}")
        outcomes.append(outcome)
        if not chosen.only:
            keep(tree, outcome)
    known = kept(tree)
    if not chosen.only:
        REPORT.write_text(
            report([known[file] for file in FILES if file in known], tree.name.partition("-")[2]), "utf-8"
        )
    reasons = explain(outcomes)
    left = [name for one in outcomes for name in one.failures if (one.file, name) not in reasons]
    left += [one.file for one in outcomes if one.aborted and (one.file, "") not in reasons]
    return 1 if left else 0


if __name__ == "__main__":
    sys.exit(main())
