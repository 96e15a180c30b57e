"""The benchmark's result as tables."""

from collections import Counter

from benchmarks.quality.judging import Judge, typology_of


def rules_table(judge: Judge) -> str:
    """One row per rule: what it found of its own, of others, and of ordinary life."""
    heads = (
        *("pack", "rule", "alerts", "own incidents caught", "other incidents", "right"),
        *("soon after", "false", "false per 100,000 ordinary events"),
    )
    rows = [f"| {' | '.join(heads)} |", "|---|---|---:|---:|---:|---:|---:|---:|---:|"]
    for (_pack, rule), count in judge.rules.items():
        own = judge.planted(typology_of(rule, judge.typologies))
        caught = f"{len(count.caught & own)} of {len(own)}" if own else "none planted"
        ordinary = sum(judge.ordinary[kind] for kind in count.kinds)
        rate = f"{count.false / ordinary * 100_000:.2f}" if ordinary else ""
        mark = " (shadow)" if count.shadow else ""
        rows.append(
            f"| {count.pack} | `{rule}`{mark} | {count.alerts:,} | {caught} "
            f"| {len(count.caught - own)} | {count.in_incidents:,} | {count.after:,} "
            f"| {count.false:,} | {rate} |"
        )
    return "\n".join(rows)


def typologies_table(judge: Judge) -> str:
    """One row per typology: how many incidents any rule caught, and which rules."""
    rows = [
        "| typology | planted | caught by any rule | by its own rules | rules that caught most |",
        "|---|---:|---:|---:|---|",
    ]
    live = {rule: count for (_, rule), count in judge.rules.items() if not count.shadow}
    for typology in judge.typologies:
        planted = judge.planted(typology)
        found = Counter({rule: len(count.caught & planted) for rule, count in live.items()})
        own = [rule for rule in live if typology_of(rule, judge.typologies) == typology]
        anyhow = set().union(*(count.caught for count in live.values())) & planted
        owned = set().union(*(live[rule].caught for rule in own)) & planted
        most = ", ".join(f"`{rule}` {times}" for rule, times in found.most_common(4) if times)
        by_own = str(len(owned)) if own else "no rule"
        rows.append(f"| {typology} | {len(planted)} | {len(anyhow)} | {by_own} | {most} |")
    return "\n".join(rows)
