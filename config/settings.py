"""Deployment settings: ``config/riverguard.yaml``, or the same defaults without a file."""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Annotated, Any, Final

from pydantic import BeforeValidator, Field

from config.sections import Section, brief, check, problem, suggest
from config.words import Text, span, text_of, whole
from config.yaml_reader import read_document
from models.decoding.schema import iso_currencies
from models.errors import ConfigError
from models.hashing import Secret

SECRET_VARIABLE: Final = "RIVERGUARD_SECRET"  # noqa: S105 - its name, not its value
"""Environment variable that overrides `secret`."""

DEVELOPMENT_SECRET: Final = "72697665726775617264206465766b79"  # noqa: S105 - public on purpose
"""Known to everybody: whoever knows the secret can aim entities at one shard."""

_FOLDER = Path(__file__).parent
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
    """

    secret: str = field(default=DEVELOPMENT_SECRET, repr=False)
    base_currency: str = "CNY"
    currencies: Mapping[str, int] = field(default_factory=dict)
    allowed_lateness_ms: int = 60_000
    shards: int = 8
    commit_every_ms: int = 500
    fx: Path = _FOLDER / "lookups" / "fx.csv"

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


class SettingsSection(Section):
    """The settings file as written; what is left out keeps the default of `Settings`."""

    secret: Annotated[str | None, BeforeValidator(_secret)] = None
    base_currency: Text | None = None
    currencies: dict[str, Annotated[int, whole(0, 4)]] = Field(default_factory=dict)
    allowed_lateness: Annotated[int | None, span(0, 86_400_000)] = None
    shards: Annotated[int | None, whole(1, 64)] = None
    commit_every: Annotated[int | None, span(10, 60_000)] = None
    fx: Text | None = None


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
    }
    return replace(Settings(), **{key: value for key, value in given.items() if value is not None})
