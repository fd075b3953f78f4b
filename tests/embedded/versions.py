"""The tests of clients against other versions of redis-py: `python -m tests.embedded.versions [5.0.8 6.4.0 …]`.

Each is installed into a folder of its own, which stands before all others on the path.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

VERSIONS = ("5.0.8", "5.2.1", "6.4.0", "7.1.0")
FILES = (
    "test_redis_py.py",
    "test_methods.py",
    "test_asyncio.py",
    "test_pipelines.py",
    "test_access.py",
    "test_busy.py",
)


def run(version: str, arguments: list[str]) -> int:
    """Run the tests with one version; pytest's status."""
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(
            [sys.executable, "-m", "pip", "install", "--quiet", "--target", folder, "--no-deps", f"redis=={version}"],
            check=True,
        )
        tests = [str(Path(__file__).parent / name) for name in FILES]
        program = "import redis, sys, pytest; print('redis-py', redis.__version__); sys.exit(pytest.main(sys.argv[1:]))"
        done = subprocess.run(
            [sys.executable, "-c", program, "-q", "-p", "no:cacheprovider", *tests, *arguments],
            env={**os.environ, "PYTHONPATH": folder},
        )
        return done.returncode


def main() -> int:
    """Run them all."""
    words = sys.argv[1:]
    versions = [word for word in words if word[0].isdigit()] or list(VERSIONS)
    results = {version: run(version, [word for word in words if not word[0].isdigit()]) for version in versions}
    print(", ".join(f"{version}: {'failed' if status else 'passed'}" for version, status in results.items()))
    return int(any(results.values()))


if __name__ == "__main__":
    sys.exit(main())
