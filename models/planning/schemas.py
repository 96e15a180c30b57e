"""What packs want of events, as one schema: their columns, conversions and reference data."""

from collections.abc import Collection, Mapping, Sequence

from models.decoding.schema import Schema
from models.errors import ConfigError
from models.expressions.problems import nearest
from models.hashing import Secret
from models.lookups import LookupSpec, LookupTable, words_of
from models.pack import PackSpec


def table_of(spec: LookupSpec, tables: Mapping[str, LookupTable]) -> LookupTable:
    """The table that a lookup names.

    Raises
    ------
    ConfigError
        The deployment has no such table, or the table no such column.
    """
    table = tables.get(spec.table)
    if table is None:
        raise ConfigError(
            f"no table is called {spec.table}",
            hint=f"{nearest(spec.table, list(tables))}; settings name them in lookups",
            place=spec.place,
        )
    if spec.value and spec.value not in table.columns:
        raise ConfigError(
            f"the table {spec.table} has no column {spec.value}",
            hint=nearest(spec.value, table.columns),
            place=spec.place,
        )
    return table


def _converted(packs: Sequence[PackSpec], currencies: Mapping[str, int]) -> dict[str, str]:
    """Column → currency of the packs' conversions, which must agree."""
    found: dict[str, str] = {}
    for pack in packs:
        for name, conversion in pack.conversions.items():
            code, place = conversion.code, conversion.place
            if code not in currencies:
                hint = nearest(code, list(currencies))
                raise ConfigError(f"no currency is called {code}", hint=hint, place=place)
            if found.setdefault(name, code) != code:
                message = f"{name} is in {found[name]} in another pack"
                raise ConfigError(message, hint="rename one of them", place=place)
    return found


def schema_of(
    packs: Sequence[PackSpec],
    wanted: Collection[str],
    kinds: Collection[str],
    joins: Mapping[str, LookupSpec],
    tables: Mapping[str, LookupTable],
    secret: Secret,
    base_currency: str,
    currencies: Mapping[str, int],
) -> Schema:
    """The columns that packs want of events of some kinds, and how they are read.

    Raises
    ------
    ConfigError
        Packs mean different things by one name.
    """
    first: dict[str, PackSpec] = {}
    for pack in packs:
        for wire in pack.aliases:
            other = first.setdefault(wire, pack)
            if other.aliases[wire] != pack.aliases[wire]:
                raise ConfigError(
                    f"packs {other.name} and {pack.name} read {wire} as different columns",
                    hint="packs that run together share one map",
                )
    return Schema(
        frozenset(wanted),
        frozenset(kinds),
        secret,
        base_currency,
        {wire: name for pack in packs for wire, name in pack.aliases.items()},
        {name: text for pack in packs for name, text in pack.constants.items()},
        {name: column for pack in packs for name, column in pack.columns.items()},
        currencies,
        {name: spec.by for name, spec in joins.items()},
        {
            key: text
            for name, spec in joins.items()
            for key, text in words_of(spec, tables[name], secret).items()
        },
        _converted(packs, currencies),
    )
