"""The state store: what it brings back, what it refuses, what it deletes."""

import errno
import os

import numpy as np
import pytest

from dataflows.state import LOGS_MAX, StateStore
from models.errors import DeliveryError, StateError


class Tally:
    """A component whose state is the sum of what was added."""

    whole = False

    def __init__(self):
        self.total = np.zeros(4, np.int64)
        self._log = []

    def add(self, *values):
        array = np.array(values, np.int64)
        self.total += array
        self._log.append(array)

    def take_log(self):
        log, self._log = self._log, []
        return log

    def replay(self, log):
        for chunk in log:
            self.add(*chunk)

    def save(self):
        return {"total": self.total.copy()}

    def load(self, saved):
        self.total = saved["total"].copy()


@pytest.fixture
def opened(tmp_path):
    def open_store(manifest=None):
        store, tally = StateStore(tmp_path), Tally()
        store.attach("tally", tally, manifest)
        return store, tally

    return open_store


def commit(store, tally, *values):
    tally.add(*values)
    store.touch("tally")
    return store.manifest("tally")


def test_a_manifest_brings_the_state_back(opened):
    store, tally = opened()
    commit(store, tally, 1, 2, 3, 4)
    manifest = commit(store, tally, 10, 20, 30, 40)

    _store, resumed = opened(manifest)

    assert resumed.total.tolist() == [11, 22, 33, 44]
    assert resumed.take_log() == []


def test_an_uncommitted_epoch_leaves_no_trace(opened):
    store, tally = opened()
    first = commit(store, tally, 1, 1, 1, 1)
    commit(store, tally, 5, 5, 5, 5)

    store, resumed = opened(first)
    again = commit(store, resumed, 2, 2, 2, 2)
    _store, final = opened(again)

    assert final.total.tolist() == [3, 3, 3, 3]


def test_unchanged_components_write_nothing(opened, tmp_path):
    store, tally = opened()
    manifest = commit(store, tally, 1, 1, 1, 1)
    before = sorted(path.name for path in tmp_path.iterdir())

    assert store.manifest("tally") == manifest
    assert sorted(path.name for path in tmp_path.iterdir()) == before


def test_a_base_replaces_logs_and_old_files_go(opened, tmp_path):
    store, tally = opened()
    for _ in range(3 * LOGS_MAX):
        manifest = commit(store, tally, 1, 0, 0, 0)
        if store._entries["tally"].base_job:
            store._entries["tally"].base_job.result()

    assert manifest["base"] is not None
    assert len(manifest["logs"]) <= LOGS_MAX + 1
    assert len(list(tmp_path.iterdir())) <= LOGS_MAX + 4
    _store, resumed = opened(manifest)
    assert resumed.total[0] == 3 * LOGS_MAX


def test_the_last_two_manifests_can_both_be_resumed(opened):
    store, tally = opened()
    manifests = [commit(store, tally, 1, 0, 0, 0) for _ in range(2 * LOGS_MAX)]

    for back in (-2, -1):
        _store, resumed = opened(manifests[back])
        assert resumed.total[0] == 2 * LOGS_MAX + 1 + back


@pytest.mark.parametrize("damage", ["flip", "cut", "remove"])
def test_damage_is_named_and_refused(opened, tmp_path, damage):
    store, tally = opened()
    manifest = commit(store, tally, 1, 2, 3, 4)
    path = tmp_path / manifest["logs"][0][0]
    raw = bytearray(path.read_bytes())
    if damage == "flip":
        raw[-1] ^= 1
        path.write_bytes(bytes(raw))
    elif damage == "cut":
        path.write_bytes(bytes(raw[:-3]))
    else:
        path.unlink()

    with pytest.raises(StateError, match="tally") as error:
        opened(manifest)

    assert path.name in str(error.value)


def test_another_format_is_refused(opened):
    store, tally = opened()
    manifest = commit(store, tally, 1, 2, 3, 4)

    with pytest.raises(StateError, match="format 99"):
        opened({**manifest, "format": 99})


def test_a_full_disk_raises_and_loses_nothing(opened, monkeypatch):
    store, tally = opened()
    durable = commit(store, tally, 1, 1, 1, 1)

    def full(_descriptor, _data):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr(os, "write", full)
        with pytest.raises(DeliveryError, match="No space left"):
            commit(store, tally, 2, 2, 2, 2)

    _store, resumed = opened(durable)
    assert resumed.total.tolist() == [1, 1, 1, 1]


@pytest.mark.parametrize("alone", [True, False])
def test_a_base_that_an_earlier_run_wrote_goes_when_it_is_replaced(opened, tmp_path, alone):
    store, tally = opened()
    for number in range(LOGS_MAX + 2):
        durable = commit(store, tally, number, 0, 0, 0)
    store.close()
    durable = commit(store, tally, 1, 0, 0, 0)
    assert durable["base"]
    foreign = tmp_path / "000000001-ffffffff.base"
    foreign.touch()

    other, resumed = StateStore(tmp_path, alone=alone), Tally()
    other.attach("tally", resumed, durable)
    for number in range(LOGS_MAX + 2):
        commit(other, resumed, number, 0, 0, 0)
    other.close()
    for _ in range(3):
        newest = commit(other, resumed, 1, 0, 0, 0)

    assert newest["base"] != durable["base"]
    assert not (tmp_path / durable["base"][0]).exists()
    assert foreign.exists() != alone
