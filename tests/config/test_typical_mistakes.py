"""What an analyst gets wrong in the first week: place, message and hint, word for word.

Each text is loaded and planned, as `riverguard check` does.
"""

from pathlib import Path

import pytest

from cli.deployment import deployment_of
from config.feature_section import FeatureSection
from config.packs import PackSection, load_pack
from config.sections import suggest
from config.settings import Settings
from models.errors import ConfigError
from models.planning.blueprint import draw

GOOD = """\
pack: mine
on: [payment]
params: {most: 3, watched: [IR, KP]}
lookups:
  risky: {table: countries, by: counterparty_country}
features:
  paid_1d: {sum: amount_base, by: account, over: 1d, where: "status = 'approved'"}
  payments_10m: {count: "*", by: account, over: 10m}
rules:
  - id: R1
    name: {en: Many payments, zh: 频繁支付}
    when: payments_10m >= most AND country IN (watched)
    subject: account
    severity: high
    because:
      en: "{payments_10m} payments within ten minutes"
      zh: "十分钟内支付 {payments_10m} 笔"
    examples:
      - fires: true
        events: [{account: a, amount: 10, country: IR, repeat: 3, every: 1m}]
  - id: R2
    name: {en: Much paid, zh: 大额}
    when: paid_1d >= 1000
    subject: account
    severity: medium
    cooldown: 10m
    because: {en: "{paid_1d} paid", zh: "支付 {paid_1d}"}
"""
PACK_KEYS = sorted(PackSection.model_fields)
FEATURE_KEYS = list(FeatureSection.model_fields)
SCALAR = "cannot read this YAML: expected <block end>, but found '<scalar>'"
NO_SPACE = "cannot read this YAML: could not find expected ':'"
NESTED = "cannot read this YAML: mapping values are not allowed here"
TAB = r"cannot read this YAML: found character '\t' that cannot start any token"

CASES = {
    # what: (old, new, line, column, message, hint)
    "severity misspelt": (
        "severity: high", "severity: hihg", 14, 15,
        "no severity is called hihg", "did you mean high?",
    ),
    "severity capital": (
        "severity: high", "severity: High", 14, 15,
        "no severity is called High", "did you mean high?",
    ),
    "severities listed": (
        "severity: high", "severity: [high, low]", 14, 15,
        "a severity is one word, or conditions", "write {high: n >= 10, low: TRUE}",
    ),
    "no quote at a brace": (
        'en: "{payments_10m} payments', "en: {payments_10m} payments", 16, 26,
        SCALAR, 'a text that begins with { or [ stands in quotes: "{n} payments"',
    ),
    "no quote at a brace in braces": (
        'en: "{paid_1d} paid"', "en: {paid_1d} paid", 27, 29,
        "cannot read this YAML: expected ',' or '}', but got '<scalar>'",
        'a text that begins with { or [ stands in quotes: "{n} payments"',
    ),
    "no closing quote": (
        'ten minutes"', "ten minutes", 16, 12,
        "cannot read this YAML: the quote that opens here closes in line 17",
        "close it where its text ends",
    ),
    "no closing single quote": (
        "'approved'", "'approved", 7, 62,
        "cannot read this expression: a text or comment has no end",
        "a text stands in single quotes: 'x'",
    ),
    "double quotes in an expression": (
        "\"status = 'approved'\"", "'status = \"approved\"'", 7, 71,
        "double quotes around approved",
        "a text stands in single quotes: 'approved', a name in none",
    ),
    "star without quotes": (
        'count: "*"', "count: *", 8, 26,
        "cannot read this YAML: expected alphabetic or numeric character, but found ','",
        'a star stands in quotes: "*"',
    ),
    "indented too deep": (
        "    subject: account\n    severity: high", "      subject: account\n    severity: high",
        13, 14, NESTED, "indent this line like its neighbours: it begins in column 7",
    ),
    "not indented enough": (
        "    cooldown", "   cooldown", 26, 4,
        "cannot read this YAML: expected <block end>, but found '<block mapping start>'",
        "indent this line like its neighbours: it begins in column 4",
    ),
    "a feature at the margin": (
        "  payments_10m:", "payments_10m:", 8, 1, "no key here is called payments_10m",
        f"indent it if it belongs to the part above; known here: {', '.join(PACK_KEYS)}",
    ),
    "tab": ("    cooldown", "\tcooldown", 26, 1, TAB, "indent with spaces, not with tabs"),
    "item without its dash": (
        "  - id: R2", "    id: R2", 21, 5, "id stands here twice",
        "the first is in line 10; remove or rename one, or begin a new item with a dash",
    ),
    "rules by name": (
        "  - id: R2\n", "  R2:\n", 21, 3,
        "cannot read this YAML: expected <block end>, but found '?'",
        "an item of the list begins with a dash; a key of an item stands below its first",
    ),
    "no space after a colon": (
        "cooldown: 10m", "cooldown:10m", 26, 5,
        NO_SPACE, "a key ends with a colon and a space: key: value",
    ),
    "no space after a colon in braces": (
        "by: account, over: 10m", "by:account, over: 10m", 8, 30,
        "no key here is called by:account", "a colon has a space after it: by: account",
    ),
    "Chinese comma": (
        "account, over: 10m", "account， over: 10m", 8, 47,
        "cannot read this YAML: expected ',' or '}', but got ':'",
        "， is full-width: write , and a space after it",
    ),
    "Chinese colon": (
        "cooldown: 10m", "cooldown：10m", 26, 5,
        NO_SPACE, "： is full-width: write : and a space after it",
    ),
    "space of a web page": (
        "    cooldown", "  \u00a0 cooldown", 26, 3,
        "cannot read this YAML: expected <block end>, but found '?'",
        "U+00A0 is no plain space: delete it and type a space",
    ),
    "column misspelt": (
        "amount_base", "amout_base", 7, 18,
        "no column, feature or parameter is called amout_base", "did you mean amount_base?",
    ),
    "key misspelt": (
        "by: account, over: 10m", "by: acount, over: 10m", 8, 34,
        "no column is called acount", "did you mean account?",
    ),
    "key missing": (
        "by: account, over: 10m", "over: 10m", 8, 17,
        "by is missing", "add it, for example by: account",
    ),
    "feature misspelt": (
        "when: payments_10m", "when: payment_10m", 12, 11,
        "no column, feature or parameter is called payment_10m", "did you mean payments_10m?",
    ),
    "feature in words": (
        '{count: "*", by: account, over: 10m}', "count by account", 8, 17,
        "this must be a mapping", 'write {count: "*", by: account, over: 1h}',
    ),
    "sum in a rule": (
        "paid_1d >= 1000", "sum(amount_base) >= 1000", 23, 11,
        "sum is not available here", "count and sum in a feature, then use its name here",
    ),
    "duration in words": (
        "over: 10m", "over: 10 mins", 8, 49, "10 mins is not a duration", "did you mean 10m?",
    ),
    "duration in Chinese": (
        "cooldown: 10m", "cooldown: 10 分钟", 26, 15,
        "10 分钟 is not a duration", "did you mean 10m?",
    ),
    "duration with a fraction": (
        "over: 1d", "over: 1.5d", 7, 50, "1.5d is not a duration", "did you mean 1d12h?",
    ),
    "duration back to front": (
        "over: 1d", "over: 30m1h", 7, 50, "30m1h is not a duration", "did you mean 1h30m?",
    ),
    "duration of a month": (
        "over: 1d", "over: 1 month", 7, 50,
        "1 month lacks its time zone", "write month(Asia/Shanghai)",
    ),
    "duration of a year": (
        "over: 1d", "over: 1y", 7, 50,
        "1y is not a duration", "months and years differ in length: write 30d or 365d",
    ),
    "window missing": (
        ", over: 10m", "", 8, 17, "over is missing", "add it, for example over: 1h",
    ),
    "window without a zone": (
        "over: 1d", "over: day()", 7, 50, "day lacks its time zone", "write day(Asia/Shanghai)",
    ),
    "window of a word": (
        "over: 1d", "over: today", 7, 50,
        "today is no window", "write 1h, day(Asia/Shanghai) or all",
    ),
    "comma without quotes": (
        "over: 10m", "over: business_day(Asia/Shanghai, CN)", 8, 77, "no key here is called CN)",
        f"a text that contains a comma stands in quotes; {suggest('CN)', FEATURE_KEYS)}",
    ),
    "text compared with a number": (
        "country IN (watched)", "country = 86", 12, 36,
        "cannot compare country (text) with 86 (number)",
        "text stands in single quotes, numbers in none",
    ),
    "number compared with a text": (
        "paid_1d >= 1000", "paid_1d >= '1000'", 23, 11,
        "cannot compare paid_1d (number) with '1000' (text)",
        "text stands in single quotes, numbers in none",
    ),
    "comparison forgotten": (
        "when: paid_1d >= 1000", "when: paid_1d", 23, 11,
        "paid_1d is number, not true or false", "compare it with something",
    ),
    "equal to nothing": (
        "paid_1d >= 1000", "country = NULL", 23, 11,
        "a comparison with NULL is never true", "write IS NULL or IS NOT NULL",
    ),
    "text without quotes": (
        "paid_1d >= 1000", "status = settled", 23, 20,
        "no column is called settled", "a text stands in single quotes: 'settled'",
    ),
    "one language": (
        ', zh: "支付 {paid_1d}"', "", 27, 14,
        "zh is missing", 'add it, for example zh: "{payments_1m} 笔支付"',
    ),
    "reason as one text": (
        '{en: "{paid_1d} paid", zh: "支付 {paid_1d}"}', "much paid", 27, 14,
        "this must be a mapping",
        'write {en: "{payments_1m} payments", zh: "{payments_1m} 笔支付"}',
    ),
    "unknown name in a reason": (
        '"{paid_1d} paid"', '"{payd_1d} paid"', 27, 20,
        "because shows payd_1d, which is unknown", "did you mean paid_1d?",
    ),
    "id twice": ("id: R2", "id: R1", 21, 9, "R1 is a rule already", "the first is in line 10"),
    "name twice": (
        "most: 3", "paid_1d: 3", 3, 10, "paid_1d is a feature already", "rename one of them",
    ),
    "threshold above the cap": (
        "payments_10m >= most", "payments_10m >= 5000", 12, 11,
        "payments_10m is compared with 5000, but at most 4096 events are kept per entity",
        "raise event_cap, or lower the threshold",
    ),
    "amount of a graph misspelt": (
        '{count: "*", by: account, over: 10m}',
        "{cycle: [account, counterparty], amount: amonut, over: 10m}", 8, 58,
        "no column, feature or parameter is called amonut", "did you mean amount?",
    ),
    "table misspelt": (
        "table: countries", "table: contries", 5, 3,
        "no table is called contries", "did you mean countries?; settings name them in lookups",
    ),
    "list misspelt": (
        "(watched)", "(wached)", 12, 48,
        "no column, feature or parameter is called wached", "did you mean watched?",
    ),
    "no as a flag": (
        "where: \"status = 'approved'\"", "exclude_current: no", 7, 71,
        "'no' is neither true nor false", "write false",
    ),
    "kinds without brackets": (
        "on: [payment]", "on: payment, login", 2, 5,
        "no event kind is called payment, login", "several stand in brackets: [payment, login]",
    ),
    "word of another system": (
        "cooldown: 10m", "action: block", 26, 13, "no action is called block",
        "known here: allow, challenge, freeze, hold, review",
    ),
}  # fmt: skip


def planned(text, path):
    path.write_text(text)
    return draw([load_pack(str(path))], deployment_of(Settings()))


def test_the_good_pack_is_good(tmp_path: Path) -> None:
    assert [rule.spec.id for rule in planned(GOOD, tmp_path / "p.yaml").rules] == ["R1", "R2"]


@pytest.mark.parametrize("name", CASES)
def test_a_mistake_is_shown_with_its_mend(tmp_path: Path, name: str) -> None:
    old, new, line, column, message, hint = CASES[name]
    assert GOOD.count(old) == 1
    path = tmp_path / "p.yaml"

    with pytest.raises(ConfigError) as caught:
        planned(GOOD.replace(old, new, 1), path)

    where = f"{path}:{line}:{column}"
    assert str(caught.value) == f"{where}: {message}\n  hint: {hint}"


@pytest.mark.parametrize("equals", ["=", "=="])
def test_one_and_two_equals_signs_compare(tmp_path: Path, equals: str) -> None:
    text = GOOD.replace("status = 'approved'", f"status {equals} 'approved'")

    assert planned(text, tmp_path / "p.yaml").rules[1].spec.id == "R2"
