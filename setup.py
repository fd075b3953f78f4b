"""Compiles every .pyx file under src/; a failure stops the build, there is no slow fallback.

REDPOLL_DEBUG=1    bounds checks, line tracing and assertions, no optimisation
REDPOLL_SANITIZE=1 the same with the address sanitizer
"""

import os
from pathlib import Path

from Cython.Build import cythonize
from setuptools import Extension, setup

SOURCE = Path(__file__).parent / "src"
DEBUG = os.environ.get("REDPOLL_DEBUG") == "1" or os.environ.get("REDPOLL_SANITIZE") == "1"
SANITIZE = os.environ.get("REDPOLL_SANITIZE") == "1"

compile_flags = ["-Wno-unreachable-code", "-Wno-unused-function", "-Wno-sign-compare", "-Wno-discarded-qualifiers"]
link_flags = ["-pthread"]
macros: list[tuple[str, str | None]] = []
if DEBUG:
    compile_flags += ["-O1", "-g", "-UNDEBUG"]
    macros += [("CYTHON_TRACE_NOGIL", "1"), ("REDPOLL_DEBUG", "1")]
else:
    compile_flags += ["-O3", "-fno-plt", "-fno-semantic-interposition", "-DNDEBUG"]
if SANITIZE:
    compile_flags += ["-fsanitize=address,undefined", "-fno-omit-frame-pointer", "-fno-sanitize=alignment"]
    link_flags += ["-fsanitize=address,undefined"]

extensions = [
    Extension(
        ".".join(path.relative_to(SOURCE).with_suffix("").parts),
        [str(path.relative_to(SOURCE.parent))],
        extra_compile_args=compile_flags,
        extra_link_args=link_flags,
        define_macros=macros,
    )
    for path in sorted(SOURCE.rglob("*.pyx"))
]

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
            "linetrace": DEBUG,
            "embedsignature": True,
            "binding": True,
        },
    ),
)
