"""A reversal takes its payment out of every sum and count that it was in, and no other."""

import pytest

HOUR = 3_600_000

CASES = {
    "F02": ("payments", {"account": "a", "amount": 500_000}, 2),
    "A01": ("aml", {"account": "a", "customer": "k", "direction": "in", "cash": True,
                    "amount": 40_000}, 3),
    "A25": ("aml", {"account": "a", "customer": "k", "channel": "transfer", "amount": 100_000}, 2),
    "R-CN-1.cny_in": ("large_value", {"account": "a", "customer": "k", "direction": "in",
                                      "cash": True, "amount": 25_000}, 2),
}  # fmt: skip


def stream(columns, count, taken_back):
    """So many payments; before the last one a reversal of the first, or of one that never was."""
    paid = {"kind": "payment", "currency": "CNY", **columns}
    events = [{"at": n * 60_000, "event_id": f"p{n}", **paid} for n in range(count)]
    undoing = {"status": "reversed", "reverses": taken_back, "event_id": "r"}
    return [*events[:-1], {"at": events[-1]["at"] - 1, **paid, **undoing}, events[-1]]


@pytest.mark.parametrize("rule", CASES)
def test_a_reversed_payment_counts_no_more(rule, play):
    pack, columns, count = CASES[rule]
    kept = play(pack, stream(columns, count, "another"), rule=rule)
    undone = play(pack, stream(columns, count, "p0"), rule=rule)

    assert [event for name, _about, event in kept.hits if name == rule] == [f"p{count - 1}"]
    assert [event for name, _about, event in undone.hits if name == rule] == []
