"""Derived names: a condition said once means what it would mean if it were written out."""

import pytest

from config.packs import load_pack
from dataflows.adoption import describe
from models.errors import ConfigError
from models.expressions.parsing import Parser
from models.expressions.tree import Call, Name, Source, Type
from models.planning.blueprint import Deployment, draw
from models.planning.outline_json import digest_of

PACK = """
pack: sends
on: [payment]
params: {least: 100}
derived:
  completed: coalesce(status, 'approved') IN ('approved', 'settled')
  by_person: coalesce(customer_kind, 'natural') = 'natural'
  counts: completed AND by_person AND amount_base >= least
  far: (amount_base - usual) / spread
features:
  paid_1d: {sum: amount_base, by: account, over: 1d, where: "counts AND channel = 'transfer'"}
  usual: {median: amount_base, by: account, over: 30d, where: completed}
  spread: {mad: amount_base, by: account, over: 30d, where: completed}
rules:
  - id: R1
    name: {en: a, zh: b}
    for_each: {far: {what: far, least_far: 3}, much: {what: paid_1d, least_far: 1000}}
    when: counts AND what >= least_far
    subject: account
    severity: {high: far >= 5, low: TRUE}
    because: {en: "{amount_base} {paid_1d}", zh: "{amount_base}"}
"""
COMPLETED = "coalesce(status, 'approved') IN ('approved', 'settled')"
BY_PERSON = "coalesce(customer_kind, 'natural') = 'natural'"


def drawn(tmp_path, text):
    path = tmp_path / "sends.yaml"
    path.write_text(text)
    return draw([load_pack(str(path))], Deployment())


def written_out(text):
    """The same pack without derived names."""
    head, _, rest = text.partition("derived:\n")
    rest = rest[rest.index("features:") :]
    rest = rest.replace("counts AND", "completed AND by_person AND amount_base >= least AND")
    rest = rest.replace("far >= 5", "(amount_base - usual) / spread >= 5")
    rest = rest.replace("where: completed", f'where: "{COMPLETED}"')
    rest = rest.replace("completed AND by_person", f"{COMPLETED} AND {BY_PERSON}")
    return head + rest


def test_the_plan_is_that_of_the_conditions_written_out(tmp_path):
    text = PACK.replace("far: {what: far, least_far: 3}, ", "")

    short, long = drawn(tmp_path, text), drawn(tmp_path, written_out(text))

    assert digest_of(describe(short, "arrival")) == digest_of(describe(long, "arrival"))
    (one,), (other,) = short.rules, long.rules
    assert one.when == other.when
    assert one.severity_nodes == other.severity_nodes
    assert one.evidence == other.evidence


def test_conditions_without_derived_names_keep_the_form_by_which_state_knows_them():
    """Another form of a `where` would begin its features anew at the first start of a version."""
    parser = Parser({"amount": Name("amount", Source.MONEY), "cash": Name("cash", Source.FLAG)})

    node = parser.parse("cash AND amount BETWEEN 1 AND 2", Type.FLAG)

    assert isinstance(node, Call)
    assert [isinstance(one, Call) and one.operator for one in node.arguments] == [False, "and"]


def test_a_limb_may_mean_a_derived_name(tmp_path):
    far, much = drawn(tmp_path, PACK).rules

    assert far.spec.id == "R1.far"
    assert far.features == {"sends.usual", "sends.spread"}
    assert much.features == {"sends.paid_1d"}


@pytest.mark.parametrize(
    ("old", "new", "place", "said"),
    [
        ("IN ('approved', 'settled')", "IN (completed_states)", "6:47", "no list is called"),
        ("by_person AND amount", "by_persn AND amount", "8:25", "called by_persn"),
        ("counts: completed", "counts: far > 1 AND completed", "8:11", "called far"),
        ('"counts AND channel', '"far > 3 AND channel', "11:62", "far is not known yet here"),
        ("counts AND what", "by_person + 1 > 2 AND what", "18:11", "by_person is true or false"),
        ('"{amount_base} {paid_1d}"', '"{far}"', "21:20", "because cannot show far"),
        ("  far: (", "  usual: (", "12:3", "usual is a derived name already"),
        ("  far: (", "  account: (", "9:3", "account is a canonical column already"),
        ("{what: far,", "{counts: far,", "17:30", "counts has a meaning already"),
    ],
)  # fmt: skip
def test_a_mistake_is_told_where_it_stands(tmp_path, old, new, place, said):
    assert old in PACK
    with pytest.raises(ConfigError) as found:
        drawn(tmp_path, PACK.replace(old, new, 1))

    where = found.value.place
    assert where is not None
    assert (f"{where.line}:{where.column}", said in found.value.message) == (place, True), found


def test_an_including_pack_uses_the_names_of_what_it_includes(tmp_path):
    (tmp_path / "sends.yaml").write_text(PACK)
    own = tmp_path / "own.yaml"
    own.write_text("""
pack: own
include: sends.yaml
on: [payment]
derived: {cash_only: cash AND completed}
rules:
  - id: OWN
    name: {en: a, zh: b}
    when: cash_only AND paid_1d > 5
    subject: account
    severity: low
    because: {en: "{paid_1d}", zh: "{paid_1d}"}
""")

    rules = draw([load_pack(str(own))], Deployment()).rules

    assert [rule.spec.id for rule in rules] == ["R1.far", "R1.much", "OWN"]
