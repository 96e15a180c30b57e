"""The small pack, and what an analyst makes of it: features added, changed and removed."""

from pathlib import Path
from typing import Any

from connectors.file import FileSource
from dataflows.edges import Outlets
from dataflows.execute import execute, opened
from dataflows.sealing import Sealer
from models.planning.blueprint import Blueprint

ADDED = """
  spread_6h: {std: amount_base, by: account, over: 6h, on: [payment]}
  largest_6h: {max: amount_base, by: account, over: 6h, on: [payment]}
  channels_1d: {distinct: channel, by: account, over: 1d, on: [payment]}
  by_device_1d: {count: "*", by: device, over: 1d, on: [payment]}
detectors:
  first: {model: half_space_trees, features: [largest_6h], trees: 3, height: 4, window: 50,
          limits: {largest_6h: [0, 5000]}}
  second: {model: half_space_trees, by: customer, features: [largest_6h], trees: 3, height: 4,
           window: 50, limits: {largest_6h: [0, 5000]}}
"""
RULES = """
  - id: SPREAD
    on: [payment]
    name: {en: a, zh: b}
    when: largest_6h >= 800 AND spread_6h > 100
    subject: account
    severity: low
    because: {en: "{largest_6h} {spread_6h}", zh: "{largest_6h}"}
  - id: CHANNELS
    on: [payment]
    name: {en: a, zh: b}
    when: channels_1d >= 3
    subject: account
    severity: low
    because: {en: "{channels_1d}", zh: "{channels_1d}"}
  - id: DEVICE
    on: [payment]
    name: {en: a, zh: b}
    when: by_device_1d >= 4
    subject: account
    severity: low
    because: {en: "{by_device_1d}", zh: "{by_device_1d}"}
"""


def changed_text(pack: str) -> str:
    """Features added, changed (paid_1h to 2h), removed (usual, with its rule); a new detector."""
    text = pack.replace("detectors:\n", ADDED.lstrip("\n"))
    text = text.replace(
        "{sum: amount_base, by: account, over: 1h", "{sum: amount_base, by: account, over: 2h"
    )
    head, _, rest = text.partition("  - id: LARGE")
    text = head + rest[rest.index("  - id: FAILED") :]
    usual = next(line for line in text.splitlines(keepends=True) if "  usual:" in line)
    return text.replace(usual, "") + RULES


def run(
    plan: Blueprint, root: Path, events: Path, remembering: Any, sealer: Sealer | None = None
) -> tuple[list[Any], list[Any]]:
    """Run a file over a state directory: alerts and repeats, and what the start was told."""
    sinks = [remembering() for _ in range(3)]
    told = []
    with opened(root, plan, sealer=sealer, on_change=told.append) as place:
        execute(FileSource((str(events),)), Outlets(*sinks), place)
        return sinks[0].items, told


LIVES = """
pack: lives
on: [payment]
features:
  payments: {count: "*", by: account, over: all}
  %s
rules:
  - id: COUNTED
    name: {en: a, zh: b}
    when: payments >= 5
    subject: account
    severity: low
    because: {en: "{payments}", zh: "{payments}"}
  %s
"""

SUMMED = """- id: SUMMED
    name: {en: a, zh: b}
    when: paid > 3000
    subject: account
    severity: low
    because: {en: "{paid}", zh: "{paid}"}
"""


def lives(*, summed: bool) -> str:
    """A pack of lifetimes, with one cell in them or two."""
    paid = "paid: {sum: amount_base, by: account, over: all}"
    return LIVES % ((paid, SUMMED) if summed else ("", ""))
