"""Hypothesis strategies: packs of features, and streams made to be hostile to them."""

from dataclasses import dataclass
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st

from models.expressions.tree import Node
from models.feature_specs import Over
from models.features.plan import Feature, Group
from models.reference.windows import Visit
from tests.models.features.building import (
    AMOUNT,
    CASH,
    DEVICE,
    EVENT_TIME,
    FOREVER,
    FRAUD,
    OPENED,
    OTHER,
    OWN,
    PRICE,
    feature,
)

HOUR = 3_600_000
DAY = 24 * HOUR
START = 1_700_000_000_000

NUMBERS = (AMOUNT, PRICE, OPENED)
ADDED = (AMOUNT, PRICE)
LISTED = (AMOUNT, PRICE, DEVICE, EVENT_TIME, OPENED)

AGGREGATES: dict[str, tuple[Node | None, ...]] = {
    "count": (None,),
    "sum": ADDED,
    "mean": ADDED,
    "std": ADDED,
    "median": NUMBERS,
    "mad": NUMBERS,
    "max": NUMBERS,
    "min": NUMBERS,
    "distinct": LISTED,
    "share": (None,),
    "last": LISTED,
    "previous": LISTED,
    "since": (None,),
}
LASTS = ("last", "previous", "since")


@dataclass(frozen=True, slots=True)
class Scale:
    """Windows, delays and steps of time that meet each other's edges."""

    start: int
    overs: tuple[int | Over, ...]
    delays: tuple[int, ...]
    lateness: tuple[int, ...]
    steps: tuple[int, ...]


MILLISECONDS = Scale(
    start=START,
    overs=(1, 7, 20, 100, FOREVER),
    delays=(0, 0, 5, 20),
    lateness=(0, 10, 25),
    steps=(0, 0, 1, 1, 2, 5, 6, 7, 8, 19, 20, 21, 100, 300),
)
_ZONES = ("America/New_York", "Asia/Shanghai", "America/Sao_Paulo")
CALENDAR = Scale(
    start=0,  # replaced by the eve of a day that is not like the others
    overs=(
        *(Over(period="day", zone=zone) for zone in _ZONES),
        Over(period="month", zone="America/New_York"),
        Over(period="day", zone="America/New_York", count=3),
        Over(period="month", zone="Asia/Shanghai", count=2),
        Over(period="business_day", zone="America/New_York", market="US"),
        Over(0, "business_day", "Asia/Shanghai", "CN", 17 * HOUR, 10),
        HOUR,
    ),
    delays=(0, 0, 0, HOUR, DAY),
    lateness=(0, HOUR),
    steps=(0, 1, HOUR - 1, HOUR, HOUR, 2 * HOUR, 5 * HOUR, 12 * HOUR, 23 * HOUR, DAY, 40 * DAY),
)
EVES = (
    1_710_046_800_000 - 2 * HOUR,  # 2024-03-10 New York: a day of 23 hours, midnight at 05:00Z
    1_730_606_400_000 - 2 * HOUR,  # 2024-11-03 New York: a day of 25 hours, midnight at 04:00Z
    1_719_763_200_000 - 2 * HOUR,  # 2024-07-01 Shanghai: midnight at 16:00Z
    1_541_300_400_000 - 2 * HOUR,  # 2018-11-04 São Paulo: a day without midnight
    1_518_919_200_000 - 2 * HOUR,  # 2018-02-18 São Paulo: 23:00 to 24:00 came twice
)


@st.composite
def features(
    draw: st.DrawFn,
    scale: Scale,
    cap: st.SearchStrategy[int],
    *,
    aggregates: tuple[str, ...] = tuple(AGGREGATES),
    most: int = 6,
) -> list[Feature]:
    """Draw features that share one space."""
    lateness, limit = draw(st.sampled_from(scale.lateness)), draw(cap)
    found = []
    for number in range(draw(st.integers(1, most))):
        aggregate = draw(st.sampled_from(aggregates))
        value = draw(st.sampled_from(AGGREGATES[aggregate]))
        found.append(
            feature(
                aggregate,
                value,
                over=draw(st.sampled_from(scale.overs)),
                where=draw(st.sampled_from((None, None, CASH, FRAUD))),
                condition=draw(st.sampled_from((CASH, FRAUD))) if aggregate == "share" else None,
                of=draw(st.sampled_from((OWN, OWN, OTHER))),
                delay=draw(st.sampled_from(scale.delays)),
                exclude_current=draw(st.booleans()),
                min_history=draw(st.sampled_from((0, 0, 1, 2, 4))),
                # a text is never compared with a number
                bound=draw(st.sampled_from((None, 0.0, 2.0))) if value != DEVICE else None,
                cap=limit,
                lateness=lateness,
                name=f"{aggregate}{number}",
            )
        )
    return found


def groups_of(given: list[Feature]) -> list[Group]:
    """List the read groups of features."""
    return list(dict.fromkeys(Group(f.spec.of, f.spec.exclude_current) for f in given))


AMOUNTS = st.none() | st.sampled_from((0, 1, -1, 10_000, 20_000, 99_999_999_999))
PRICES = st.none() | st.sampled_from((0.0, 0.1, 0.2, -0.3, 1.5, 1e6, 1234.5678))
HUGE_PRICES = st.none() | st.sampled_from((0.0, 0.1, 0.2, -0.3, 1e15, -1e15, 1e15 / 3, 7e11))
# some hashes are negative, some look like NaN or like each other's halves
DEVICES = st.none() | st.sampled_from((1, -1, 2, 1 << 32, -(1 << 63), 0x7FF8_0000_0000_0001))
OPENINGS = st.none() | st.sampled_from((0, START, START - 1))


def visits(
    given: list[Feature],
    scale: Scale,
    *,
    start: int | None = None,
    entities: int = 3,
    most: int = 60,
    prices: st.SearchStrategy[float | None] = PRICES,
    late_updates: bool = False,
    reads_everything: bool = False,
) -> st.SearchStrategy[list[Visit]]:
    """Streams that step forward and back, within the allowed lateness and beyond it."""
    groups = groups_of(given)
    lateness = given[0].lateness_ms
    move = st.tuples(
        st.sampled_from("fffffbbx"),
        st.sampled_from(scale.steps),
        st.integers(0, lateness),
        st.integers(1, entities),
        st.sampled_from((True, True, True, False)),
        st.just(groups) if reads_everything else st.sets(st.sampled_from(groups)),
        st.tuples(AMOUNTS, prices, DEVICES, OPENINGS),
        st.sampled_from(((), (CASH,), (FRAUD,), (CASH, FRAUD))),
    )

    def fold(moves: list[tuple[Any, ...]]) -> list[Visit]:
        newest, found = scale.start if start is None else start, list[Visit]()
        for number, (way, step, back, key, updates, reads, values, true) in enumerate(moves):
            at_ms = {"f": newest + step, "b": newest - back, "x": newest - lateness - step}[way]
            # a late event reads, but updates nothing
            updates = updates and (late_updates or at_ms >= newest - lateness)  # noqa: PLW2901
            newest = max(newest, at_ms)
            named = dict(zip((AMOUNT, PRICE, DEVICE, OPENED), values, strict=True))
            found.append(
                Visit(key, at_ms, 1000 + number, updates, frozenset(reads), named, frozenset(true))
            )
        return found

    # left alone, lists are about six long
    few = st.lists(move, min_size=1, max_size=8)
    many = st.lists(move, min_size=most // 3, max_size=most)
    return (few | many | many).map(fold)


def examples(share: int) -> settings:
    """So many examples per hundred of the profile's."""
    return settings(max_examples=max(1, share * settings.default.max_examples // 100))
