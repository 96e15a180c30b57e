"""Settings and packs to a blueprint, for every command."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from config.fx import load_fx
from config.lookups import load_table
from config.packs import load_pack
from config.settings import Settings, load_settings
from models.planning.blueprint import Blueprint, Deployment, draw

SETTINGS: Final = Path(__file__).resolve().parent.parent / "config" / "riverguard.yaml"
"""What holds where no settings file is named."""


def deployment_of(settings: Settings) -> Deployment:
    """What the core needs of the settings."""
    return Deployment(
        settings.hash_key,
        settings.base_currency,
        settings.all_currencies,
        settings.allowed_lateness_ms,
        settings.shards,
        load_fx(settings.fx, settings.base_currency, settings.all_currencies),
        {name: load_table(path) for name, path in settings.lookups.items()},
    )


def load(packs: Sequence[str] | None, config: Path | None) -> tuple[Settings, Blueprint]:
    """Load settings and packs (None: those of the settings), and plan them.

    Raises
    ------
    ConfigError
        With file, line, value and a hint.
    """
    settings = load_settings(config or SETTINGS)
    chosen = settings.packs if packs is None else packs
    return settings, draw([load_pack(name) for name in chosen], deployment_of(settings))
