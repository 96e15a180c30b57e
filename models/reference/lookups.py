"""The definition of a lookup: what a table says of a key at a time."""

from models.lookups import LookupTable


def look_up(table: LookupTable, value: str, key: str, time_ms: int) -> str | bool | None:
    """Return the text that holds, or None; for an empty `value` whether the key is listed.

    >>> from models.errors import Place
    >>> from models.lookups import Entry
    >>> entries = tuple(
    ...     Entry("IR", since, until, {"risk": risk}, Place("countries.csv", 2))
    ...     for since, until, risk in ((0, 100, "low"), (50, 80, "high"))
    ... )
    >>> table = LookupTable(("risk",), entries)
    >>> [look_up(table, "risk", "IR", at) for at in (10, 60, 90)]
    ['low', 'high', None]
    """
    begun = [entry for entry in table.entries if entry.key == key and entry.since_ms <= time_ms]
    newest = max(begun, key=lambda entry: entry.since_ms, default=None)
    holds = newest is not None and time_ms < newest.until_ms
    if not value:
        return holds
    return newest.values.get(value) if newest is not None and holds else None
