"""What a command takes: seconds, processor seconds and memory of all its processes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

if sys.platform != "win32":
    import resource

_TICKS = os.sysconf("SC_CLK_TCK") if hasattr(os, "sysconf") else 100
_EVERY = 0.1  # seconds between two looks at the processes


@dataclass(frozen=True, slots=True)
class Spent:
    """What one run took."""

    seconds: float
    cpu: float
    """Processor seconds of all processes: of those whose parents waited for them, or what was seen up to a tenth of a
    second before they ended, where that is more."""
    memory: int
    """Bytes at the worst moment: shares of what processes share are counted once."""
    status: int
    said: str
    """The last line on standard error."""


def spend(command: Sequence[str], cwd: Path, limit: float) -> Spent | None:
    """Run a command; None when it takes longer than `limit` seconds. Memory and processor time need Linux."""
    started, before = time.perf_counter(), _waited_for()
    process = subprocess.Popen(
        command,
        cwd=cwd,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        stdin=subprocess.DEVNULL,
        start_new_session=True,
        env={name: value for name, value in os.environ.items() if name != "PYTHONPATH"},
    )
    cpu: dict[int, float] = {}
    worst = [0]
    done = threading.Event()

    def look() -> None:
        while not done.is_set():
            worst[0] = max(worst[0], _look(process.pid, cpu))
            done.wait(_EVERY)

    looking = threading.Thread(target=look, daemon=True)
    looking.start()
    try:
        _, errors = process.communicate(timeout=limit)
    except subprocess.TimeoutExpired:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        return None
    finally:
        done.set()
        looking.join()
    seconds = time.perf_counter() - started
    said = errors.decode(errors="replace").strip().splitlines()[-1:]
    spent = max(sum(cpu.values()), _waited_for() - before)
    return Spent(seconds, spent, worst[0], process.returncode, "".join(said))


def _waited_for() -> float:
    """Processor seconds of all processes below this one that have ended."""
    if sys.platform == "win32":
        return 0.0
    spent = resource.getrusage(resource.RUSAGE_CHILDREN)
    return spent.ru_utime + spent.ru_stime


def _look(session: int, cpu: dict[int, float]) -> int:
    """Note the processor time of each process of a session, and return the memory of all."""
    total = 0
    for entry in Path("/proc").glob("[0-9]*"):
        with suppress(OSError, ValueError, IndexError):
            fields = (entry / "stat").read_text().rpartition(")")[2].split()
            if int(fields[3]) != session:
                continue
            cpu[int(entry.name)] = (int(fields[11]) + int(fields[12])) / _TICKS
            for line in (entry / "smaps_rollup").read_text().splitlines():
                if line.startswith("Pss:"):
                    total += int(line.split()[1]) * 1024
    return total
