"""Redis's source from Debian's archive, with Redpoll in place of its server."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
CACHE = ROOT / ".peers" / "redis-source"
_SOURCES = """\
deb-src http://deb.debian.org/debian bookworm main
deb-src http://deb.debian.org/debian-security bookworm-security main
"""
_TOOLS = ("redis-cli",)
_OURS = {
    "redis-server": "redpoll",
    "redis-benchmark": "redpoll.benchmark",
    "redis-check-aof": "redpoll.persistence.check_aof",
    "redis-check-rdb": "redpoll.persistence.check_rdb",
}


class Missing(Exception):
    """Something of the machine is missing; the text says what to install."""


def fetch() -> Path:
    """The unpacked source, fetched with `apt-get source` unless it is there. Raises `Missing`."""
    found = sorted(path for path in CACHE.glob("redis-[0-9]*") if path.is_dir())
    if found:
        return found[-1]
    for tool, package in (("apt-get", "apt"), ("dpkg-source", "dpkg-dev"), ("tclsh", "tcl")):
        if shutil.which(tool) is None:
            raise Missing(f"{tool} is not installed; on Debian it is in the package {package}")
    lists = CACHE / "lists"
    (lists / "partial").mkdir(parents=True, exist_ok=True)
    (CACHE / "sources.list").write_text(_SOURCES, encoding="ascii")
    options = [
        f"-oDir::Etc::SourceList={CACHE}/sources.list",
        "-oDir::Etc::SourceParts=-",
        f"-oDir::State::Lists={lists}",
    ]
    subprocess.run(["apt-get", *options, "-qq", "update"], check=True)
    subprocess.run(["apt-get", *options, "-qq", "source", "redis"], check=True, cwd=CACHE)
    return fetch()


def install_server(tree: Path) -> None:
    """Put Redpoll, its tools and Debian's where the suite looks for what it would have built."""
    for name, module in _OURS.items():
        wrapper = tree / "src" / name
        wrapper.unlink(missing_ok=True)  # it may be a link to a tool of the machine
        wrapper.write_text(
            f'#!/bin/sh\nPYTHONPATH="{ROOT}/src" exec "{sys.executable}" -m {module} "$@"\n', encoding="utf-8"
        )
        wrapper.chmod(0o755)
    for name in _TOOLS:
        tool = shutil.which(name)
        if tool is None:
            raise Missing(f"{name} is not installed; on Debian it is in the package redis-tools")
        target = tree / "src" / name
        if not target.exists():
            os.symlink(tool, target)


def adapt(tree: Path) -> None:
    """Have tests of lists content with how Redis stores them since 7.2: small ones as listpacks, not as quicklists."""
    for name, place in (("type/list.tcl", r"assert_encoding (quicklist|\$enc|\$type) "),
                        ("sort.tcl", r"assert_encoding quicklist ")):  # fmt: skip
        path = tree / "tests" / "unit" / name
        text = re.sub(place, "assert_encoding *list* ", path.read_text(encoding="utf-8"))
        path.write_text(text.replace(" lpush quicklist ", " lpush *list* "), encoding="utf-8")


def make_certificates(tree: Path) -> None:
    """Those of the suite's tests of TLS, made by its own script. Raises `Missing`."""
    asked = subprocess.run(["tclsh"], input="package require tls", capture_output=True, text=True, check=False)
    if "can't find package" in asked.stderr:
        raise Missing("Tcl has no package tls; on Debian it is in the package tcl-tls")
    if not (tree / "tests" / "tls" / "server.crt").exists():
        subprocess.run(["bash", "utils/gen-test-certs.sh"], cwd=tree, capture_output=True, check=True)
