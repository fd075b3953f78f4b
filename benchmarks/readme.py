"""The README here, into which results go, and what it says of the machine."""

import os
import platform
from pathlib import Path

RESULTS = Path(__file__).with_name("README.md")


def machine() -> str:
    """What this ran on."""
    model = "unknown processor"
    for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
        if line.startswith("model name"):
            model = line.partition(":")[2].strip()
            break
    system = f"{platform.system()} {platform.release()}, Python {platform.python_version()}"
    return f"{model}, {os.cpu_count()} processors, {system}"


def put(section: str, text: str) -> None:
    """Replace a section of the README here, between its marks."""
    begin, end = f"<!-- {section} -->", f"<!-- end of {section} -->"
    old = RESULTS.read_text(encoding="utf-8")
    head, _, rest = old.partition(begin)
    _, _, tail = rest.partition(end)
    RESULTS.write_text(f"{head}{begin}\n{text}\n{end}{tail}", encoding="utf-8")
