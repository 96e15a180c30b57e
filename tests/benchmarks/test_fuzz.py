"""A slice of the fuzzing, and proof that its oracles notice what they are there for."""

import json
import subprocess
import sys
from dataclasses import replace
from random import Random

import numpy as np
import pytest

from benchmarks.fuzz import run
from benchmarks.fuzz.expressions import ExpressionTarget, Scene
from benchmarks.fuzz.files import PACKS, load_and_draw, pack_target, settings_target
from benchmarks.fuzz.guard import guarded
from benchmarks.fuzz.mutation import shrink
from benchmarks.fuzz.pack_parts import cut_pack
from benchmarks.fuzz.scanner import BLOCK, ScannerTarget, single
from benchmarks.fuzz.targets import TARGETS
from models.decoding.decoder import Decoder
from models.errors import ConfigError
from models.planning.names import checked


def quiet(_where):
    pass


def sorts(tally):
    return {sort.partition(":")[0] for sort in tally.found}


def test_a_slice_of_spoiled_records():
    tally = ScannerTarget(1).run(20_000, quiet)
    assert tally.found == {}
    assert tally.inputs >= 19_900
    assert min(tally.accepted, tally.rejected) > tally.inputs // 5


@pytest.mark.parametrize(("name", "inputs"), [("packs", 150), ("settings", 350)])
def test_a_slice_of_spoiled_files(name, inputs):
    tally = TARGETS[name](2).run(inputs, quiet)
    assert tally.found == {}
    assert tally.inputs == inputs
    assert min(tally.accepted, tally.rejected) > inputs // 10


@pytest.fixture(scope="module")
def scenes():
    return {"payments": Scene("payments")}


def test_a_slice_of_spoiled_expressions(scenes):
    tally = ExpressionTarget(2, _scenes=scenes).run(450, quiet)
    assert tally.found == {}
    assert min(tally.accepted, tally.rejected) > 40


def test_the_same_seed_makes_the_same_inputs():
    def made(seed):
        found = []
        settings_target(seed, lambda path: found.append(path.read_bytes())).run(20, quiet)
        return found

    assert made(3) == made(3)
    assert made(3) != made(4)


def spoiling(change):
    """A decoder whose every answer is changed."""

    def of(schema):
        decoder = Decoder(schema)
        return lambda block: if_any(change)(*decoder.decode(block))

    return of


def if_any(change):
    """Blocks of one record, which the oracle makes to find the smallest input, may be empty."""
    return lambda batch, dead: change(batch, dead) if len(batch) > 1 else (batch, dead)


def swap_events(batch, dead):
    return batch.take(np.r_[1, 0, 2 : len(batch)]), dead


def other_code(batch, dead):
    return batch, [replace(dead[0], code="bad_jsan"), *dead[1:]]


def other_evidence(batch, dead):
    return batch, [replace(dead[0], sha256="0" * 64), *dead[1:]]


def other_money(batch, dead):
    batch.integers[-1, -1] += 1
    return batch, dead


def negative_zero(batch, dead):
    batch.numbers[batch.numbers == 0.0] = -0.0
    return batch, dead


def other_text(batch, dead):
    batch.text_at[0, 0] += 1
    return batch, dead


def other_kind(batch, dead):
    batch.kind[0] ^= 1
    return batch, dead


@pytest.mark.parametrize(
    ("change", "sort"),
    [
        (lambda batch, dead: (batch.take(np.arange(len(batch) - 1)), dead), "rows"),
        (lambda batch, dead: (batch, dead[:-1]), "accepted"), (swap_events, "rows"),
        (lambda batch, dead: (batch, [*dead, dead[0]]), "letters"), (other_code, "letter"),
        (other_evidence, "letter"),
        (other_money, "integer"), (negative_zero, "number"), (other_text, "text"),
        (other_kind, "kind"),
    ],
)  # fmt: skip
def test_a_decoder_that_is_wrong_is_found(change, sort):
    tally = ScannerTarget(1, spoiling(change)).run(BLOCK, quiet)
    assert sorts(tally) == {sort}
    assert tally.crashes == 1


def test_a_decoder_that_raises_is_found_with_the_record_that_it_fails_on():
    def of(schema):
        decoder = Decoder(schema)

        def decode(block):
            if b"bad" in block.data:
                raise IndexError(block.data[:10])
            return decoder.decode(block)

        return decode

    class Bad:
        def make(self, _chance):
            return b'{"a":"bad"}'

    target = ScannerTarget(1, of)
    target._ways[0] = (*target._ways[0][:2], Bad())
    (finding,) = target.run(BLOCK, quiet).found.values()
    assert (finding.sort, finding.data) == ("IndexError", b"bad")


def test_a_bad_neighbour_that_changes_a_good_event_is_found():
    def of(schema):
        decoder = Decoder(schema)

        def decode(block):
            batch, dead = decoder.decode(block)
            if not dead:
                batch.integers[0, 0] += 1
            return batch, dead

        return decode

    assert sorts(ScannerTarget(1, of).run(BLOCK, quiet)) == {"neighbours"}


def fails_with(error):
    def load(_path):
        raise error

    return load


def open_another(path):
    path.with_name("other.yaml").write_text("x")
    raise ConfigError("x", hint="x")


def import_something(_path):
    sys.modules.pop("this_is_no_module", None)
    with pytest.raises(ImportError):
        __import__("this_is_no_module")


def compile_something(_path):
    compile("1", "x", "eval")


def start_something(_path):
    subprocess.run(["true"], check=True)


def recurse(path):
    recurse(path)


@pytest.mark.parametrize(
    ("load", "sort"),
    [
        (fails_with(KeyError("x")), "KeyError"), (fails_with(AssertionError()), "AssertionError"),
        (fails_with(MemoryError()), "MemoryError"), (recurse, "RecursionError"),
        (open_another, "forbidden"), (import_something, "forbidden"),
        (compile_something, "forbidden"), (start_something, "forbidden"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("target", [pack_target, settings_target])
def test_a_loader_that_does_what_it_may_not_is_found(target, load, sort):
    tally = target(1, load).run(1, quiet)
    assert sorts(tally) == {sort}
    assert tally.crashes == 1


def test_a_loader_that_refuses_is_not_a_finding():
    tally = pack_target(1, fails_with(ConfigError("x", hint="x"))).run(3, quiet)
    assert (tally.rejected, tally.crashes) == (3, 0)


def test_a_loader_that_hangs_is_found(monkeypatch):
    def spin(_path):
        while True:
            pass

    monkeypatch.setattr("benchmarks.fuzz.guard.CPU_SECONDS_MAX", 0.05)
    monkeypatch.setattr("benchmarks.fuzz.files.shrink", lambda data, _fails, _tries: data)
    assert sorts(settings_target(1, spin).run(1, quiet)) == {"hang"}


def test_after_the_guard_everything_is_allowed_again(tmp_path):
    with guarded(tmp_path / "a") as seen:
        (tmp_path / "a").write_text("x")
    (tmp_path / "b").write_text("x")
    assert seen == []


def test_a_parser_that_means_something_else_is_found(scenes):
    def parse(parser, text, wanted, place):
        checked(parser, text, wanted, place)
        return parser.parse("amount > 1 AND kind = 'payment'", wanted)

    def evaluate(_node, _row):
        return True

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("benchmarks.fuzz.expressions.evaluate", evaluate)
        tally = ExpressionTarget(1, parse, _scenes=scenes).run(40, quiet)
    assert sorts(tally) == {"Wrong"}


def test_a_parser_that_raises_is_found_with_a_short_input(scenes):
    def parse(_parser, text, _wanted, _place):
        if ">" in text:
            raise TypeError
        raise ConfigError("x", hint="x")

    (finding,) = ExpressionTarget(1, parse, _scenes=scenes).run(40, quiet).found.values()
    assert (finding.sort, finding.data) == ("TypeError", b">")


def test_shrinking_keeps_what_fails():
    assert shrink(b"abc\ndef\nghi" * 50, lambda data: b"f" in data and b"g" in data) == b"fg"


def test_shares_add_up():
    assert sum(run.shares(1_000_000, None).values()) == 1_000_000
    assert run.shares(1_000_000, None)["scanner"] >= 900_000
    assert run.shares(5, "packs") == {"packs": 5}


@pytest.mark.parametrize("number", range(6))
def test_packs_made_of_parts_are_good_before_they_are_spoiled(tmp_path, number):
    path = tmp_path / "pack.yaml"
    path.write_text(cut_pack(PACKS[number % len(PACKS)]).small(Random(number)))
    load_and_draw(path)


def test_valid_records_are_good_before_they_are_spoiled():
    agreement, decode, records = ScannerTarget(1)._ways[0]
    framed = [single(raw) for raw in records.pool[::10]]
    good = sum(len(agreement.check(one, *decode(one.block))) for one in framed)
    assert good > 0.9 * len(framed)


def test_a_target_whose_process_dies_is_a_crash(capsys):
    report = run.conduct(run.Order("no such target", 1, 1))
    assert report["crashes"] == 1
    assert "the process ended with" in capsys.readouterr().out


def test_the_last_line_counts_everything(monkeypatch, capsys):
    monkeypatch.setattr("sys.argv", ["run", "--inputs", "40", "--target", "settings"])
    assert run.main() == 0
    last = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert (last["inputs"], last["crashes"]) == (40, 0)
    assert last["settings"].keys() >= {"accepted", "rejected", "slowest_ms", "peak_mb_growth"}
