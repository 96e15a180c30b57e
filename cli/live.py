"""What a person sees while the engine runs: a live panel in a terminal, plain lines elsewhere."""

import threading
import time
from collections.abc import Callable
from types import TracebackType
from typing import Final, Self

from rich.console import Console, Group
from rich.live import Live
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from dataflows.counters import Counters
from models.records import Alert
from models.wording import rfc3339

COLOURS: Final = {"low": "cyan", "medium": "yellow", "high": "dark_orange", "critical": "bold red"}
REFRESH_S: Final = 0.25
PLAIN_EVERY_S: Final = 5.0
ALERTS_SHOWN: Final = 10


class Watch:
    """Shows counters while a run goes on, and stops it when its time is over.

    Parameters
    ----------
    counters
        Of the run.
    backlog
        How many events have been handed to the flow and not yet been decoded.
    stop
        Called once when `seconds` have passed since the first event.
    seconds
        None: until the input ends.
    console
        Where to show; a terminal gets the live panel.
    headless
        Plain lines even in a terminal.
    """

    def __init__(
        self,
        counters: Counters,
        backlog: Callable[[], int],
        stop: Callable[[], None],
        seconds: float | None,
        console: Console,
        *,
        headless: bool,
    ) -> None:
        self._counters, self._backlog, self._stop = counters, backlog, stop
        self._seconds, self._console = seconds, console
        self._live = console.is_terminal and not headless
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="watch", daemon=True)
        self.first_event: float | None = None
        self._rate = 0.0

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._done.set()
        self._thread.join()

    @property
    def seconds(self) -> float:
        """Since the first event."""
        return time.monotonic() - self.first_event if self.first_event else 0.0

    def _watch(self) -> None:
        if self._live:
            with Live(self._panel(), console=self._console, refresh_per_second=4) as live:
                self._loop(lambda: live.update(self._panel()), REFRESH_S)
        else:
            self._loop(self._line, PLAIN_EVERY_S)

    def _loop(self, show: Callable[[], None], every_s: float) -> None:
        shown, before, at = 0.0, 0, time.monotonic()
        # a twentieth of a second, so that the end is on time
        while not self._done.wait(0.05):
            now = time.monotonic()
            if self._counters.events and self.first_event is None:
                self.first_event = now
            if self._seconds is not None and self.seconds >= self._seconds:
                self._stop()
            if now - shown >= every_s:
                elapsed = max(now - at, 1e-9)
                self._rate = (self._counters.events - before) / elapsed
                before, at, shown = self._counters.events, now, now
                show()
        elapsed = max(self.seconds, 1e-9)
        self._rate = self._counters.events / elapsed
        show()

    def _lag(self) -> str:
        waiting = max(self._backlog(), 0)
        return f"{waiting / self._rate:.2f} s" if self._rate else "–"

    def _line(self) -> None:
        c = self._counters
        self._console.print(
            f"{c.events:,} events  {self._rate:,.0f}/s  lag {self._lag()}  {c.alerts:,} alerts"
            f"  {c.repeats:,} repeats  {c.rejected:,} rejected  {c.late:,} late",
            highlight=False,
            soft_wrap=True,
        )

    def _panel(self) -> Panel:
        c = self._counters
        head = Table.grid(padding=(0, 3))
        cells = [
            ("events", f"{c.events:,}"), ("rate", f"{self._rate:,.0f}/s"), ("lag", self._lag()),
            ("alerts", f"{c.alerts:,}"), ("repeats", f"{c.repeats:,}"),
            ("rejected", f"{c.rejected:,}"), ("late", f"{c.late:,}"),
            ("event time", rfc3339(c.newest_ms)[:16].replace("T", " ") if c.newest_ms else "–"),
        ]  # fmt: skip
        head.add_row(*(Text(name, style="dim") for name, _value in cells))
        head.add_row(*(Text(value, style="bold") for _name, value in cells))
        alerts = Table(expand=True, show_edge=False, header_style="dim")
        for column, ratio in (("severity", 1), ("risk", 1), ("subject", 3), ("why", 10)):
            alerts.add_column(column, ratio=ratio, no_wrap=column != "why")
        for alert in list(c.recent)[-ALERTS_SHOWN:]:
            alerts.add_row(*_row(alert))
        body = Group(head, Text(), alerts)
        return Panel(body, title="riverguard", subtitle="Ctrl-C stops", border_style="green")


def _row(alert: Alert) -> list[Text]:
    reason = alert.content["data"]["reasons"][0]
    return [
        Text(alert.severity, style=COLOURS[alert.severity]),
        Text(f"{alert.risk:.2f}"),
        Text(alert.subject),
        Text(f"{reason['rule']}  {reason['en']}"),
    ]
