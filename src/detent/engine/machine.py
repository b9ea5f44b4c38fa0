"""What kind of processor work runs on: results are equal to the last digit on one kind, and nearly so on others.

>>> processor()
'x86_64 AMD EPYC, family 25 model 1'
"""

import platform
from pathlib import Path

_CPUINFO = Path("/proc/cpuinfo")


def processor() -> str:
    """Architecture, name and, where the system tells them, family and model: libraries choose instructions by them."""
    fields = _fields()
    name = fields.get("model name") or platform.processor()
    kind = " ".join(
        f"{key.removeprefix('cpu ')} {fields[key]}" for key in ("cpu family", "model") if key in fields
    )
    return ", ".join(part for part in (f"{platform.machine()} {name}".strip(), kind) if part)


def _fields() -> dict[str, str]:
    """Of the first processor; {} where there is no such file."""
    try:
        first = _CPUINFO.read_text("utf-8", errors="replace").partition("\n\n")[0]
    except OSError:
        return {}
    pairs = (line.partition(":") for line in first.splitlines())
    return {key.strip(): value.strip() for key, _, value in pairs}
