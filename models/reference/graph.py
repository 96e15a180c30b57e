"""The definition of graph patterns: every path is tried, over the whole list of transfers."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from models.expressions.tree import Node
from models.features.graph_layout import MILLION
from models.features.plan import Feature


@dataclass(frozen=True, slots=True)
class Transfer:
    """Money from one account to another.

    Attributes
    ----------
    number
        In the order of arrival.
    at_ms
        Event time, epoch ms.
    payer, payee
        Accounts.
    amount
        In 10⁻⁴ units; None is NULL.
    true
        The conditions that it satisfies.
    """

    number: int
    at_ms: int
    payer: int
    payee: int
    amount: int | None = None
    true: frozenset[Node] = frozenset()


def pattern(feature: Feature, transfers: Sequence[Transfer], now: Transfer) -> int:
    """Return a feature's value on a transfer, from those that are kept, itself included."""
    spec = feature.spec
    if feature.where is not None and feature.where not in now.true:
        return 0
    kept = [
        t
        for t in transfers
        if now.at_ms - spec.over.span_ms < t.at_ms <= now.at_ms
        and (feature.where is None or feature.where in t.true)
    ]
    if spec.aggregate == "cycle":
        lengths = [
            len(path) for path in _paths(feature, kept, [now]) if path[-1].payer == now.payee
        ]
        return min((length for length in lengths if 3 <= length <= spec.hops), default=0)
    if spec.aggregate == "chain":
        paths = _paths(feature, kept, [now])
        return max(len(path) for path in paths if now.payee not in {t.payer for t in path})
    if spec.aggregate == "scatter_gather":
        between: dict[int, set[int]] = {}
        for last in kept:
            if last.payee == now.payee:
                for first in kept:
                    if _comes_through(feature, first, last):
                        between.setdefault(first.payer, set()).add(last.payer)
        return max(map(len, between.values()), default=0)
    paid = {t.payer: {u.payee for u in kept if u.payer == t.payer} for t in kept}
    if spec.aggregate == "upstream":
        return max((len(paid[t.payer]) for t in kept if t.payee == now.payer), default=0)
    others = sorted({t.payer for t in kept if t.payee == now.payee} - {now.payer})
    own = paid.get(now.payer, set())
    common = [len(own & paid[a] & paid[b]) for a in others for b in others if a < b]
    return max(common, default=0)


def _paths(
    feature: Feature, kept: Sequence[Transfer], path: list[Transfer]
) -> Iterator[list[Transfer]]:
    """Yield every way back from the first transfer of a path, over accounts that differ."""
    yield path
    if len(path) >= feature.spec.hops or (len(path) > 1 and path[-1].payer == path[0].payee):
        return
    for earlier in kept:
        visited = {t.payer for t in path}
        if earlier.payee == path[-1].payer and earlier.payer not in visited:
            if earlier is not path[0] and _follows(feature, path, earlier):
                yield from _paths(feature, kept, [*path, earlier])


def _follows(feature: Feature, path: Sequence[Transfer], earlier: Transfer) -> bool:
    spec, after = feature.spec, path[-1]
    order = (after.at_ms, after.number if len(path) > 1 else 1 << 62)
    if spec.in_order and not (earlier.at_ms, earlier.number) < order:
        return False
    if spec.step_ms and abs(after.at_ms - earlier.at_ms) > spec.step_ms:
        return False
    like = path[0] if spec.aggregate == "cycle" else after
    return feature.weight is None or alike(earlier.amount, like.amount, spec.tolerance)


def _comes_through(feature: Feature, first: Transfer, last: Transfer) -> bool:
    in_order = (first.at_ms, first.number) < (last.at_ms, last.number)
    joined = first.payee == last.payer and first.payer != last.payee
    fits = feature.weight is None or alike(first.amount, last.amount, feature.spec.tolerance)
    return joined and in_order and fits


def alike(one: int | None, other: int | None, tolerance: float) -> bool:
    """Whether the smaller of two amounts is at most a share `tolerance` less than the larger."""
    if one is None or other is None:
        return False
    if one == other or one <= 0 or other <= 0:
        return one == other
    kept = MILLION - round(tolerance * MILLION)
    return float(min(one, other)) * MILLION >= float(max(one, other)) * kept
