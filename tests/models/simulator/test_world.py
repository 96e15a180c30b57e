import re
from itertools import islice

import numpy as np
import pytest

from models.errors import ConfigError
from models.events import COLUMNS, REQUIRED, REQUIRED_ALWAYS, ColumnType
from models.simulator.settings import DAY_MS, MINUTE_MS
from models.simulator.world import World, WorldConfig
from tests.models.simulator import thresholds

SMALL = WorldConfig(accounts=800, instruments=6, trades_per_instrument=300, incidents_per_day=12)
PYTHON_TYPE = {
    ColumnType.TEXT: str,
    ColumnType.TIME: int,
    ColumnType.MONEY: (int, float),
    ColumnType.NUMBER: (int, float),
    ColumnType.FLAG: bool,
}


def take(config, count, skip=0):
    return list(islice(World(config).batches(skip=skip), count))


def test_equal_configurations_give_identical_batches():
    assert take(SMALL, 20) == take(SMALL, 20)


def test_the_seed_changes_the_world():
    other = WorldConfig(
        seed=8, accounts=800, instruments=6, trades_per_instrument=300, incidents_per_day=12
    )
    assert take(SMALL, 1)[0].lines != take(other, 1)[0].lines


@pytest.mark.parametrize("skip", [1, 7, 12, 143, 144, 150])
def test_a_batch_does_not_depend_on_how_it_was_reached(skip):
    walked = take(SMALL, 153)
    assert take(SMALL, 3, skip=skip) == walked[skip : skip + 3]


def test_iterators_of_one_world_do_not_disturb_each_other():
    world = World(SMALL)
    today, tomorrow = world.batches(), world.batches(skip=144)
    alternating = [batch for _ in range(30) for batch in (next(today), next(tomorrow))]
    assert alternating[::2] == take(SMALL, 30)
    assert alternating[1::2] == take(SMALL, 30, skip=144)


def test_batch_length_only_cuts_differently():
    coarse = WorldConfig(
        accounts=800, instruments=6, trades_per_instrument=300, incidents_per_day=12,
        batch_minutes=240,
    )  # fmt: skip
    fine = take(SMALL, 144)
    assert b"".join(batch.lines for batch in fine) == b"".join(
        batch.lines for batch in take(coarse, 6)
    )


def test_every_batch_covers_its_slice(story):
    length = story.config.batch_minutes * MINUTE_MS
    for place, batch in enumerate(story.batches):
        low = story.config.start_ms + place * length
        assert low <= batch.first_ms <= batch.last_ms < low + length
        assert batch.events == batch.lines.count(b"\n") > 0
        assert batch.lines.endswith(b"\n")
        assert all(batch.first_ms <= one.end_ms <= batch.last_ms for one in batch.incidents)


def test_a_silent_world_has_empty_batches_with_the_slice_as_bounds():
    config = WorldConfig(
        accounts=500,
        incidents_per_day=0,
        payments_per_account=0.0,
        logins_per_account=0.0,
        profile_changes_per_account=0.0,
        trades_per_instrument=0.0,
    )
    batch = take(config, 1)[0]
    assert (batch.lines, batch.events, batch.incidents) == (b"", 0, ())
    assert (batch.first_ms, batch.last_ms) == (config.start_ms, config.start_ms + 599_999)


def test_events_come_in_order_of_time_and_id_across_batches(story):
    keys = [(event["event_time"], event["event_id"]) for event in story.events]
    assert keys == sorted(keys)
    assert len({time for time, _ in keys}) < len(keys), "no ties: the order by id is untested"


def test_event_ids_are_unique(story):
    assert len({event["event_id"] for event in story.events}) == len(story.events)


def test_events_are_canonical(story):
    kinds = set()
    for event in story.events:
        kinds.add(event["kind"])
        assert all(event.get(name) is not None for name in REQUIRED_ALWAYS)
        assert all(event.get(name) is not None for name in REQUIRED[event["kind"]])
        for name, value in event.items():
            assert isinstance(value, PYTHON_TYPE[COLUMNS[name].type]), (name, value)
    assert kinds == {"payment", "login", "profile", "trade"}


def test_money_is_written_with_its_currency_s_decimals(story):
    pattern = re.compile(rb'"amount":([^,]+),"currency":"([A-Z]{3})"')
    seen = set()
    for batch in story.batches:
        for amount, currency in pattern.findall(batch.lines):
            seen.add(currency)
            digits = rb"[1-9]\d*" if currency == b"JPY" else rb"\d+\.\d\d"
            assert re.fullmatch(digits, amount), (amount, currency)
            assert float(amount) > 0
    assert seen == {b"CNY", b"USD", b"EUR", b"JPY", b"HKD"}


def test_a_world_may_start_at_any_moment():
    start = SMALL.start_ms + 5 * 3_600_000 + 123
    config = WorldConfig(accounts=800, instruments=6, trades_per_instrument=300, start_ms=start)
    batches = take(config, 144)
    assert all(
        start + place * 600_000 <= batch.first_ms <= batch.last_ms < start + (place + 1) * 600_000
        for place, batch in enumerate(batches)
    )
    # 05:00 local is quiet and 12:00, seven hours later, is not.
    assert sum(b.events for b in batches[42:48]) > 2 * sum(b.events for b in batches[:6])


@pytest.mark.parametrize(
    "broken",
    [
        {"accounts": 10},
        {"instruments": 0},
        {"seed": -1},
        {"incidents_per_day": -1},
        {"decline_rate": 1.0},
        {"login_failure_rate": -0.1},
        {"trades_per_instrument": -1.0},
        {"accounts": 500, "instruments": 24, "incidents_per_day": 63},
        {"batch_minutes": 7},
        {"batch_minutes": 0},
        {"instruments": 2, "incidents_per_day": 60},
    ],
)
def test_impossible_worlds_are_refused(broken):
    with pytest.raises(ConfigError):
        World(WorldConfig(**broken))


def test_prices_join_from_day_to_day(story):
    border = story.config.start_ms + DAY_MS
    for rows in thresholds.by_symbol(story.of("trade")).values():
        place = int(np.searchsorted(rows[:, 0], border))
        assert rows[place, 1] == pytest.approx(rows[place - 1, 1], rel=0.02)
