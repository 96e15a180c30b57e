"""The state store at an epoch close: what the epoch before it needs is there until the end."""

import numpy as np

from dataflows.state import StateStore


class Number:
    """A small component, written whole."""

    whole = True

    def __init__(self):
        self.value = np.zeros(1, np.int64)

    def take_log(self):
        return [self.value.copy()]

    def replay(self, log):
        self.value = log[0].copy()

    def save(self):
        return {"value": self.value.copy()}

    def load(self, saved):
        self.value = saved["value"].copy()


def test_a_close_that_writes_twice_keeps_the_epoch_before(tmp_path):
    store, intake, hold = StateStore(tmp_path), Number(), Number()
    store.attach("intake", intake, None)
    store.attach("hold", hold, None)
    durable = None
    for epoch in (1, 2, 3):
        before = durable
        for part in (0, 1):
            hold.value[:] = 10 * epoch + part
            store.touch("hold")
            # the first step of the flow closes its epoch, then the rest of the epoch arrives
            durable = store.manifest("hold" if part else "intake")
    store.close()

    # a crash before the last of them was durable
    later, resumed = StateStore(tmp_path), Number()
    later.attach("hold", resumed, before)
    later.close()
    assert resumed.value.tolist() == [21]
