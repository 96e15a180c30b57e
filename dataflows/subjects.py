"""Which shard decides on alerts about a subject."""

from models.alerts import Hit
from models.planning.blueprint import Blueprint


def by_subject(hits: list[Hit], blueprint: Blueprint) -> list[tuple[int, list[Hit]]]:
    """Group hits by the shard of their subject, in order."""
    secret, shards = blueprint.deployment.secret, blueprint.deployment.shards
    grouped: dict[int, list[Hit]] = {}
    for hit in hits:
        shard = secret.text(f"{hit.tenant}/{hit.domain}/{hit.subject}") % shards
        grouped.setdefault(shard, []).append(hit)
    return list(grouped.items())
