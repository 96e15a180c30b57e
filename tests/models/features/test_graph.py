"""Graph patterns against their definition, and in bounded memory."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.errors import Place
from models.events import NULL_INT
from models.expressions.tree import Name, Source
from models.feature_specs import FeatureSpec, Over
from models.features.arrange import lay_out
from models.features.carry import Translation
from models.features.carry_graph import carry_graph
from models.features.graph_layout import DEGREE_MAX, EDGE_WORDS
from models.features.layout import (
    ENTRY_KEY,
    ENTRY_MASK,
    ENTRY_REFERENCE,
    ENTRY_ROW,
    ENTRY_TIME,
    ENTRY_VALUES,
    GROUP_BITS,
    ROW_SHIFT,
    S_CAP,
    UPDATES,
    WANTS_EVIDENCE,
)
from models.features.plan import GRAPH, Feature
from models.features.state import SpaceState
from models.reference.graph import Transfer, pattern
from tests.models.features import streams
from tests.models.features.building import AMOUNT, CASH, PRICE, space_of

START = streams.START
ENDS = (Name("account", Source.TEXT), Name("counterparty", Source.TEXT))


def pattern_of(
    aggregate, *, over=100, hops=6, step=0, tolerance=0.2, in_order=True, amount=AMOUNT,
    where=None, bound=None, lateness=0, name="",
) -> Feature:  # fmt: skip
    spec = FeatureSpec(
        name or aggregate, aggregate, "", (), (), ("payment",), Over(span_ms=over), Place("p", 1),
        grain_ms=GRAPH, ends=("account", "counterparty"), hops=hops, step_ms=step,
        tolerance=tolerance if amount else 0.0, in_order=in_order,
    )  # fmt: skip
    return Feature(
        spec, f"test.{spec.name}", None, where, None, 1, 1, bound, 4096, lateness,
        weight=amount, ends=ENDS,
    )  # fmt: skip


class Graph:
    """The kernel and the definition, given the same transfers."""

    def __init__(self, features: list[Feature], cap: int = 0) -> None:
        self.space = space_of(features)
        self.plan = lay_out(self.space)
        if cap:
            self.plan.sizes[S_CAP] = cap
        self.state = SpaceState(self.plan, 0, "all")
        self.kept: list[Transfer] = []

    def entries(self, transfers, *, updates=True, tenant=7) -> np.ndarray:
        found = np.zeros((len(transfers), ENTRY_VALUES + len(self.space.values)), np.int64)
        flags = 1 << GROUP_BITS | WANTS_EVIDENCE | (UPDATES if updates else 0)
        for number, transfer in enumerate(transfers):
            found[number, ENTRY_ROW] = number << ROW_SHIFT | flags
            found[number, ENTRY_KEY], found[number, ENTRY_TIME] = tenant, transfer.at_ms
            found[number, ENTRY_REFERENCE] = transfer.number
            found[number, ENTRY_MASK] = sum(
                1 << bit for bit, node in enumerate(self.space.filters) if node in transfer.true
            )
            found[number, ENTRY_VALUES : ENTRY_VALUES + 2] = transfer.payer, transfer.payee
            if len(self.space.values) > 2:
                amount = NULL_INT if transfer.amount is None else transfer.amount
                found[number, ENTRY_VALUES + 2] = amount
        return found

    def read(self, transfers) -> np.ndarray:
        return self.state.run(self.entries(transfers)).values

    def check(self, transfers) -> None:
        found, newest = self.read(transfers), 0
        lateness = self.space.features[0].lateness_ms
        for number, transfer in enumerate(transfers):
            in_time = transfer.at_ms >= newest - lateness
            newest = max(newest, transfer.at_ms)
            if transfer.payer == transfer.payee:
                assert np.isnan(found[number]).all()
                continue
            self.kept.append(transfer)
            if in_time:
                wanted = [pattern(f, self.kept, transfer) for f in self.space.features]
                assert found[number].tolist() == wanted, (transfer, self.kept)


AMOUNTS = st.sampled_from((100, 100, 100, 100, 90, 80, 79, 64, 125, 126, 0, None))


@st.composite
def transfers(draw, *, most=40, lateness=0) -> list[Transfer]:
    # few accounts, so that the ways of the money meet
    newest, found, accounts = START, [], draw(st.sampled_from((3, 4, 5, 6)))
    move = st.tuples(
        st.sampled_from((0, 0, 0, 1, 1, 2, 5, 60)), st.integers(0, lateness),
        st.integers(1, accounts), st.integers(1, accounts), AMOUNTS,
        st.sampled_from((frozenset(), frozenset({CASH}))),
    )  # fmt: skip
    for number, (step, back, payer, payee, amount, true) in enumerate(
        draw(st.lists(move, min_size=most // 2, max_size=most))
    ):
        newest += step
        found.append(Transfer(number, newest - back, payer, payee, amount, true))
    return found


@st.composite
def patterns(draw, lateness: int) -> list[Feature]:
    amount = draw(st.sampled_from((AMOUNT, AMOUNT, None)))
    kinds = ["cycle", "chain", "bipartite", "upstream"] + (["scatter_gather"] if amount else [])
    return [
        pattern_of(
            draw(st.sampled_from(kinds)),
            over=draw(st.sampled_from((5, 50, 200))),
            hops=draw(st.integers(2, 6)),
            step=draw(st.sampled_from((0, 0, 5))),
            tolerance=draw(st.sampled_from((0.0, 0.2, 0.5))),
            in_order=draw(st.booleans()),
            where=draw(st.sampled_from((None, None, CASH))),
            amount=amount, lateness=lateness, name=f"f{number}",
        )
        for number in range(draw(st.integers(1, 3)))
    ]  # fmt: skip


@given(st.data())
@streams.examples(120)
def test_every_pattern_equals_its_definition(data):
    lateness = data.draw(st.sampled_from((0, 10)))
    graph = Graph(data.draw(patterns(lateness)))
    graph.check(data.draw(transfers(lateness=lateness)))


@given(st.data())
@streams.examples(25)
def test_any_cut_and_any_restart_gives_the_same_bits(data):
    features, stream = data.draw(patterns(0)), data.draw(transfers())
    features = [replace(f, bound=1.0) for f in features]
    whole = Graph(features)
    entries = whole.entries(stream)
    wanted = whole.state.run(entries)
    cut = data.draw(st.integers(0, len(stream)))
    parts = Graph(features)
    first = parts.state.run(entries[:cut])
    again = Graph(features)
    again.state.load(parts.state.save())
    second = again.state.run(entries[cut:])
    values = np.concatenate([first.values, second.values])
    assert values.tobytes() == wanted.values.tobytes()
    moved = second.evidence.copy()
    moved[:, 0] += cut
    # only as many references as are told are there
    named = [
        [tuple(row[: 3 + row[2]]) for row in part]
        for part in (np.concatenate([first.evidence, moved]), wanted.evidence)
    ]
    assert named[0] == named[1]
    ours, theirs = again.state.save(), whole.state.save()
    assert all(np.array_equal(ours[name], theirs[name]) for name in ("rows", "counters"))


@given(st.data())
@streams.examples(25)
def test_a_changed_graph_takes_over_every_transfer(data):
    stream = data.draw(transfers())
    old = Graph([pattern_of("cycle", over=200)])
    old.read(stream)
    new = Graph([pattern_of("chain", over=200), pattern_of("scatter_gather", over=200)])
    carry_graph(old.state, new.state, Translation((0, 1, 2), (0, 0, NULL_INT), ()))
    new.kept = [t for t in stream if t.payer != t.payee]
    more = data.draw(transfers(most=8))
    new.check([replace(t, number=100 + t.number, at_ms=stream[-1].at_ms) for t in more])


def test_tenants_never_share_a_transfer():
    graph = Graph([pattern_of("cycle")])
    ring = [Transfer(n, START + n, n + 1, (n + 1) % 3 + 1, 100) for n in range(3)]
    graph.state.run(graph.entries(ring[:2]))
    assert graph.state.run(graph.entries(ring[2:], tenant=8)).values[0, 0] == 0
    assert graph.state.run(graph.entries(ring[2:])).values[0, 0] == 3


def test_a_late_transfer_reads_and_is_not_kept():
    graph = Graph([pattern_of("cycle")])
    ring = [Transfer(n, START + n, n + 1, (n + 1) % 3 + 1, 100) for n in range(3)]
    graph.state.run(graph.entries(ring[:2]))
    for _ in range(2):
        assert graph.state.run(graph.entries(ring[2:], updates=False)).values[0, 0] == 3
    assert graph.state.store.counters[2] == 2 * EDGE_WORDS


def test_evidence_is_the_way_of_the_money():
    graph = Graph([pattern_of("cycle", bound=3.0), pattern_of("scatter_gather", bound=2.0)])
    ring = [Transfer(n, START + n, n + 1, (n + 1) % 4 + 1, 100) for n in range(4)]
    found = graph.state.run(graph.entries(ring)).evidence
    assert [row[: 3 + row[2]].tolist() for row in found] == [[3, 0, 4, 3, 2, 1, 0]]
    pairs = [(10, 11), (10, 12), (11, 13), (12, 13)]
    scattered = [Transfer(20 + n, START + 9 + n, *pair, 50) for n, pair in enumerate(pairs)]
    found = graph.state.run(graph.entries(scattered)).evidence
    assert [row[: 3 + row[2]].tolist() for row in found] == [[3, 1, 4, 23, 21, 22, 20]]


@pytest.mark.parametrize(("price", "length"), [(8.0, 3), (7.9, 0)])
def test_an_amount_may_be_a_number_column(price, length):
    graph = Graph([pattern_of("cycle", amount=PRICE)])
    ring = [Transfer(n, START + n, n + 1, (n + 1) % 3 + 1) for n in range(3)]
    entries = graph.entries(ring)
    entries[:, ENTRY_VALUES + 2] = np.array([10.0, 9.0, price]).view(np.int64)
    assert graph.state.run(entries).values[2, 0] == length


def test_memory_is_bounded_and_the_answer_says_what_is_cut():
    graph = Graph([pattern_of("upstream", over=1_000_000)], cap=64)
    stream = [Transfer(n, START + n, n + 1, n + 2, 100) for n in range(500)]
    found = graph.state.run(graph.entries(stream))
    assert not found.truncated[:64].any()
    assert found.truncated[65:].all()
    assert graph.state.store.arena.shape[0] <= 4096
    assert graph.state.entities < 100


def test_accounts_whose_transfers_have_gone_are_forgotten():
    graph = Graph([pattern_of("upstream", over=10)])
    graph.read([Transfer(n, START + n, 2 * n + 1, 2 * n + 2, 100) for n in range(5000)])
    assert graph.state.entities < 100
    assert graph.state.store.rows.shape[0] <= 129


def test_of_a_busy_account_the_newest_transfers_are_looked_at():
    graph = Graph([pattern_of("cycle", over=10_000)])
    back = Transfer(0, START, 1, 2, 100)
    hub = [Transfer(n, START + n, 100 + n, 3, 500) for n in range(2, DEGREE_MAX + 1)]
    on = Transfer(1, START + 1, 2, 3, 100)
    close = Transfer(999, START + 999, 3, 1, 100)
    assert graph.read([back, on, *hub, close])[-1, 0] == 3
    graph = Graph([pattern_of("cycle", over=10_000)])
    more = [*hub, Transfer(500, START + 500, 501, 3, 500)]
    assert graph.read([back, on, *more, close])[-1, 0] == 0
