"""Small packs from the parts of the repository's packs: small ones load a hundred times faster."""

import re
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Final

_SECTIONS: Final = ("features:", "detectors:", "rules:", "typologies:")
_WORD: Final = re.compile(r"[A-Za-z_]\w*")
_ITEM: Final = re.compile(r"  (?:- id: *)?([\w.-]+)")


@dataclass
class PackParts:
    """One pack's text, cut: what stands before, its features and detectors by name, its rules."""

    whole: str
    head: list[str] = field(default_factory=list)
    named: dict[str, dict[str, str]] = field(default_factory=dict)

    def small(self, chance: Random) -> str:
        """Make a valid pack of one to three rules, with the features that they read."""
        if chance.random() < 0.01:
            return self.whole
        rules = list(self.named.get("rules:", {}).values())
        chosen = chance.sample(rules, min(len(rules), chance.choice((1, 1, 2, 3))))
        if chance.random() < 0.7:
            chosen = [_without_examples(rule) for rule in chosen]
        wanted = set(_WORD.findall("".join(chosen)))
        lines = list(self.head)
        parts = []
        for section in ("detectors:", "features:"):
            items = self.named.get(section, {})
            kept = [text for name, text in items.items() if name in wanted]
            if chance.random() < 0.3 and items:
                kept.append(items[chance.choice(sorted(items))])
            kept = list(dict.fromkeys(kept))
            wanted |= set(_WORD.findall("".join(kept)))
            parts.append(f"{section}\n{''.join(kept)}" if kept else "")
        return "".join([*lines, *parts[::-1], "rules:\n", *chosen])


def _without_examples(rule: str) -> str:
    kept, inside = [], False
    for line in rule.splitlines(keepends=True):
        if line.startswith("    ") and not line.startswith("     "):
            inside = line.startswith("    examples:")
        if not inside:
            kept.append(line)
    return "".join(kept)


def cut_pack(path: Path) -> PackParts:
    """Cut a pack's file into its parts, without comment lines."""
    whole = path.read_text()
    parts = PackParts(whole)
    section, name = "", ""
    for line in whole.splitlines(keepends=True):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        if not line.startswith(" "):
            section = line.strip()
            if section in _SECTIONS:
                parts.named[section] = {}
                continue
            section = ""
        if not section:
            parts.head.append(line)
            continue
        found = _ITEM.match(line)
        if found and not line.startswith("   "):
            name = found[1]
            parts.named[section][name] = ""
        parts.named[section][name] += line
    return parts
