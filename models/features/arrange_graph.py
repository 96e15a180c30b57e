"""A space that keeps who paid whom, arranged in the arrays that its kernel takes."""

import numpy as np

from models.features.graph_layout import EDGE_WORDS, EDGES_MAX, MILLION, GraphRead
from models.features.layout import NO_STEPS, NO_WINDOWS, WINDOWS, Holds, Plan
from models.features.plan import GRAPH, Space, Value


def lay_out_graph(space: Space) -> Plan:
    """The arrays of a graph; its values are payer, payee and, where it has one, the amount."""
    first, rows = space.features[0], []
    for end in first.ends:
        space.value(Value(end, as_key=False))
    amount = Value(first.weight, as_key=False) if first.weight is not None else None
    is_float = amount is not None and amount.holds is Holds.FLOAT
    if amount is not None:
        space.value(amount)
    for feature in space.features:
        spec, mask = feature.spec, space.filter_bits([feature.where])
        rows.append(
            [GraphRead[spec.aggregate.upper()], spec.over.span_ms, spec.hops, spec.step_ms, mask,
             spec.in_order, space.group(feature), round(spec.tolerance * MILLION)]
        )  # fmt: skip
    horizon_ms = max(f.spec.over.span_ms for f in space.features) + first.lateness_ms
    bounds = [np.nan if f.bound is None else f.bound for f in space.features]
    return Plan(
        *NO_WINDOWS,
        np.zeros((0, 5), np.int64), np.zeros((0, 4), np.int64),
        np.array(rows, np.int64), np.arange(len(space.values), dtype=np.int64),
        np.array(bounds, np.float64),
        np.array([EDGE_WORDS, WINDOWS, EDGES_MAX, first.lateness_ms, horizon_ms, horizon_ms,
                  EDGE_WORDS, is_float, GRAPH]),
        *NO_STEPS,
    )  # fmt: skip
