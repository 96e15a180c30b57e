"""`riverguard alerts tail|show`: what was raised and why, from Redis."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import orjson
from rich.console import Console
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from cli.demo import FRESH
from cli.live import COLOURS
from connectors.embedded_redis import EmbeddedRedis, find_url
from connectors.redis import RedisConfig
from connectors.redis_reader import START, AlertReader
from models.errors import ConfigError


@contextmanager
def reader(url: str | None, state: Path | None) -> Iterator[AlertReader]:
    """Reach a Redis by its URL, or the embedded one of a state directory, started if need be."""
    directory = (state or FRESH) / "redis"
    if url:
        yield _reader(url)
        return
    if not directory.is_dir():
        raise ConfigError(
            f"no alerts in {state or FRESH}", hint="run the demo first, or name --state or --redis"
        )
    try:
        found = find_url(directory)
    except ConfigError:
        with EmbeddedRedis(directory) as redis:
            yield _reader(redis.url)
        return
    yield _reader(found)


def _reader(url: str) -> AlertReader:
    return AlertReader(RedisConfig(url=url))


def tail(url: str | None, state: Path | None, *, count: int, follow: bool, as_json: bool) -> None:
    """Print the newest alerts, oldest first; with `follow` go on until Ctrl-C."""
    console = Console()
    with reader(url, state) as alerts:
        found = alerts.recent(count)
        newest = START
        while True:
            for stream_id, content in found:
                _line(console, content, as_json=as_json)
                newest = stream_id
            if not follow:
                return
            found = alerts.tail(newest)


def _line(console: Console, content: Mapping[str, Any], *, as_json: bool) -> None:
    if as_json:
        print(orjson.dumps(content).decode(), flush=True)  # noqa: T201
        return
    data = content["data"]
    reason = data["reasons"][0]
    line = Text.assemble(
        (content["time"][:19].replace("T", " "), "dim"), "  ", content["id"], "  ",
        (f"{data['severity']:<8}", COLOURS[data["severity"]]), f"  {data['risk']:.2f}  ",
        (content["subject"], "bold"), f"  {reason['rule']} {reason['en']}",
    )  # fmt: skip
    console.print(line, soft_wrap=True)


def show(url: str | None, state: Path | None, alert_id: str, *, as_json: bool) -> bool:
    """Print one alert in full; false when there is none."""
    with reader(url, state) as alerts:
        content = alerts.show(alert_id)
    if content is None:
        Console(stderr=True).print(f"no alert {alert_id}")
        return False
    if as_json:
        print(orjson.dumps(content).decode())  # noqa: T201
        return True
    _explain(Console(), content)
    return True


def _explain(console: Console, content: Mapping[str, Any]) -> None:
    data = content["data"]
    colour = COLOURS[data["severity"]]
    head = f"{content['subject']}   {data['severity']}   risk {data['risk']:.2f}   {data['action']}"
    lines = [Text(f"{content['time']}   {content['source']}   repeats {data['repeats']}")]
    for reason in data["reasons"]:
        lines.append(Text(f"\n{reason['rule']}  {reason['name']['en']} · {reason['name']['zh']}"))
        lines.append(Text(f"  {reason['en']}\n  {reason['zh']}"))
        if "absent" in reason:
            since, until = reason["absent"]
            lines.append(Text(f"  waited from {since} to {until}, and nothing came"))
    console.print(Panel(Text("\n").join(lines), title=head, border_style=colour))
    evidence = Table("rule", "what", "value", "threshold", "window", "events", title="Evidence")
    for reason in data["reasons"]:
        for item in reason["evidence"]:
            events = item.get("events", [])
            compared = f"{item['op']} {item['threshold']:g}" if "op" in item else ""
            evidence.add_row(
                reason["rule"], item.get("feature", item.get("column")), f"{item['value']}",
                compared, " … ".join(item.get("window", [])),
                " ".join(events[:5]) + (f" … {len(events)}" if len(events) > 5 else ""),
            )  # fmt: skip
    console.print(evidence)
    event = Table("column", "value", title="Event")
    for name, value in data["event"].items():
        event.add_row(name, str(value))
    console.print(event)
    if data["runbook"]:
        console.print(Panel(data["runbook"], title="Runbook"))
