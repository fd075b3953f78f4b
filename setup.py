"""Compiles every .pyx file under src/; a failure stops the build, there is no slow fallback.

REDPOLL_DEBUG=1    bounds checks, line tracing and assertions, no optimisation
REDPOLL_SANITIZE=1 the same with the address sanitizer
REDPOLL_FUZZ=1     the same, and FUZZED modules call `__sanitizer_cov_trace_pc` on their way
REDPOLL_NO_EXTENSIONS=1 compile nothing: for an editable install, which make builds in place afterwards
"""

import os
from pathlib import Path

from Cython.Build import cythonize
from setuptools import Extension, setup

SOURCE = Path(__file__).parent / "src"
DEBUG = os.environ.get("REDPOLL_DEBUG") == "1" or os.environ.get("REDPOLL_SANITIZE") == "1"
SANITIZE = os.environ.get("REDPOLL_SANITIZE") == "1"
FUZZED = {"redpoll.wire.request"} if os.environ.get("REDPOLL_FUZZ") == "1" else set()

compile_flags = ["-Wno-unreachable-code", "-Wno-unused-function", "-Wno-sign-compare", "-Wno-discarded-qualifiers"]
link_flags = ["-pthread"]
macros: list[tuple[str, str | None]] = []
if DEBUG:
    compile_flags += ["-O1", "-g", "-UNDEBUG"]
    macros += [("REDPOLL_DEBUG", "1")]
    if not SANITIZE:
        # Not CYTHON_TRACE_NOGIL: code that runs without the interpreter's lock would take it to be traced, and I/O
        # threads are waited for with the lock held.
        macros += [("CYTHON_TRACE", "1")]
else:
    compile_flags += ["-O3", "-g0", "-fno-plt", "-fno-semantic-interposition", "-DNDEBUG"]
if SANITIZE:
    compile_flags += ["-fsanitize=address,undefined", "-fno-omit-frame-pointer", "-fno-sanitize=alignment"]
    link_flags += ["-fsanitize=address,undefined"]


def extension(path: Path) -> Extension:
    """Describe the module of one .pyx file."""
    name = ".".join(path.relative_to(SOURCE).with_suffix("").parts)
    return Extension(
        name,
        [str(path.relative_to(SOURCE.parent))],
        extra_compile_args=compile_flags + (["-fsanitize-coverage=trace-pc"] if name in FUZZED else []),
        extra_link_args=link_flags,
        define_macros=macros,
    )


NOTHING = os.environ.get("REDPOLL_NO_EXTENSIONS") == "1"
extensions = [] if NOTHING else [extension(path) for path in sorted(SOURCE.rglob("*.pyx"))]

setup(
    ext_modules=cythonize(
        extensions,
        include_path=["src"],
        nthreads=int(os.environ.get("REDPOLL_BUILD_JOBS", os.cpu_count() or 1)),
        annotate=DEBUG,
        compiler_directives={
            "language_level": 3,
            "boundscheck": DEBUG,
            "wraparound": False,
            "cdivision": True,
            "initializedcheck": DEBUG,
            "linetrace": DEBUG and not SANITIZE,
            "embedsignature": True,
            "binding": True,
        },
    ),
)
