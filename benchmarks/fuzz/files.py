"""Packs and settings: a file gives an object or a ConfigError, soon, and opens nothing else."""

import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Final
from zoneinfo import ZoneInfo, available_timezones

from benchmarks.fuzz.guard import HangError, guarded
from benchmarks.fuzz.mutation import shrink
from benchmarks.fuzz.pack_parts import cut_pack
from benchmarks.fuzz.sentences import Sentences, expressions_of, nasty_words
from benchmarks.fuzz.tally import ROOT, Finding, Tally, sort_of, spoken
from benchmarks.fuzz.yaml_text import nasty_yaml, pick, spoil_yaml
from cli.deployment import deployment_of
from config.packs import FOLDER, load_pack
from config.settings import Settings, load_settings
from models.decoding.schema import Schema
from models.errors import ConfigError
from models.expressions.words import zones
from models.features.calendar import period_starts
from models.planning.blueprint import draw

PACKS: Final = (
    *sorted(FOLDER.glob("*.yaml")),
    ROOT / "benchmarks" / "speed" / "job_trees.yaml",
)
SETTINGS: Final = ROOT / "config" / "riverguard.yaml"
_FULL: Final = """
secret: 00112233445566778899aabbccddeeff
base_currency: EUR
currencies: {XBT: 4, XYZ: 0}
allowed_lateness: 2m
shards: 24
commit_every: 100ms
fx: lookups/fx.csv
packs: [payments, ./packs/mine.yaml]
ordering: event_time
idle_after: 30s
publish: committed
poison_limit: 0.25
state: out/run
processes: 2
hosts: [a, b]
port: 2101
hang_after: 3m
kafka:
  servers: localhost:9092
  group: riverguard
  topics: {events: events, alerts: alerts, late: none}
  username: me
  sasl_mechanism: SCRAM-SHA-512
  tls: true
  ca_file: ca.pem
  options: {fetch.min.bytes: 1, linger.ms: 5}
redis:
  url: redis://localhost:6379/0
  prefix: riverguard
  stream_length_max: 1000
  keep: 1d
  patience: 10s
"""

_DEPLOYMENT: Final = deployment_of(Settings())
"""As shipped: with the tables that packs look things up in, read before anything is forbidden."""

Load = Callable[[Path], None]
Make = Callable[[Random], bytes]


def load_and_draw(path: Path) -> None:
    """Load a pack and plan it."""
    draw([load_pack(str(path))], _DEPLOYMENT)


def load_and_use(path: Path) -> None:
    """Load settings and make of them what every command makes."""
    settings = load_settings(path)
    schema = Schema(
        frozenset({"amount_base"}), frozenset({"payment"}), settings.hash_key,
        settings.base_currency, currencies=settings.all_currencies,
    )  # fmt: skip
    assert schema.tables is not None
    assert isinstance(settings.is_development, bool)


@dataclass
class FileTarget:
    """Spoiled files through a loader.

    Attributes
    ----------
    name
        For messages and for the random stream.
    make
        Makes a file's bytes.
    load
        Loads and uses it; returns or raises ConfigError.
    """

    name: str
    seed: int
    make: Make
    load: Load
    warm_up: int = 60
    _tally: Tally = field(default_factory=Tally)
    _next: int = 0

    def reset(self) -> None:
        """Begin again with the first file."""
        self._tally, self._next = Tally(), 0

    def run(self, inputs: int, beat: Callable[[str], None]) -> Tally:
        """Try so many more files."""
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "fuzz.yaml"
            for _ in range(inputs):
                if self._next % 50 == 0:
                    beat(f"{self.name}, seed {self.seed}, number {self._next}")
                data = self.make(Random(f"{self.name} {self.seed} {self._next}"))
                self._next += 1
                self._tally.inputs += 1
                finding = self._one(path, data, self._tally)
                if finding is not None and self._tally.add(finding):
                    self._shrink(path, finding)
        return self._tally

    def _one(self, path: Path, data: bytes, tally: Tally) -> Finding | None:
        path.write_bytes(data)
        begun = time.process_time()
        try:
            with guarded(path) as seen:
                try:
                    self.load(path)
                except ConfigError as error:
                    tally.rejected += 1
                    str(error)
                else:
                    tally.accepted += 1
        except HangError as error:
            return Finding(f"hang: {sort_of(error)}", str(error), data)
        except Exception as error:  # noqa: BLE001 - whatever it is, it is the finding
            return Finding(sort_of(error), spoken(error), data)
        finally:
            tally.slowest_ms = max(tally.slowest_ms, (time.process_time() - begun) * 1000)
        if seen:
            return Finding(f"forbidden: {seen[0]}", "; ".join(seen), data)
        return None

    def _shrink(self, path: Path, finding: Finding) -> None:
        def fails(data: bytes) -> bool:
            again = self._one(path, data, Tally())
            return again is not None and again.sort == finding.sort

        tries = 25 if finding.sort.startswith("hang") else 1500
        smaller = shrink(finding.data, fails, tries)
        self._tally.found[finding.sort] = Finding(finding.sort, finding.text, smaller)


_ZONES_HELD: list[ZoneInfo] = []


def _read_zones() -> None:
    """Read the time zone files now: a pack may name any of them, and no pack reads another."""
    if not _ZONES_HELD:
        _ZONES_HELD.extend(ZoneInfo(zone) for zone in sorted(available_timezones()))
    zones()
    period_starts("day", "UTC")


def pack_target(seed: int, load: Load = load_and_draw) -> FileTarget:
    """Spoiled packs, made of parts of the repository's."""
    _read_zones()
    parts = [cut_pack(path) for path in PACKS]
    sentences = Sentences(expressions_of(load_pack(str(path)) for path in PACKS))
    named = [
        item
        for part in parts
        for items in part.named.values()
        for item in items
        if item.isidentifier()
    ]

    def nasty(chance: Random) -> str:
        sort = chance.random()
        if sort < 0.15:
            return pick([sentences.make(chance)], chance)
        if sort < 0.22:
            return nasty_words(chance)
        return chance.choice(named) if sort < 0.32 else nasty_yaml(chance)

    def make(chance: Random) -> bytes:
        text, other = (chance.choice(parts).small(chance) for _ in range(2))
        return spoil_yaml(text, other, chance, nasty, 0.12)

    return FileTarget("packs", seed, make, load)


def settings_target(seed: int, load: Load = load_and_use) -> FileTarget:
    """Spoiled settings: the shipped file, and one that says everything."""
    shipped = SETTINGS.read_text()
    bare = "".join(
        line for line in shipped.splitlines(keepends=True) if line.strip() and line[0] != "#"
    )
    texts = (shipped, bare, _FULL, _FULL)

    def make(chance: Random) -> bytes:
        text, other = chance.choice(texts), chance.choice(texts[1:])
        if chance.random() < 0.5:
            # fewer lines: whole sections at random, so that later ones are reached
            lines = re_sections(text)
            text = "".join(chance.sample(lines, chance.randrange(1, len(lines) + 1)))
        return spoil_yaml(text, other, chance, nasty_yaml, 0.1)

    return FileTarget("settings", seed, make, load)


def re_sections(text: str) -> list[str]:
    """Cut a settings file at the keys that are not indented."""
    found: list[str] = []
    for line in text.splitlines(keepends=True):
        if line.strip() and not line.startswith((" ", "#")):
            found.append(line)
        elif found:
            found[-1] += line
    return found
