"""A space's windows, cells and columns, arranged in the arrays that its kernels take."""

from collections.abc import Sequence
from typing import Final

import numpy as np

from models.errors import ConfigError
from models.events import MONEY_SCALE
from models.expressions.tree import Name, Source
from models.features.arrange_buckets import lay_out_buckets
from models.features.arrange_graph import lay_out_graph
from models.features.calendar import longest_ms, period_starts
from models.features.layout import (
    CELL_WORDS,
    GROUPS_MAX,
    LARGEST_BITS,
    VALUES,
    WINDOW_WORDS,
    WINDOWS,
    Cell,
    Holds,
    Plan,
    Read,
    Start,
    Term,
)
from models.features.plan import EVENT_ID, FOREVER_MS, GRAPH, Feature, Space, Value

FILTERS_MAX: Final = 62


class _Layout:
    """Collects windows, cells and distinct links of one space."""

    def __init__(self, space: Space) -> None:
        self.space = space
        if space.undo:
            space.value(EVENT_ID)
        self.windows: dict[tuple[int, int, int, bool, Start, int], int] = {}
        self.cells: dict[tuple[int, int, int, int, int], int] = {}
        self.distincts: dict[tuple[int, int], int] = {}
        self.calendars: dict[tuple[str, str, str, int], int] = {}
        self.longest: dict[tuple[int, int], int] = {}
        self.rows: list[list[int]] = []
        self.steps: list[list[int]] = []
        self.terms: list[list[int]] = []
        self.tolerances: list[float] = []

    def add(self, feature: Feature) -> None:
        spec, space = feature.spec, self.space
        window = self._window(feature)
        if feature.steps:
            self._add_sequence(feature, window)
            return
        mask = space.filter_bits([feature.where])
        history = self._cell(window, Cell.COUNT, -1, mask, 0) if spec.min_history and mask else -1
        read, cell, second, counted = self._reading(feature, window, mask)
        self.rows.append(
            [read, window, cell, second, history, spec.min_history, space.group(feature), counted]
        )

    def _add_sequence(self, feature: Feature, window: int) -> None:
        first, space = len(self.steps), self.space
        for node, step in zip(feature.steps, feature.spec.steps, strict=True):
            mask = space.filter_bits([feature.where, node])
            self.steps.append([mask, step.times, step.within_ms or FOREVER_MS])
        steps = len(feature.steps)
        group = space.group(feature)
        self.rows.append([Read.SEQUENCE, window, -1, -1, -1, steps, group, first])

    def _window(self, feature: Feature) -> int:
        spec = feature.spec
        # a history must be counted, so its events are all kept, not only the last one
        is_last = spec.aggregate in ("last", "previous", "since") and not spec.min_history
        over, calendar = spec.over, -1
        span = FOREVER_MS if over.forever else over.span_ms
        if over.period:
            named = (over.period, over.zone, over.market, over.cutoff_ms)
            calendar, span = self.calendars.setdefault(named, len(self.calendars)), over.count - 1
            self.longest[calendar, span] = longest_ms(over)
        start, what = Start.SPAN, 0
        if over.gap_ms:
            start, what = Start.SESSION, over.gap_ms
        elif feature.start is not None:
            start, what = Start.SINCE, self.space.filter_bits([feature.start])
        elif over.period and spec.late and not spec.delay_ms:
            start = Start.WHOLE
        key = (span, spec.delay_ms, calendar, is_last and start is Start.SPAN, start, what)
        return self.windows.setdefault(key, len(self.windows))

    def _cell(self, window: int, kind: Cell, column: int, mask: int, holds: int) -> int:
        key = (window, int(kind), column, mask, holds)
        return self.cells.setdefault(key, len(self.cells))

    def _reading(self, feature: Feature, window: int, mask: int) -> tuple[int, int, int, int]:
        """(Read, cell, second cell, distinct) of a feature."""
        aggregate = feature.spec.aggregate
        if aggregate == "count":
            counted = self._cell(window, Cell.COUNT, -1, mask, 0) if mask else -1
            return Read.COUNT, counted, -1, -1
        if aggregate == "share":
            both = self.space.filter_bits([feature.where, feature.condition])
            among = self._cell(window, Cell.COUNT, -1, mask, 0) if mask else -1
            return Read.SHARE, self._cell(window, Cell.COUNT, -1, both, 0), among, -1
        if aggregate == "match":
            counted = self._cell(window, Cell.COUNT, -1, mask, 0) if mask else -1
            return Read.MATCH, counted, -1, self._add_terms(feature)
        if aggregate == "since":
            time = self.space.value(Value(Name("event_time", Source.TIME), as_key=False))
            return Read.SINCE, self._cell(window, Cell.LAST, time, mask, Holds.TIME), -1, -1
        assert feature.value is not None
        value = Value(feature.value, as_key=feature.as_key)
        column, holds = self.space.value(value), value.holds
        if value.as_key:
            counted = self.distincts.setdefault((column, mask), len(self.distincts))
            if aggregate == "top_share":
                return self._top_share(feature, window, mask, counted)
            cell = self._cell(window, Cell.DISTINCT, column, mask, counted)
            return Read.DISTINCT, cell, -1, counted
        if aggregate == "ewm":
            counted = self._cell(window, Cell.COUNT, column, mask, holds)
            return Read.EWM, counted, -1, feature.spec.half_life_ms
        if aggregate in ("median", "mad"):
            # the count says which values there are; they are looked through when read
            read = Read.MEDIAN if aggregate == "median" else Read.MAD
            return read, self._cell(window, Cell.COUNT, column, mask, holds), -1, -1
        if aggregate == "std":
            return Read.STD, self._cell(window, Cell.SQUARES, column, mask, holds), -1, -1
        if aggregate in ("max", "min"):
            kind = Cell.MAX if aggregate == "max" else Cell.MIN
            return Read.EXTREME, self._cell(window, kind, column, mask, holds), -1, -1
        if aggregate in ("last", "previous"):
            return Read.LAST, self._cell(window, Cell.LAST, column, mask, holds), -1, -1
        is_money = holds == Holds.MONEY
        kind = Cell.SUM_INT if is_money else Cell.SUM_FLOAT
        total = self._cell(window, kind, column, mask, holds)
        if aggregate == "sum":
            return (Read.SUM_MONEY if is_money else Read.SUM_FLOAT), total, -1, -1
        among = self._cell(window, Cell.COUNT, column, mask, holds)
        return (Read.MEAN_MONEY if is_money else Read.MEAN_FLOAT), total, among, -1

    def _top_share(
        self, feature: Feature, window: int, mask: int, counted: int
    ) -> tuple[int, int, int, int]:
        added = -1
        if feature.weight is not None:
            value = Value(feature.weight, as_key=False)
            added = self._cell(window, Cell.COUNT, self.space.value(value), mask, value.holds)
        last = counted << LARGEST_BITS | feature.spec.largest
        return Read.TOP_SHARE, -1, added, last

    def _add_terms(self, feature: Feature) -> int:
        """The number of a match's first term."""
        first = len(self.terms)
        for nodes, spec in zip(feature.terms, feature.spec.terms, strict=True):
            values = [Value(node, as_key=False) for node in nodes]
            places = [self.space.value(value) for value in values]
            kind, holds = Term[spec.relation.upper()], values[0].holds
            in_units = kind is Term.WITHIN and holds is Holds.MONEY
            self.terms.append([kind, places[0], places[-1], holds, 0])
            self.tolerances.append(spec.tolerance * (MONEY_SCALE if in_units else 1))
        self.terms[-1][-1] = 1
        return first

    def finish(self, cap: int, lateness_ms: int, bounds: Sequence[float]) -> Plan:
        columns, links = self._columns()
        ordered = sorted(self.cells.items(), key=lambda item: item[0][0])
        moved = {old: new for new, (_key, old) in enumerate(ordered)}
        cells, spans = self._cells([key for key, _old in ordered], columns)
        words = int(self._first_cell() + sum(CELL_WORDS[key[1]] for key, _ in ordered))
        windows = [
            [span, delay, calendar, *spans.get(at, (0, 0))]
            for (span, delay, calendar, *_start), at in self.windows.items()
        ]
        features = np.array(self.rows, np.int64)
        for place in (2, 3, 4):
            features[:, place] = [moved.get(int(cell), -1) for cell in features[:, place]]
        starts = [period_starts(*calendar) for calendar in self.calendars]
        horizon, life = self._horizons(lateness_ms)
        hashed = [i for (value, _mask), i in self.distincts.items() if not self._is_time(value)]
        indexes = {i: number for number, i in enumerate(hashed)}
        return Plan(
            np.array(windows, np.int64),
            np.cumsum([0, *(len(s) for s in starts)]),
            np.concatenate([*starts, np.zeros(1, np.int64)]),
            cells,
            np.array(
                [[columns[value], links + i, mask, indexes.get(i, -1)]
                 for (value, mask), i in self.distincts.items()], np.int64,
            ).reshape(-1, 4),
            features,
            np.array(columns, np.int64),
            np.array(bounds, np.float64),
            np.array(
                [VALUES + len(columns) + len(self.distincts), words, cap, lateness_ms,
                 horizon, life, links + len(self.distincts), len(indexes), 0]
            ),
            np.array(self.steps, np.int64).reshape(-1, 3),
            np.array(self.terms, np.int64).reshape(-1, 5),
            np.array(self.tolerances),
            self._starts(),
            np.array([self.space.value(EVENT_ID)] if self.space.undo else [], np.int64),
        )  # fmt: skip

    def _starts(self) -> np.ndarray:
        starts = np.array([key[-2:] for key in self.windows], np.int64)
        return starts if starts.any() else np.zeros((0, 2), np.int64)

    def _is_time(self, value: int) -> bool:
        return self.space.values[value].node == Name("event_time", Source.TIME)

    def _first_cell(self) -> int:
        return WINDOWS + WINDOW_WORDS * len(self.windows)

    def _columns(self) -> tuple[list[int], int]:
        """The block column of each value, and where links begin: records first, counted last."""
        counted = [value.as_key for value in self.space.values]
        links = VALUES + counted.count(False)
        after = links + len(self.distincts)
        columns, record = [], VALUES
        for is_counted in counted:
            columns.append(after if is_counted else record)
            after, record = after + is_counted, record + (not is_counted)
        return columns, links

    def _cells(
        self, keys: Sequence[tuple[int, int, int, int, int]], columns: Sequence[int]
    ) -> tuple[np.ndarray, dict[int, tuple[int, int]]]:
        rows, spans = [], dict[int, tuple[int, int]]()
        word = self._first_cell()
        for at, (window, kind, column, mask, holds) in enumerate(keys):
            rows.append([kind, columns[column] if column >= 0 else -1, mask, word, holds])
            word += int(CELL_WORDS[kind])
            spans[window] = (spans.get(window, (at, 0))[0], at + 1)
        return np.array(rows, np.int64).reshape(-1, 5), spans

    def _horizons(self, lateness_ms: int) -> tuple[int, int]:
        """How long events, and how long entities, must be kept."""
        events, lives = [0], [0]
        for span, delay, calendar, is_last, *_start in self.windows:
            length = self.longest[calendar, span] if calendar >= 0 else span
            lives.append(length + delay)
            if not is_last:
                events.append(length + delay)
        life = max(lives)
        return max(events) + lateness_ms, -1 if life >= FOREVER_MS else life + lateness_ms


def lay_out(space: Space) -> Plan:
    """The arrays of a space.

    Raises
    ------
    ConfigError
        Where a space needs more filters or read groups than fit.
    """
    place = space.features[0].spec.place
    grain_ms = space.features[0].spec.grain_ms
    if grain_ms == GRAPH:
        plan = lay_out_graph(space)
    elif grain_ms:
        plan = lay_out_buckets(space)
    else:
        layout = _Layout(space)
        for feature in space.features:
            layout.add(feature)
        bounds = [np.nan if f.bound is None else f.bound for f in space.features]
        plan = layout.finish(space.features[0].cap, space.features[0].lateness_ms, bounds)
    if len(space.filters) > FILTERS_MAX or len(space.groups) > GROUPS_MAX:
        raise ConfigError(
            f"over {FILTERS_MAX} conditions or {GROUPS_MAX} read keys for {', '.join(space.by)}",
            hint="move some features to another pack",
            place=place,
        )
    return plan
