"""Duplicates and lateness: decided once, in arrival order, whatever the batches."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from models.intake import NO_TIME, Intake

LATENESS = 60_000
events = st.lists(
    st.tuples(st.integers(1, 60), st.integers(0, 3_000_000)), min_size=1, max_size=150
)


def verdicts(intake, stream):
    keys = np.array([key for key, _time in stream], np.uint64)
    times = np.array([time + 1_700_000_000_000 for _key, time in stream], np.int64)
    return intake._apply(keys, times).tolist()


def reference(stream):
    """One event at a time; duplicates are looked for over the whole stream."""
    seen, newest, out = set(), None, []
    for key, time in stream:
        if key in seen:
            out.append(2)
            continue
        seen.add(key)
        late = newest is not None and time < newest - LATENESS
        out.append(1 if late else 0)
        newest = time if newest is None else max(newest, time)
    return out


@given(events)
def test_lateness_is_judged_event_by_event(stream):
    unique = list({key: (key, time) for key, time in stream}.values())

    assert verdicts(Intake(LATENESS), unique) == reference(unique)


@given(events)
def test_a_duplicate_within_ten_minutes_of_event_time_is_found(stream):
    close = [(key, time // 10) for key, time in stream]

    assert verdicts(Intake(LATENESS), close) == reference(close)


@given(events, st.integers(0, 150))
def test_batches_and_restarts_are_invisible(stream, cut):
    whole = verdicts(Intake(LATENESS), stream)
    first = Intake(LATENESS)
    head = verdicts(first, stream[:cut])
    second = Intake(LATENESS)
    second.load(first.save())

    assert head + verdicts(second, stream[cut:]) == whole


def test_memory_is_bounded_by_the_span_not_the_stream():
    intake = Intake(LATENESS)
    for start in range(0, 400_000, 5000):
        keys = np.arange(start + 1, start + 5001, dtype=np.uint64)
        intake._apply(keys, 1_700_000_000_000 + keys.astype(np.int64) * 1000)

    # ten minutes hold 600 events here, the two tables at most twice as many
    assert sum(array.nbytes for array in intake.save().values()) < 100_000


def test_watermark_is_the_newest_event_less_the_lateness():
    intake = Intake(LATENESS)
    assert intake.watermark_ms == NO_TIME

    verdicts(intake, [(1, 500_000), (2, 400_000)])

    assert intake.watermark_ms == 1_700_000_000_000 + 500_000 - LATENESS
