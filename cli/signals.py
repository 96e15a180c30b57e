"""Ctrl-C and SIGTERM: the first stops in order, the second at once."""

import os
import signal
import threading


def stop_on_signals(stopping: threading.Event) -> None:
    """Let the first signal set `stopping`; one that finds it set ends the process."""

    def stop(number: int, _frame: object) -> None:
        if stopping.is_set():
            os._exit(128 + number)
        stopping.set()

    if threading.current_thread() is threading.main_thread():
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, stop)
