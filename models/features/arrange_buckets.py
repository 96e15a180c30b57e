"""A space with a grain: the cells of its buckets, arranged in the arrays that its kernel takes."""

from typing import Final

import numpy as np

from models.features.layout import (
    BUCKET_CELL_WORDS,
    NO_STEPS,
    NO_WINDOWS,
    VALUES,
    WINDOWS,
    BucketCell,
    BucketRead,
    Holds,
    Plan,
)
from models.features.plan import FOREVER_MS, Feature, Space, Value, cell_meaning

_PER: Final = {
    "mean": BucketRead.PER_MEAN, "std": BucketRead.PER_STD,
    "max": BucketRead.PER_MAX, "min": BucketRead.PER_MIN,
}  # fmt: skip


class _Layout:
    """Collects the cells of one space."""

    def __init__(self, space: Space) -> None:
        self.space = space
        self.cells: dict[tuple[BucketCell, int, int, int], int] = {}
        self.rows: list[list[int]] = []

    def add(self, feature: Feature) -> None:
        spec, space = feature.spec, self.space
        mask = space.filter_bits([feature.where])
        history = self._count(mask) if spec.min_history else -1
        read, cell, second = self._reading(feature, mask)
        self.rows.append(
            [read, spec.over.span_ms or FOREVER_MS, cell, second, history, spec.min_history,
             space.group(feature), spec.delay_ms]
        )  # fmt: skip

    def _cell(self, kind: BucketCell, column: int, mask: int, holds: int) -> int:
        return self.cells.setdefault((kind, column, mask, holds), len(self.cells))

    def _count(self, mask: int, column: int = -1, holds: int = 0) -> int:
        return self._cell(BucketCell.COUNT, column, mask, holds)

    def _sum(self, column: int, mask: int, holds: Holds) -> int:
        kind = BucketCell.SUM_INT if holds is Holds.MONEY else BucketCell.SUM_FLOAT
        return self._cell(kind, column, mask, holds)

    def _reading(self, feature: Feature, mask: int) -> tuple[int, int, int]:
        """(BucketRead, cell, second cell) of a feature."""
        aggregate, per = feature.spec.aggregate, feature.spec.per
        if aggregate in ("count", "new"):
            read = BucketRead.COUNT if aggregate == "count" else BucketRead.NEW
            return read, self._count(mask), -1
        if per == "count":
            return _PER[aggregate], self._count(mask), self._count(mask)
        assert feature.value is not None
        value = Value(feature.value, as_key=False)
        column, holds = self.space.value(value), value.holds
        if per:
            return _PER[aggregate], self._sum(column, mask, holds), self._count(mask)
        if aggregate in ("sum", "mean"):
            is_money, is_sum = holds is Holds.MONEY, aggregate == "sum"
            money = BucketRead.SUM_MONEY if is_sum else BucketRead.MEAN_MONEY
            other = BucketRead.SUM_FLOAT if is_sum else BucketRead.MEAN_FLOAT
            second = -1 if is_sum else self._count(mask, column, holds)
            return money if is_money else other, self._sum(column, mask, holds), second
        kind, read = {
            "std": (BucketCell.SQUARES, BucketRead.STD),
            "max": (BucketCell.MAX, BucketRead.EXTREME),
            "min": (BucketCell.MIN, BucketRead.EXTREME),
            "first": (BucketCell.FIRST, BucketRead.FIRST),
        }[aggregate]
        return read, self._cell(kind, column, mask, holds), -1

    def finish(self) -> Plan:
        space, features = self.space, self.space.features
        cells, word = [], VALUES
        for kind, column, mask, holds in self.cells:
            cells.append([kind, column, mask, word, holds])
            word += BUCKET_CELL_WORDS[kind]
        grain_ms, lateness_ms = features[0].spec.grain_ms, features[0].lateness_ms
        reach_ms = max((f.spec.over.span_ms or FOREVER_MS) + f.spec.delay_ms for f in features)
        # a bucket leaves when its beginning does, so the last event may stay for a grain more
        horizon_ms = min(reach_ms + lateness_ms + grain_ms, FOREVER_MS)
        forever = horizon_ms >= FOREVER_MS
        most = 1 if forever else horizon_ms // grain_ms + 2
        return Plan(
            *NO_WINDOWS,
            np.array(cells, np.int64).reshape(-1, 5), np.zeros((0, 4), np.int64),
            np.array(self.rows, np.int64), np.arange(len(space.values), dtype=np.int64),
            np.full(len(features), np.nan),
            np.array([word, WINDOWS, most, lateness_ms, horizon_ms, -1 if forever else horizon_ms,
                      word, 0, grain_ms]),
            *NO_STEPS,
        )  # fmt: skip


def lay_out_buckets(space: Space) -> Plan:
    """The arrays of a space with a grain; its cells' meanings go to the space."""
    layout = _Layout(space)
    for feature in space.features:
        layout.add(feature)
    space.cells = [
        cell_meaning(space, kind.name, column, mask) for kind, column, mask, _holds in layout.cells
    ]
    return layout.finish()
