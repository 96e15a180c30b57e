"""How features become spaces, windows and cells."""

import numpy as np
import pytest

from models.errors import ConfigError
from models.expressions.tree import Call, Constant, Name, Source, Type
from models.feature_specs import Over
from models.features.arrange import FILTERS_MAX, lay_out
from models.features.layout import (
    C_FILTER,
    C_HOLDS,
    C_KIND,
    CELLS_FROM,
    CELLS_TO,
    F_CELL,
    F_READ,
    F_WINDOW,
    GROUPS_MAX,
    S_HORIZON,
    S_LIFE,
    S_STRIDE,
    S_WORDS,
    Cell,
    Holds,
    Read,
)
from models.features.plan import (
    answer_columns,
    build_spaces,
    derived_nodes,
)
from tests.models.features.building import (
    AMOUNT,
    CASH,
    DEVICE,
    FRAUD,
    OTHER,
    PRICE,
    feature,
    space_of,
)

HOUR = 3_600_000


def above(limit: float) -> Call:
    """Compare the price with a number."""
    return Call(">", (PRICE, Constant(limit, Type.NUMBER)), Type.FLAG)


def test_features_of_one_key_and_kind_share_a_space():
    spaces = build_spaces(
        [
            feature("count"),
            feature("sum", AMOUNT, of=OTHER),
            feature("count", by=("device",), of=("device",)),
            feature("count", on=2, name="other_kind"),
            feature("count", cap=16, name="other_cap"),
        ]
    )
    assert [len(space.features) for space in spaces] == [2, 1, 1, 1]


def test_windows_that_mean_the_same_are_one():
    plan = lay_out(
        space_of(
            [
                feature("count", over=HOUR),
                feature("sum", AMOUNT, over=HOUR, where=CASH),
                feature("max", PRICE, over=HOUR, exclude_current=True),
                feature("sum", PRICE, over=HOUR, delay=1),
                feature("sum", PRICE, over=2 * HOUR),
            ]
        )
    )
    assert plan.features[:, F_WINDOW].tolist() == [0, 0, 0, 1, 2]
    assert plan.windows.shape[0] == 3


def test_days_of_two_zones_are_two_windows_of_two_calendars():
    zones = ["Asia/Shanghai", "America/New_York", "Asia/Shanghai"]
    plan = lay_out(
        space_of(
            [
                feature("count", over=Over(period="day", zone=zone), name=f"count{i}")
                for i, zone in enumerate(zones)
            ]
        )
    )
    assert plan.features[:, F_WINDOW].tolist() == [0, 1, 0]
    first, second, end = plan.calendar_at.tolist()
    assert np.all(np.diff(plan.calendar_starts[first:second]) > 0)
    assert np.all(np.diff(plan.calendar_starts[second:end]) > 0)


def test_what_two_features_need_is_kept_once():
    plan = lay_out(
        space_of(
            [
                feature("sum", AMOUNT, where=CASH),
                feature("mean", AMOUNT, where=CASH),
                feature("share", where=CASH, condition=FRAUD),
                feature("count", where=CASH),
            ]
        )
    )
    kinds = sorted(plan.cells[:, C_KIND].tolist())
    # one sum; counts of non-null amounts, of cash, and of cash that was fraud
    assert kinds == [Cell.COUNT, Cell.COUNT, Cell.COUNT, Cell.SUM_INT]
    assert plan.features[0, F_CELL] == plan.features[1, F_CELL]
    assert sorted(plan.cells[:, C_FILTER].tolist()) == [1, 1, 1, 3]


def test_counting_everything_needs_no_cell():
    plan = lay_out(space_of([feature("count")]))
    assert plan.cells.shape[0] == 0
    assert plan.features[0, F_CELL] == -1


def test_money_stays_an_integer_and_what_is_computed_is_a_float():
    computed = Call("+", (AMOUNT, AMOUNT), Type.NUMBER)
    plan = lay_out(
        space_of(
            [
                feature("sum", AMOUNT),
                feature("sum", PRICE, name="price"),
                feature("sum", computed, name="computed"),
                feature("max", AMOUNT),
            ]
        )
    )
    reads = [Read.SUM_MONEY, Read.SUM_FLOAT, Read.SUM_FLOAT, Read.EXTREME]
    assert plan.features[:, F_READ].tolist() == reads
    cells = plan.cells[plan.features[:, F_CELL]]
    assert cells[:, C_HOLDS].tolist() == [Holds.MONEY, Holds.FLOAT, Holds.FLOAT, Holds.MONEY]
    assert cells[0, C_KIND] == Cell.SUM_INT


def test_a_windows_cells_stand_together_and_words_do_not_overlap():
    space = space_of(
        [
            feature(aggregate, PRICE, over=over, name=f"{aggregate}{over}")
            for aggregate in ("std", "max", "mean", "distinct", "last")
            for over in (HOUR, 2 * HOUR)
        ]
    )
    plan = lay_out(space)
    owners = [
        window
        for window, (start, end) in enumerate(plan.windows[:, [CELLS_FROM, CELLS_TO]])
        for _ in range(start, end)
    ]
    assert len(owners) == plan.cells.shape[0]
    for number, (window, cell) in enumerate(plan.features[:, [F_WINDOW, F_CELL]]):
        assert owners[cell] == window, space.features[number].name
    words = plan.cells[:, 3]
    assert np.all(np.diff(words) >= 1)
    assert words.max() < plan.sizes[S_WORDS]


def test_only_counted_values_stand_behind_the_records():
    plan = lay_out(space_of([feature("distinct", DEVICE), feature("last", DEVICE)]))
    counted, stored = plan.columns
    assert counted >= plan.sizes[S_STRIDE] > stored


def test_how_long_events_and_entities_are_kept():
    windows = [
        feature("count", over=HOUR, delay=5, lateness=7),
        feature("last", PRICE, over=9 * HOUR),
    ]
    plan = lay_out(space_of(windows))
    assert plan.sizes[S_HORIZON] == HOUR + 5 + 7  # of the last event's predecessors none is needed
    assert plan.sizes[S_LIFE] == 9 * HOUR + 7
    assert lay_out(space_of([feature("last", PRICE, over=Over())])).sizes[S_LIFE] < 0


def test_a_history_keeps_the_events_it_counts():
    kept = feature("last", PRICE, over=9 * HOUR, lateness=7, min_history=3)
    assert lay_out(space_of([kept])).sizes[S_HORIZON] == 9 * HOUR + 7


def test_too_many_conditions_are_a_mistake_of_the_pack():
    limits = range(FILTERS_MAX)
    items = [feature("count", where=above(limit), name=f"count{limit}") for limit in limits]
    lay_out(space_of(items))
    with pytest.raises(ConfigError, match=r"pack.yaml:1:1: .*conditions"):
        lay_out(space_of([*items, feature("count", where=CASH)]))


def test_too_many_read_keys_are_a_mistake_of_the_pack():
    items = [feature("count", of=(f"key{n}",), name=f"count{n}") for n in range(GROUPS_MAX)]
    lay_out(space_of(items))
    with pytest.raises(ConfigError, match="read keys"):
        lay_out(space_of([*items, feature("count")]))


def test_what_must_be_computed_before_events_are_sent():
    computed = Call("*", (PRICE, PRICE), Type.NUMBER)
    spaces = build_spaces(
        [
            feature("sum", computed, where=above(1.0)),
            feature("sum", PRICE, where=CASH),
            feature("count", where=above(1.0), by=("device",)),
        ]
    )
    for space in spaces:
        lay_out(space)
    assert derived_nodes(spaces) == [above(1.0), CASH, computed]
    assert list(answer_columns(spaces)) == ["test.sum", "test.sum", "test.count"][1:]


def test_kinds_that_read_are_collected_per_group():
    first, second = feature("count", on=3), feature("sum", AMOUNT, on=3, of=OTHER)
    space = space_of([first, second])
    lay_out(space)
    assert [group.of for group in space.groups] == [("account",), OTHER]
    assert space.group_kinds == [3, 3]


def test_names_of_other_kinds_hold_what_they_are():
    space = space_of([feature("max", Name("due_date", Source.TIME)), feature("last", DEVICE)])
    lay_out(space)
    assert [value.holds for value in space.values] == [Holds.TIME, Holds.TEXT]
