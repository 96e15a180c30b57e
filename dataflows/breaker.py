"""The circuit breaker: stop before a broken producer drains the topic into the dead letters."""

from collections import deque
from typing import Final

from models.errors import PoisonError

RECORDS_WATCHED: Final = 10_000
RECORDS_LEAST: Final = 1_000


class Breaker:
    """Watches the share of dead letters among the newest records.

    Parameters
    ----------
    limit
        Highest share that is put up with; 1 puts up with all.

    Examples
    --------
    >>> breaker = Breaker(0.5)
    >>> breaker.note(900, 200)
    >>> breaker.note(0, 900)
    Traceback (most recent call last):
    models.errors.PoisonError: 1100 of the last 2000 records are dead letters, the limit is 50 %
      hint: mend the producer, or raise poison_limit to let them through; nothing is lost
    """

    def __init__(self, limit: float) -> None:
        self._limit = limit
        self._newest: deque[tuple[int, int]] = deque()
        self._good = self._dead = 0

    def note(self, good: int, dead: int) -> None:
        """Count records.

        Raises
        ------
        PoisonError
            When the share is above the limit, over at least `RECORDS_LEAST` records.
        """
        if not good and not dead:
            return
        self._newest.append((good, dead))
        self._good += good
        self._dead += dead
        while self._good + self._dead - sum(self._newest[0]) >= RECORDS_WATCHED:
            old_good, old_dead = self._newest.popleft()
            self._good -= old_good
            self._dead -= old_dead
        every = self._good + self._dead
        if every >= RECORDS_LEAST and self._dead > self._limit * every:
            raise PoisonError(
                f"{self._dead} of the last {every} records are dead letters, "
                f"the limit is {self._limit:.0%}".replace("%", " %"),
                hint="mend the producer, or raise poison_limit to let them through; "
                "nothing is lost",
            )
