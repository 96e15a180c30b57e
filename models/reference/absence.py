"""The definition of `absent`: what stayed away is what no event brought in time."""

from collections.abc import Iterable


def stayed_away(since_ms: int, within_ms: int, came_ms: Iterable[int], now_ms: int) -> bool | None:
    """Whether nothing expected of the same subject came in (since, since + within].

    None as long as `now_ms`, up to which everything is known, has not passed the end.

    >>> [stayed_away(0, 10, came, 11) for came in ([], [0], [1], [10], [11])]
    [True, True, False, False, True]
    >>> stayed_away(0, 10, [], 10) is None
    True
    """
    until_ms = since_ms + within_ms
    if any(since_ms < time_ms <= until_ms for time_ms in came_ms):
        return False
    return True if until_ms < now_ms else None
