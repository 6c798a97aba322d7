"""How much memory a call needs at its peak, by the kernel's own account."""

from __future__ import annotations

from pathlib import Path

from softxent.bench.timing import Call

_STATUS, _RESET = Path("/proc/self/status"), Path("/proc/self/clear_refs")


def peak_bytes(call: Call) -> int | None:
    """
    Measure the growth of the resident memory while a call runs, its results included.

    Parameters
    ----------
    call : callable
        What to call, once; it should have run before.

    Returns
    -------
    int or None
        Bytes; None where the system keeps no such account.
    """
    try:
        _RESET.write_text("5")  # sets the high-water mark back to what is resident now
        before = _field("VmRSS")
    except OSError:
        return None
    result = call()
    peak = _field("VmHWM")
    del result
    return max(0, peak - before)


def _field(name: str) -> int:
    for line in _STATUS.read_text().splitlines():
        if line.startswith(name + ":"):
            return 1024 * int(line.split()[1])
    raise OSError(f"{_STATUS} has no field {name}")
