"""How much memory this process has taken at most."""

import resource
import sys
from pathlib import Path

_STATUS = Path("/proc/self/status")
_KB_PER_MB = 1024.0


def peak_memory_mb() -> float:
    """Return the peak resident memory of this process in MB.

    Linux keeps it as ``VmHWM``. `resource.getrusage` would there count the process from which this one was started too:
    its peak survives the start of another program, so that a child of a large process seems large itself. Elsewhere
    there is nothing else.
    """
    if _STATUS.exists():
        for line in _STATUS.read_text(encoding="ascii", errors="replace").splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) / _KB_PER_MB
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    # Linux counts in kilobytes, macOS in bytes.
    return peak / (_KB_PER_MB * _KB_PER_MB if sys.platform == "darwin" else _KB_PER_MB)
