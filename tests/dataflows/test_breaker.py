"""The circuit breaker: over the newest records only, and never over a few."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataflows.breaker import RECORDS_LEAST, RECORDS_WATCHED, Breaker
from models.errors import PoisonError


def test_a_few_dead_letters_stop_nothing():
    breaker = Breaker(0.1)

    for _ in range(RECORDS_LEAST - 1):
        breaker.note(0, 1)
    with pytest.raises(PoisonError):
        breaker.note(0, 1)


def test_the_limit_itself_is_put_up_with():
    breaker = Breaker(0.5)
    breaker.note(RECORDS_LEAST, RECORDS_LEAST)

    with pytest.raises(PoisonError, match="limit is 50 %"):
        breaker.note(0, 1)


def test_all_are_put_up_with_at_one():
    breaker = Breaker(1.0)
    for _ in range(50):
        breaker.note(0, RECORDS_WATCHED)


def test_old_records_are_forgotten():
    breaker = Breaker(0.5)
    breaker.note(RECORDS_LEAST, RECORDS_LEAST)
    for _ in range(2 * RECORDS_WATCHED // 100):
        breaker.note(100, 0)

    forgotten = f"of the last {RECORDS_WATCHED}"
    with pytest.raises(PoisonError, match=forgotten):  # noqa: PT012 - whenever it comes
        for _ in range(RECORDS_WATCHED // 100):
            breaker.note(0, 100)


@given(st.lists(st.tuples(st.integers(0, 900), st.integers(0, 900)), max_size=60))
def test_the_share_is_that_of_the_newest_notes(notes):
    breaker, seen = Breaker(0.5), []
    for note in notes:
        seen.append(note)
        # the fewest newest notes that are enough
        total, good, dead = 0, 0, 0
        for some_good, some_dead in reversed(seen):
            if total >= RECORDS_WATCHED:
                break
            good, dead = good + some_good, dead + some_dead
            total = good + dead
        if total >= RECORDS_LEAST and dead > 0.5 * total:
            with pytest.raises(PoisonError):
                breaker.note(*note)
            return
        breaker.note(*note)


def test_blocks_of_nothing_take_no_memory():
    breaker = Breaker(0.5)
    breaker.note(1, 0)
    for _ in range(1000):
        breaker.note(0, 0)

    assert len(breaker._newest) < 100
