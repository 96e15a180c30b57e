"""Typical mistakes: each is found at its line and column, with the word and the nearest good one.

A case is (what to replace in the good pack, by what, line, column, words of message and hint).
"""

from collections.abc import Callable
from pathlib import Path

import pytest

from config.packs import load_pack

GOOD = """\
pack: payments
on: [payment]
map: {amount: amt}
columns: {basket: number, shop: text}
params: {ceiling: 10000, watch: [IR, KP]}
event_cap: 4096
features:
  n_1m: {count: "*", by: account, over: 1m}
  got: {sum: amount, by: counterparty, of: account, over: 48h}
  here: {last: [lat, lon], by: card}
detectors:
  odd: {model: half_space_trees, features: [n_1m, amount], limits: {n_1m: [0, 9]}}
  other: {model: river, class: river.anomaly.LOF, features: n_1m}
rules:
  - id: F01
    name: {en: Velocity, zh: 高频}
    when: n_1m >= 5
    subject: account
    severity: {high: n_1m > 9, medium: TRUE}
    cooldown: 10m
    because: {en: "{n_1m} payments", zh: "{n_1m:,.2f} 笔"}
    action: review
    examples:
      - fires: true
        events: [{account: a1, amount: 10, repeat: 5, every: 10s}]
"""

CASES = [
    # keys
    ("event_cap", "event_kap", 6, 1, "no key here is called event_kap", "did you mean event_cap?"),
    ("over: 1m", "ovr: 1m", 8, 35, "no key here is called ovr", "did you mean over?"),
    ("when: n_1m", "whne: n_1m", 17, 5, "no key here is called whne", "did you mean when?"),
    ("    subject: account\n", "", 15, 5, "subject is missing", "subject: account"),
    (", zh: 高频}", "}", 16, 11, "zh is missing", "zh"),
    ("pack: payments\n", "", 1, 1, "pack is missing", "pack: payments"),
    ("event_cap", "pack", 6, 1, "pack stands here twice", "the first is in line 1"),
    ("  got:", "  n_1m:", 9, 3, "n_1m stands here twice", "line 8"),
    ("lon], by", "lon], late: true, by", 10, 34, "late takes include only, was true", "remove"),
    ("cooldown: 10m", "incident: 1h", 20, 15, "an incident lasts a calendar period", "day("),
    ("cooldown: 10m", "incident: '2 days(UTC)'", 20, 16, "an incident lasts a calendar", "day("),
    ("event_cap: 4096", "<<: {}", 6, 1, "no key here is called <<", "known here"),
    # names
    ("pack: payments", "pack: my-pack", 1, 7, "'my-pack' is not a name", "letters, digits"),
    ("n_1m: {c", "select: {c", 8, 3, "select is a word of SQL", "select_1"),
    ("n_1m: {c", "amount: {c", 8, 3, "amount is a canonical column already", "rename"),
    ("n_1m: {c", "basket: {c", 8, 3, "basket is an added column already", "rename"),
    ("ceiling", "limit", 5, 10, "limit is a canonical column already", "rename"),
    ("ceiling", "n_1m", 5, 10, "n_1m is a feature already", "rename"),
    ("got:", "odd_p:", 12, 3, "odd_p, the tail share of odd, is a feature already", "rename"),
    ("  odd:", "  watch:", 12, 3, "watch is a parameter already", "rename"),
    ("basket: number", "card: text", 4, 11, "card is a canonical column already", "remove"),
    ("basket: number", "at: text", 4, 11, "at has a meaning in examples", "rename"),
    ("basket: number", "basket: float", 4, 19, "no column type is called float", "flag"),
    # kinds and columns
    ("on: [payment]", "on: [payments]", 2, 6, "no event kind is called payments", "mean payment?"),
    ("on: [payment]", "on: [login, login]", 2, 13, "login is listed twice", "remove one"),
    ("on: [payment]\n", "", 7, 3, "on is missing", "add on: [payment]"),
    ("on: [payment]", "on: []", 2, 5, "this list is empty", "at least one"),
    ("by: account", "by: acount", 8, 26, "no column is called acount", "did you mean account?"),
    ("by: account", "by: [card, shopp]", 8, 33, "no column is called shopp", "mean shop?"),
    ("by: account", "by: amount", 8, 26, "amount is a money column and names no", "text column"),
    (
        "of: account",
        "of: card",
        9,
        44,
        "card and counterparty name different",
        "account, counterpart",
    ),
    ("of: account", "of: [account, card]", 9, 44, "of has 2 columns, by has 1", "same order"),
    ("[lat, lon]", "[lat, lonn]", 10, 22, "no column is called lonn", "did you mean lon?"),
    ("subject: account", "subject: Account", 18, 14, "called Account", "did you mean account?"),
    ("{amount: amt}", "{ammount: amt}", 3, 7, "no column is called ammount", "mean amount?"),
    ("{amount: amt}", "{amount_base: amt}", 3, 7, "amount_base is computed", "map amount"),
    ("{amount: amt}", "{amount: {constant: 5}}", 3, 26, "amount is a money column", "text"),
    ("{amount: amt}", "{kind: {constant: pay}}", 3, 24, "no event kind is called pay", "payment"),
    ("{amount: amt}", "{amount: x, card: x}", 3, 24, "x is mapped to amount already", "one name"),
    # sequences
    ('count: "*"', "sequence: [{when: cash}]", 8, 20, "a sequence has 2 to 8 steps", "when"),
    (
        'count: "*"',
        "sequence: [{when: cash, within: 1m}, {when: cash}]",
        8,
        34,
        "nothing comes before the first step",
        "how many times",
    ),
    (
        'count: "*"',
        "sequence: [{when: cash}, {when: cash, times: 2}]",
        8,
        48,
        "only the first step counts",
        "two steps",
    ),
    (
        'count: "*"',
        "sequence: [{when: cash}, {wen: cash}]",
        8,
        36,
        "no key here is called wen",
        "when",
    ),
    # lookups
    ("event_cap: 4096", "lookups: {r: {table: t}}", 6, 14, "by is missing", "by: counterparty"),
    ("event_cap: 4096", "lookups: {r: {table: t, by: amount}}", 6, 29, "names no entity", "text"),
    ("event_cap: 4096", "lookups: {card: {table: t, by: card}}", 6, 11, "a meaning", "rename"),
    ("event_cap: 4096", "lookups: {basket: {table: t, by: card}}", 6, 11, "a meaning", "rename"),
    ("event_cap: 4096", "lookups: {r: {table: t, by: card, type: flag}}", 6, 35, "a flag", "value"),
    (
        "event_cap: 4096",
        "lookups: {r: {table: t, by: card, value: v, type: money}}",
        6,
        51,
        "no type of a looked-up value is called money",
        "text",
    ),
    # aggregates and windows
    ('count: "*", ', "", 8, 9, "this feature computes nothing", "add one of count, sum"),
    ('count: "*"', 'count: "*", sum: amount', 8, 22, "count and sum in one feature", "make two"),
    ('count: "*"', "match: {}", 8, 17, "this list is empty", "name at least one"),
    ('count: "*"', "match: {card: like}", 8, 24, "'like' compares nothing", "within 10%"),
    ('count: "*"', "match: {card: beyond 5}", 8, 24, "beyond is a distance in km", "500km"),
    ('count: "*"', "match: {lat: within 5km}", 8, 18, "lat is no position", '"lat, lon"'),
    ('count: "*"', "match: {crad: same}", 8, 18, "no column is called crad", "card"),
    ('count: "*"', "ewm: amount", 8, 9, "half_life is missing", "half_life: 7d"),
    ('count: "*"', 'count: "*", largest: 2', 8, 22, "largest belongs to top_share", "remove"),
    ("over: 1m", "over: session(5m)", 8, 41, "session lacks its longest span", "max 24h"),
    ("over: 1m", "over: session(2h) max 1h", 8, 41, "longer than the session", "more time"),
    ("over: 1m", "over: since(cash) max 1h, delay: 1m", 8, 61, "with its own events", "remove"),
    ('count: "*"', "count: amount", 8, 17, 'count takes "*" only, was amount', "where"),
    ('count: "*"', "count: *", 8, 18, "cannot read this YAML", 'quotes: "*"'),
    (", over: 1m", "", 8, 9, "over is missing", "over: 1h"),
    (
        'count: "*", by: account, over: 1m',
        "distinct: card, by: account, over: all",
        8,
        45,
        "distinct over all time is not available",
        "90d",
    ),
    ("over: 1m", "over: all, delay: 1h", 8, 46, "a lifetime keeps no times", "name a window"),
    ("over: 1m", "over: all, grain: 1h", 8, 53, "steps need a window that slides", "over: 90d"),
    ("over: 1m", "over: 90d, grain: 7d", 8, 53, "a whole number of steps", "grain: 1d"),
    ("over: 1m", "over: 90d, grain: 1m", 8, 53, "a whole number of steps", "at most 1000"),
    ("lon], by", "lon], grain: 1h, by", 10, 28, "last needs its events one by one", "remove this"),
    (
        'count: "*", by: account, over: 1m',
        "std: {sum: amount}, by: account, over: 9d",
        8,
        15,
        "per is missing",
        "per: 1d",
    ),
    (
        'count: "*", by: account, over: 1m',
        "std: {per: 1d}, by: account, over: 9d",
        8,
        15,
        "this takes one of count, sum",
        "per: 1d",
    ),
    (
        'count: "*", by: account, over: 1m',
        "std: {sum: amount, per: 2d}, by: account, over: 9d",
        8,
        15,
        "a whole number of steps",
        "grain: 1d",
    ),
    (
        'count: "*", by: account, over: 1m',
        "new: amount, by: account",
        8,
        15,
        "amount is a money column and names no entity",
        "text column",
    ),
    (
        'count: "*", by: account, over: 1m',
        "new: card, by: account, over: 30d",
        8,
        9,
        "new keeps steps of time, not events",
        "grain: 1d",
    ),
    (
        'count: "*", by: account, over: 1m',
        "gap: cash, where: cash, by: account",
        8,
        21,
        "gap has a condition already",
        "AND",
    ),
    ("over: 1m", "over: 60", 8, 41, "60 is not a duration", "write 60s, 60m or 60h"),
    ("over: 1m", "over: 1:30", 8, 41, "1:30 is not a duration", "did you mean 1h30m?"),
    ("over: 1m", "over: 5 minutes", 8, 41, "5 minutes is not a duration", "did you mean 5m?"),
    ("over: 1m", "over: 0s", 8, 41, "0s is out of range", "from 1ms to 3660d"),
    ("over: 1m", "over: 9999d", 8, 41, "9999d is out of range", "3660d"),
    ("over: 1m", "over: day(Asia/Shangai)", 8, 41, "'Asia/Shangai'", "mean Asia/Shanghai?"),
    ("over: 1m", "over: day", 8, 41, "day lacks its time zone", "day(Asia/Shanghai)"),
    ("over: 1m", "over: '0 days(UTC)'", 8, 42, "0 periods", "from 1 to 400"),
    ("over: 1m", "over: 'day(UTC, CN)'", 8, 42, "a day has a time zone only", "day(UTC)"),
    ("over: 1m", "over: 'business_day(UTC)'", 8, 42, "needs a country", "CN"),
    ("over: 1m", "over: 'business_day(UTC, XX)'", 8, 42, "no holidays are known of 'XX'", "CN"),
    ("over: 1m", "over: 'business_day(UTC, CN, 25:00)'", 8, 42, "'25:00' is no cutoff", "17:00"),
    ("over: 1m", "over: 1m, delay: 5", 8, 52, "5 is not a duration", "write 5s, 5m or 5h"),
    ("over: 1m", "over: 1m, evidence: true", 8, 45, "no key here is called evidence", "did you"),
    ("over: 1m", "over: 1m, min_history: 1.5", 8, 58, "was 1.5", "a whole number from 0"),
    ("over: 1m", "over: 1m, where: ''", 8, 53, "nothing stands here", "remove the key"),
    (
        "{last: [lat, lon]",
        "{previous: lat, exclude_current: false",
        10,
        25,
        "previous never",
        "last",
    ),
    ("{last: [lat, lon]", "{since: cash, where: cash", 10, 23, "since has a condition", "AND"),
    ("event_cap: 4096", "event_cap: 3", 6, 12, "was 3", "from 4 to 1000000"),
    # detectors
    ("half_space_trees", "half_space_tree", 12, 16, "no model is called half_space_tree", "trees?"),
    ("model: river, ", "", 13, 10, "model is missing", "half_space_trees or river"),
    ("limits: {n_1m", "limits: {n_2m", 12, 69, "n_2m is not among this", "mean n_1m?"),
    ("[0, 9]", "[9, 0]", 12, 75, "limits are two numbers", "[0, 100000]"),
    ("river.anomaly.LOF", "os.system", 13, 32, "os.system is no class of river", "river.anomaly"),
    ("class: river.anomaly.LOF", "seed: 1", 13, 25, "no key here is called seed", "known here"),
    # rules
    ("{high: n_1m", "{hgih: n_1m", 19, 16, "no severity is called hgih", "did you mean high?"),
    ("{high: n_1m > 9, medium: TRUE}", "HIGH", 19, 15, "called HIGH", "did you mean high?"),
    ("cooldown: 10m", "cooldown: 10", 20, 15, "10 is not a duration", "write 10s, 10m or 10h"),
    ("{n_1m} payments", "{n_1m payments", 21, 20, "cannot read this text", "{payments_1m}"),
    ("{n_1m} payments", "{n_1m!r} payments", 21, 20, "{n_1m} is not a name in braces", "write"),
    ("{n_1m:,.2f}", "{n_1m:99999999f}", 21, 43, "99999999f is not a number format", "write"),
    ("action: review", "action: reviews", 22, 13, "no action is called reviews", "mean review?"),
    ("action: review", "status: alive", 22, 13, "no status is called alive", "did you mean live?"),
    ("action: review", "revision: 0", 22, 15, "was 0", "from 1"),
    ("id: F01", "id: F 01", 15, 9, "'F 01' is not an id", "letters, digits"),
    # examples
    ("account: a1", "acount: a1", 25, 19, "no column is called acount", "did you mean account?"),
    ("amount: 10,", "amount: ten,", 25, 40, "ten is no money for amount", "digits"),
    ("every: 10s", "every: 10", 25, 62, "10 is not a duration", "write 10s"),
    ("repeat: 5, ", "", 25, 44, "every needs repeat", "repeat: 5"),
    ("amount: 10,", "amount: [10],", 25, 40, "an event is flat", "one value"),
    # YAML itself
    ("on: [payment]", "on: payment, login", 2, 5, "called payment, login", "[payment, login]"),
    ("n_1m >= 5", "'a' = card", 17, 15, "cannot read this YAML", "in quotes as a whole"),
    ("when: n_1m >= 5", "when:", 17, 10, "nothing stands here", "write a value"),
    ("event_cap", "\tevent_cap", 6, 1, "cannot read this YAML", "not with tabs"),
    ("pack: payments", "pack: pay: ments", 1, 10, "mapping values are not allowed", "quotes"),
    ("[payment]", "[payment", 3, 4, "expected ',' or ']'", "it opens in line 2"),
    ('"*"', '"*', 21, 20, "cannot read this YAML", "it opens in line 8"),
    ("[payment]", "{payment}", 2, 5, "this must be a list", "write [a, b]"),
    ("n_1m: {c", "? [n]\n  : {c", 8, 5, "a key must be one word", "quotes"),
    ("n_1m >= 5", "[1]", 17, 11, "this must be one text", "quotes"),
    ("rules:", "---\nrules:", 14, 1, "a second document begins here", "one document"),
]


def test_the_good_pack_is_good(tmp_path: Path) -> None:
    path = tmp_path / "p.yaml"
    path.write_text(GOOD)
    assert load_pack(str(path)).name == "payments"


@pytest.mark.parametrize(
    ("old", "new", "line", "column", "message", "hint"), CASES, ids=[c[1][:30] for c in CASES]
)
def test_mistake(
    fault: Callable, old: str, new: str, line: int, column: int, message: str, hint: str
) -> None:
    assert old in GOOD
    found = fault(GOOD.replace(old, new, 1))
    assert (found[:2], message in found[2], hint in found[3]) == ((line, column), True, True), found


def test_an_id_twice_points_at_the_second(fault: Callable) -> None:
    rule = GOOD[GOOD.index("  - id") :]
    line, column, message, hint = fault(GOOD + rule)
    assert (line, column) == (26, 9)
    assert message == "F01 is a rule already"
    assert hint == "the first is in line 15"


def test_the_first_mistake_of_several_is_reported(fault: Callable) -> None:
    text = GOOD.replace("over: 48h", "over: 48").replace("action: review", "action: x")
    assert fault(text)[:2] == (9, 59)
