"""What the steps of one process share, and where a step keeps its component."""

from dataclasses import dataclass, field

from dataflows.breaker import Breaker
from dataflows.counters import Counters
from dataflows.progress import Progress
from dataflows.segments import Manifest
from dataflows.state import Component, StateStore
from models.holding import Ordering
from models.planning.blueprint import Blueprint


@dataclass(frozen=True)
class Shared:
    """What the steps of one process share.

    Attributes
    ----------
    blueprint, ordering
        What to do.
    store
        Where state goes.
    counters
        What was done.
    progress
        What the source must know.
    breaker
        Stops the run when too much is rejected.
    """

    blueprint: Blueprint
    ordering: Ordering
    store: StateStore
    counters: Counters
    progress: Progress = field(default_factory=Progress)
    breaker: Breaker = field(default_factory=lambda: Breaker(1.0))


class Kept:
    """A component's place in the state store, under a key that its first item tells."""

    def __init__(self, kind: str, shared: Shared, manifest: Manifest | None) -> None:
        self._kind, self._store, self._manifest = kind, shared.store, manifest
        self.key = manifest["key"] if manifest else ""

    @property
    def shard(self) -> int | None:
        """Of the manifest; None without one."""
        return int(self.key.partition("-")[2]) if self._manifest else None

    def attach(self, shard: int, component: Component) -> None:
        """Register the component; with a manifest, bring it to that state."""
        self.key = f"{self._kind}-{shard:04d}"
        self._store.attach(self.key, component, self._manifest)

    def touch(self) -> None:
        """The component has changed."""
        self._store.touch(self.key)

    def snapshot(self) -> Manifest:
        """The manifest."""
        return self._store.manifest(self.key)
