"""Sentences of the language that no shipped pack speaks, from YAML to the rule that fires."""

import pytest

from config.packs import load_pack
from dataflows.examples import run_examples
from models.planning.blueprint import Deployment

HEAD = """
pack: sentences
on: [payment]
features:
  subject: {{{feature}}}
rules:
  - id: R
    name: {{en: a, zh: b}}
    when: {when}
    subject: account
    severity: low
    because: {{en: "{{amount}}", zh: "{{amount}}"}}
    examples:
      - {{fires: true, events: [{fires}]}}
      - {{fires: false, events: [{short}]}}
"""
EVENT = "account: a, amount: 10"
"""What @ stands for."""

CASES = {
    "gap": (
        'gap: "*", by: account', "subject >= 86400",
        "{@}, {@, at: 1d}", "{@}, {@, at: 23h}",
    ),
    "gap of some": (
        'gap: "amount > 50", by: account', "subject >= 3600",
        "{account: a, amount: 51}, {@, at: 1h}", "{@}, {@, at: 2h}",
    ),
    "new": (
        "new: device, by: account", "subject = 1",
        "{@, device: x}, {@, device: y}", "{@, device: x}, {@, device: x, at: 900d}",
    ),
    "new within a window": (
        "new: device, by: account, over: 30d, grain: 1h", "subject = 1",
        "{@, device: x}, {@, device: x, at: 31d}",
        "{@, device: x}, {@, device: x, at: 29d}",
    ),
    "new but for yesterday": (
        "new: device, by: account, over: 30d, delay: 1d, grain: 1h", "subject = 1",
        "{@, device: x}, {@, device: x, at: 22h}",
        "{@, device: x}, {@, device: x, at: 26h}",
    ),
    "first": (
        "first: device, by: account", "subject = 'x' AND device = 'y'",
        "{@, device: x}, {@, device: z, at: 5d}, {@, device: y, at: 900d}",
        "{@, device: z}, {@, device: x}, {@, device: y}",
    ),
    "lifetime sum": (
        "sum: amount, by: account, over: all", "subject >= 30",
        "{@}, {@, at: 400d}, {@, at: 900d}", "{@}, {@, at: 400d}",
    ),
    "lifetime largest before": (
        "max: amount, by: account, over: all, exclude_current: true", "amount >= 1.5 * subject",
        "{@}, {account: a, amount: 15, at: 700d}", "{@}, {account: a, amount: 14.99, at: 700d}",
    ),
    "grain": (
        'count: "*", by: account, over: 90d, grain: 1d', "subject >= 3",
        "{@}, {@, at: 40d}, {@, at: 89d}", "{@}, {@, at: 40d}, {@, at: 91d}",
    ),
    "deviation of days": (
        "std: {sum: amount, per: 1d}, by: account, over: 90d, delay: 1d, min_history: 3",
        "amount > 3 * subject AND amount > 100",
        "{@}, {@, at: 1d}, {account: a, amount: 12, at: 2d}, {account: a, amount: 101, at: 4d}",
        "{@}, {@, at: 1d}, {account: a, amount: 101, at: 4d}",
    ),
    "busiest day": (
        'max: {count: "*", per: 1d}, by: account, over: 10d', "subject >= 3",
        "{@, repeat: 3}, {@, at: 5d}", "{@, repeat: 2}, {@, at: 5d, repeat: 2}",
    ),
}  # fmt: skip


@pytest.mark.parametrize("sentence", CASES)
def test_a_sentence_means_what_it_says(sentence, tmp_path):
    feature, when, fires, short = CASES[sentence]
    path = tmp_path / "pack.yaml"
    path.write_text(
        HEAD.format(feature=feature, when=when, fires=fires, short=short).replace("@", EVENT)
    )

    results = run_examples(load_pack(str(path)), Deployment())

    assert [(result.fired, result.ok) for result in results] == [(True, True), (False, True)], (
        results
    )
