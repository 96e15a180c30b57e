"""A short slice of `make torture`, and proof that it can tell a loss and does what it says."""

import json
import os
import random
import shutil
import socket
import subprocess
import sys
from itertools import islice
from pathlib import Path

import pytest

from benchmarks.torture.blows import BLOWS, SPECIAL, dealt, in_turn
from benchmarks.torture.clock import build
from benchmarks.torture.proxy import Proxy
from benchmarks.torture.stream import differing, make_stream

ROOT = Path(__file__).resolve().parents[2]
SLICE = (
    "kill at close", "redis down", "broker cut", "redis cut", "clock jump", "full disk", "kill one",
)  # fmt: skip


def test_blows_of_every_kind_change_nothing():
    if not (shutil.which("java") and shutil.which("mvn")):
        assert not os.environ.get("CI"), "Java and Maven are needed for a Kafka broker"
        pytest.skip("no Java or Maven for a Kafka broker")
    count = str(len(SLICE))
    words = ["--kills", count, "--kills-per-run", count, "--events", "5000", "--seed", "87"]
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.torture.run", *words, "--only", ",".join(SLICE)],
        cwd=ROOT, check=False, env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True,
        timeout=600, text=True,
    )  # fmt: skip

    assert done.returncode == 0, done.stderr[-3000:]
    found = json.loads(done.stdout.splitlines()[-1])
    assert (found["identical"], found["lost"], found["duplicated"]) == (found["runs"], 0, 0)
    # a process that another blow has just ended cannot be killed
    assert found["kills"] in (1, 2)
    # what a machine does not allow is left out, and said
    assert {*found["left_out"]} <= {"clock jump", "full disk"}
    assert found["blows"] == {kind: 1 for kind in SLICE if kind not in found["left_out"]}
    assert all(f"left out: {kind}: {why}" in done.stdout for kind, why in found["left_out"].items())
    # of this seed the clock jumps by hours, ahead and back
    ends = {"clock jump", "full disk"} & {*found["blows"]}
    assert {kind: found["ended"][kind] for kind in ends} == dict.fromkeys(ends, 1)


def test_blows_are_a_function_of_the_seed():
    def first(blows, count):
        return [(kind, draw.random()) for kind, draw in islice(blows, count)]

    every = first(dealt(7, SPECIAL), 500)

    assert every == first(dealt(7, SPECIAL), 500)
    assert every != first(dealt(8, SPECIAL), 500)
    assert {kind for kind, _draw in every} == {*BLOWS}
    assert {kind for kind, _draw in first(dealt(7, []), 500)} == {*BLOWS} - {*SPECIAL}
    assert [kind for kind, _draw in first(in_turn(7, SLICE), len(SLICE))] == [*SLICE]


@pytest.fixture
def proxied():
    """A proxy, a client's connection to it, and one through it to a server, from both ends."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        proxy = Proxy(server.getsockname()[1])
        host, _, port = proxy.address.partition(":")

        def connect():
            return socket.create_connection((host, int(port)), timeout=10)

        def through():
            client = connect()
            client.sendall(b"a")
            accepted, _ = server.accept()
            accepted.sendall(accepted.recv(1))
            assert client.recv(1) == b"a"
            return client, accepted

        yield proxy, connect, through
        proxy.close()


@pytest.mark.skipif(sys.platform != "linux", reason="a listener that pauses is Linux's")
def test_a_proxy_resets_and_refuses_until_it_is_healed(proxied):
    proxy, connect, through = proxied
    client, accepted = through()

    proxy.cut(refuse=True)

    with client, accepted, pytest.raises(ConnectionResetError):
        client.recv(1)
    with pytest.raises(ConnectionRefusedError):
        connect()
    proxy.heal()
    client, accepted = through()
    with client, accepted:
        accepted.close()
        assert client.recv(1) == b""


def test_a_proxy_resets_and_never_answers_until_it_is_healed(proxied):
    proxy, connect, through = proxied
    client, accepted = through()

    proxy.cut(refuse=False)

    with client, accepted, pytest.raises(ConnectionResetError):
        client.recv(1)
    with connect() as client:
        client.sendall(b"a")
        client.settimeout(0.05)
        with pytest.raises(TimeoutError):
            client.recv(1)
        client.settimeout(10)
        proxy.heal()
        with pytest.raises(ConnectionResetError):
            client.recv(1)
    client, accepted = through()
    with client, accepted:
        accepted.close()
        assert client.recv(1) == b""


def test_without_a_compiler_the_clock_is_left_out(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))

    assert build(tmp_path) == (None, "no C compiler")


def test_a_lost_or_changed_alert_is_told():
    stream = make_stream(2000, 2, seed=1, ordered=False)
    key = random.Random(1).choice(sorted(stream.expected))
    body, repeats = stream.expected[key]

    assert differing(stream.expected, stream.expected) == []
    without = {name: found for name, found in stream.expected.items() if name != key}
    assert differing(without, stream.expected) == [key]
    assert differing({**stream.expected, key: (body, repeats + 1)}, stream.expected) == [key]
    changed = json.loads(json.dumps(body))
    changed["data"]["reasons"][0]["evidence"][0]["value"] = -1
    assert differing({**stream.expected, key: (changed, repeats)}, stream.expected) == [key]
