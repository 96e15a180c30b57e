"""Deployment settings: ``config/riverguard.yaml``, or the same defaults without a file."""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Annotated, Any, Final, Literal

from pydantic import AfterValidator, BeforeValidator, Field

from config.outside import (
    KafkaSection,
    KafkaSettings,
    RedisSection,
    RedisSettings,
    kafka_settings,
    redis_settings,
)
from config.sections import Section, brief, check, problem, suggest
from config.words import Key, Text, distinct_of, listed, number_of, span, text_of, whole, word
from config.yaml_nodes import Document
from config.yaml_reader import read_document
from models.decoding.schema import iso_currencies
from models.errors import ConfigError
from models.hashing import Secret
from models.holding import Ordering

SECRET_VARIABLE: Final = "RIVERGUARD_SECRET"  # noqa: S105 - its name, not its value
"""Environment variable that overrides `secret`."""

STATE_KEY_VARIABLE: Final = "RIVERGUARD_STATE_KEY"
"""Environment variable with the key that encrypts state."""

DEVELOPMENT_SECRET: Final = "72697665726775617264206465766b79"  # noqa: S105 - public on purpose
"""Known to everybody: whoever knows the secret can aim entities at one shard."""

BALANCED_FOR: Final = 48
"""Every number of processes that divides this gets its shards in turn."""

_FOLDER = Path(__file__).parent
_STATE_KEY = re.compile(r"[0-9a-fA-F]{64}")
_SECRET = re.compile(r"[0-9a-fA-F]{32}")
_CODE = re.compile(r"[A-Z][A-Z0-9]{2,9}")


@dataclass(frozen=True, slots=True)
class Settings:
    """What one deployment decides.

    Attributes
    ----------
    secret
        16 bytes in hex; key of all entity hashes. Changing it forgets every entity.
    base_currency
        ISO 4217 code of `amount_base`.
    currencies
        Codes that ISO 4217 lacks → decimals.
    allowed_lateness_ms
        How far behind the watermark an event is still learned.
    shards
        Parts of everything; fixed for a deployment, at least its number of processes.
    commit_every_ms
        How often state becomes durable.
    fx
        File of exchange rates.
    lookups
        Name → file of reference data.
    packs
        Names or paths of the packs that `riverguard run` runs.
    ordering
        ``arrival`` or ``event_time``, see `models.holding`.
    idle_after_ms
        How long a quiet partition is waited for.
    publish
        When alerts go to Kafka: ``at_once``, or ``committed`` for readers that cannot drop repeats.
    poison_limit
        The run stops when more than this share of the newest records are dead letters; in [0, 1].
    state
        Directory of `riverguard run`.
    processes, hosts, port
        How many processes on each host, the hosts, and the first TCP port between them.
    hang_after_ms
        A process that has committed nothing for so long is ended.
    kafka, redis
        Where events come from and alerts go.
    """

    secret: str = field(default=DEVELOPMENT_SECRET, repr=False)
    base_currency: str = "CNY"
    currencies: Mapping[str, int] = field(default_factory=dict)
    allowed_lateness_ms: int = 60_000
    shards: int = 8
    commit_every_ms: int = 500
    fx: Path = _FOLDER / "lookups" / "fx.csv"
    lookups: Mapping[str, Path] = field(
        default_factory=lambda: {"countries": _FOLDER / "lookups" / "countries.csv"}
    )
    packs: tuple[str, ...] = ("payments", "account_security", "aml", "trading")
    ordering: Ordering = "arrival"
    idle_after_ms: int = 10_000
    publish: Literal["at_once", "committed"] = "at_once"
    poison_limit: float = 0.5
    state: Path = Path("out/run")
    processes: int = 1
    hosts: tuple[str, ...] = ("localhost",)
    port: int = 2101
    hang_after_ms: int = 180_000
    kafka: KafkaSettings = field(default_factory=KafkaSettings)
    redis: RedisSettings = field(default_factory=RedisSettings)

    @property
    def hash_key(self) -> Secret:
        """The secret, ready to hash."""
        return Secret(bytes.fromhex(self.secret))

    @property
    def is_development(self) -> bool:
        """Whether the public key is in use."""
        return self.secret == DEVELOPMENT_SECRET

    @property
    def all_currencies(self) -> dict[str, int]:
        """Currency code → decimals: ISO 4217 and this deployment's own."""
        return {**iso_currencies(), **self.currencies}


def _secret(node: Any) -> str:
    text = text_of(node)
    if not _SECRET.fullmatch(text):
        # never the text itself: messages end up in logs
        raise problem(
            f"a secret is 32 hexadecimal digits, was {len(text)} characters", "openssl rand -hex 16"
        )
    return text.lower()


def _share(node: Any) -> float:
    value = number_of(node)
    if not 0 <= value <= 1:
        raise problem(f"was {node.text}", "a share from 0 to 1")
    return float(value)


Names = Annotated[
    list[Text], BeforeValidator(listed), Field(min_length=1), AfterValidator(distinct_of("name"))
]


class SettingsSection(Section):
    """The settings file as written; what is left out keeps the default of `Settings`."""

    secret: Annotated[str | None, BeforeValidator(_secret)] = None
    base_currency: Text | None = None
    currencies: dict[str, Annotated[int, whole(0, 4)]] = Field(default_factory=dict)
    allowed_lateness: Annotated[int | None, span(0, 86_400_000)] = None
    shards: Annotated[int | None, whole(1, 64)] = None
    commit_every: Annotated[int | None, span(10, 60_000)] = None
    fx: Text | None = None
    lookups: dict[Key, Text] | None = None
    packs: Names | None = None
    ordering: Annotated[str | None, word("ordering", ("arrival", "event_time"))] = None
    idle_after: Annotated[int | None, span(100, 86_400_000)] = None
    publish: Annotated[str | None, word("way to publish", ("at_once", "committed"))] = None
    poison_limit: Annotated[float | None, BeforeValidator(_share)] = None
    state: Text | None = None
    processes: Annotated[int | None, whole(1, 48)] = None
    hosts: Names | None = None
    port: Annotated[int | None, whole(1024, 32_000)] = None
    hang_after: Annotated[int | None, span(1000, 86_400_000)] = None
    kafka: KafkaSection | None = None
    redis: RedisSection | None = None


def load_settings(path: Path | None) -> Settings:
    """Load settings; the environment variable RIVERGUARD_SECRET overrides `secret`.

    Parameters
    ----------
    path
        A YAML file; None for the defaults.

    Raises
    ------
    ConfigError
        The first mistake, with file, line and column.
    """
    settings = _from_file(path) if path is not None else Settings()
    secret = os.environ.get(SECRET_VARIABLE)
    if secret is None:
        return settings
    if not _SECRET.fullmatch(secret):
        raise ConfigError(
            f"{SECRET_VARIABLE} is 32 hexadecimal digits, was {len(secret)} characters",
            hint="openssl rand -hex 16",
        )
    return replace(settings, secret=secret.lower())


def state_key() -> bytes | None:
    """Key that encrypts state at rest, from the environment; None stores it in clear.

    Raises
    ------
    ConfigError
        It is not one.
    """
    text = os.environ.get(STATE_KEY_VARIABLE)
    if not text:
        return None
    if not _STATE_KEY.fullmatch(text):
        raise ConfigError(
            f"{STATE_KEY_VARIABLE} is 64 hexadecimal digits, was {len(text)} characters",
            hint="openssl rand -hex 32",
        )
    return bytes.fromhex(text)


def _from_file(path: Path) -> Settings:
    document = read_document(path)
    section = check(SettingsSection, document)
    iso = iso_currencies()
    for code in section.currencies:
        if not _CODE.fullmatch(code):
            message = f"{brief(code)!r} is no currency code"
            raise document.key_error(("currencies", code), message, "capitals and digits: XBT")
        if code in iso:
            message = f"{code} has {iso[code]} decimals by ISO 4217"
            raise document.key_error(("currencies", code), message, "remove it")
    base = section.base_currency
    if base is not None and base not in iso and base not in section.currencies:
        hint = suggest(base, [*iso, *section.currencies])
        raise document.error(("base_currency",), f"no currency is called {brief(base)}", hint)
    given: dict[str, Any] = {
        "secret": section.secret,
        "base_currency": base,
        "currencies": section.currencies,
        "allowed_lateness_ms": section.allowed_lateness,
        "shards": section.shards,
        "commit_every_ms": section.commit_every,
        "fx": path.parent / section.fx if section.fx is not None else None,
        "lookups": None
        if section.lookups is None
        else {name: path.parent / file for name, file in section.lookups.items()},
        "packs": tuple(section.packs) if section.packs else None,
        "ordering": section.ordering,
        "idle_after_ms": section.idle_after,
        "publish": section.publish,
        "poison_limit": section.poison_limit,
        "state": Path(section.state) if section.state is not None else None,
        "processes": section.processes,
        "hosts": tuple(section.hosts) if section.hosts else None,
        "port": section.port,
        "hang_after_ms": section.hang_after,
        "kafka": kafka_settings(section.kafka, path.parent),
        "redis": redis_settings(section.redis, path.parent),
    }
    _check_cluster(document, section)
    return replace(Settings(), **{key: value for key, value in given.items() if value is not None})


def _check_cluster(document: Document, section: SettingsSection) -> None:
    """The processes of all hosts must share out the shards evenly, or some would idle."""
    processes = (section.processes or 1) * len(section.hosts or ["localhost"])
    shards = section.shards or Settings().shards
    if BALANCED_FOR % processes:
        raise document.error(
            ("processes",) if section.processes else ("hosts",),
            f"{processes} processes in all cannot share out shards evenly",
            f"a divisor of {BALANCED_FOR}: 1, 2, 3, 4, 6, 8, 12, 16, 24 or 48",
        )
    if processes > shards:
        raise document.error(
            ("processes",) if section.processes else ("hosts",),
            f"{processes} processes in all, but {shards} shards",
            "fewer processes, or more shards and empty state",
        )
