"""Peak memory of the processes that this one starts, for the runner's table."""

from __future__ import annotations

import threading
from types import TracebackType

import psutil


class PeakMemory:
    """Samples the resident memory of all child processes while its block runs.

    ``peak_bytes`` is the largest sum seen, in bytes. Pages that two children share count twice,
    and a spike shorter than ``interval`` seconds can be missed.
    """

    def __init__(self, interval: float = 0.2) -> None:
        self.peak_bytes = 0
        self._interval = interval
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="peak-memory", daemon=True)

    def __enter__(self) -> PeakMemory:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._ended.set()
        self._thread.join()

    def _watch(self) -> None:
        process = psutil.Process()
        while not self._ended.is_set():
            self.peak_bytes = max(self.peak_bytes, _children_bytes(process))
            self._ended.wait(self._interval)


def _children_bytes(process: psutil.Process) -> int:
    total = 0
    for child in process.children(recursive=True):
        try:
            total += child.memory_info().rss
        except psutil.Error:
            continue  # it ended between the listing and the look
    return total
