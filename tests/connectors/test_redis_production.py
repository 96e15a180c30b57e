"""The Redis sink against a Debian server with its data on disk, in trouble."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from redis.exceptions import RedisError

from connectors.redis import RedisAlerts, RedisConfig
from models.errors import ConfigError, DeliveryError
from models.records import Repeat
from tests.redis_servers import RedisServer, running


@pytest.fixture
def redis_server(tmp_path: Path) -> Iterator[RedisServer]:
    with running(tmp_path) as server:
        yield server


def stream_ids(server: RedisServer) -> list[str]:
    """Alert ids in the stream; each has its hash, and there are no other hashes."""
    with server.admin() as client:
        ids = [fields[b"id"].decode() for _, fields in client.xrange("riverguard:alerts")]
        hashes = {key.decode() for key in client.scan_iter("riverguard:alert:*", 5000)}
    assert hashes == {f"riverguard:alert:{alert_id}" for alert_id in ids}
    return ids


def meanwhile(work: Callable[[], None]) -> threading.Thread:
    thread = threading.Thread(target=work)
    thread.start()
    return thread


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.001)


def when_half_written(server: RedisServer, then: Callable[[], None]) -> threading.Thread:
    def watch() -> None:
        with server.admin() as client:
            until(lambda: client.xlen("riverguard:alerts") >= 1000)
        then()

    return meanwhile(watch)


def test_what_was_acknowledged_survives_a_kill(redis_server, alert) -> None:
    ids = []
    with closing(RedisAlerts(redis_server.config(patience_s=0))) as sink:
        for number in range(200):
            sink.write([alert(number), Repeat(alert(number).id, 3, 99_000)])
            sink.flush()
            ids.append(alert(number).id)
        redis_server.kill()
    redis_server.start()
    assert stream_ids(redis_server) == ids
    with redis_server.admin() as client:
        assert {client.hget(f"riverguard:alert:{one}", "repeats") for one in ids} == {b"3"}


def test_a_killed_server_is_waited_for(redis_server, alert) -> None:
    items = [alert(number) for number in range(5000)]

    def restart() -> None:
        redis_server.kill()
        # Down for as long as it takes the sink to notice.
        until(noticed.is_set)
        redis_server.start()

    noticed = threading.Event()
    with closing(RedisAlerts(redis_server.config())) as sink:
        connect = sink._client.connection_pool.get_connection

        def noticing(*arguments, **options):
            try:
                return connect(*arguments, **options)
            except RedisError:
                noticed.set()
                raise

        sink._client.connection_pool.get_connection = noticing
        thread = when_half_written(redis_server, restart)
        sink.write(items)
        sink.flush()
        thread.join()
    assert noticed.is_set()
    assert stream_ids(redis_server) == [item.id for item in items]


def test_a_paused_server_is_waited_for(redis_server, alert) -> None:
    """A command that timed out is done by the server later all the same: twice would show."""
    items = [alert(number) for number in range(5000)]
    config = redis_server.config(reply_timeout_s=0.2, connect_timeout_s=0.2)

    def pause() -> None:
        redis_server.pause()
        time.sleep(2)
        redis_server.go_on()

    with closing(RedisAlerts(config)) as sink:
        thread = when_half_written(redis_server, pause)
        sink.write(items)
        sink.flush()
        thread.join()
        assert sink.written + sink.refused == 5000
    assert stream_ids(redis_server) == [item.id for item in items]


def test_patience_ends(redis_server, alert) -> None:
    config = redis_server.config(patience_s=0.5)
    with closing(RedisAlerts(config)) as sink:
        redis_server.kill()
        begin = time.monotonic()
        with pytest.raises(DeliveryError, match=r"600 alerts .* after 0\.5 s") as raised:
            sink.write([alert(number) for number in range(600)])
        assert time.monotonic() - begin >= 0.5  # at least: it did insist
        assert isinstance(raised.value.__cause__, RedisError)
        redis_server.start()
        sink.flush()
    assert len(stream_ids(redis_server)) == 600


def test_a_full_server_is_waited_for(redis_server, alert) -> None:
    with redis_server.admin() as admin, closing(RedisAlerts(redis_server.config())) as sink:
        admin.config_set("maxmemory", 1)
        full = admin.info("stats")["total_error_replies"]

        def free() -> None:
            until(lambda: admin.info("stats")["total_error_replies"] >= full + 2)
            admin.config_set("maxmemory", 0)

        sink.write([alert(number) for number in range(10)])
        thread = meanwhile(free)
        sink.flush()
        thread.join()
    assert stream_ids(redis_server) == [alert(number).id for number in range(10)]


def test_a_read_only_server_is_waited_for(redis_server, alert) -> None:
    with redis_server.admin() as admin, closing(RedisAlerts(redis_server.config())) as sink:
        refused = admin.info("stats")["total_error_replies"]
        admin.execute_command("REPLICAOF", "127.0.0.1", "1")

        def promote() -> None:
            until(lambda: admin.info("stats")["total_error_replies"] > refused)
            admin.execute_command("REPLICAOF", "NO", "ONE")

        thread = meanwhile(promote)
        sink.write([alert(1)])
        sink.flush()
        thread.join()
    assert stream_ids(redis_server) == [alert(1).id]


def test_a_failure_in_the_middle_of_a_chunk(redis_server, alert) -> None:
    """A repeat whose alert did not get in must be sent again after it."""
    with closing(RedisAlerts(redis_server.config())) as sink, redis_server.admin() as admin:
        replies, execute = [], sink._execute

        def fail_once(chunk):
            if not replies:
                # Only the middle alert fails: its script is one the server does not have.
                script = sink._client.register_script("return redis.error_reply('BUSY not now')")
                chunk = [*chunk[:2], (script, *chunk[2][1:]), *chunk[3:]]
            replies.append(None)
            return execute(chunk)

        sink._execute = fail_once
        sink.write([alert(1), Repeat(alert(1).id, 2, 5000), alert(2), Repeat(alert(2).id, 9, 5000)])
        sink.flush()
        assert (sink.written, sink.refused, len(replies)) == (4, 0, 2)
        assert admin.hget(f"riverguard:alert:{alert(2).id}", "repeats") == b"9"
    assert stream_ids(redis_server) == [alert(1).id, alert(2).id]


def test_another_type_under_our_key_is_not_waited_for(redis_server, alert) -> None:
    with redis_server.admin() as admin, closing(RedisAlerts(redis_server.config())) as sink:
        admin.set("riverguard:alerts", "not a stream")
        sink.write([alert(1)])
        with pytest.raises(DeliveryError, match=r"waiting would not help: .*WRONGTYPE"):
            sink.flush()


def test_a_start_waits_for_a_server_that_loads(tmp_path: Path, alert) -> None:
    # Each key takes 5 ms to load, so that the second start finds the server loading.
    with running(tmp_path, key_load_delay="0", enable_debug_command="yes") as server:
        with closing(RedisAlerts(server.config())) as sink:
            sink.write([alert(number) for number in range(300)])
            sink.flush()
        with server.admin() as admin:
            admin.bgrewriteaof()
            until(lambda: not admin.info("persistence")["aof_rewrite_in_progress"])
            until(lambda: not admin.info("persistence")["aof_rewrite_scheduled"])
        server.kill()
        slow = RedisServer(
            tmp_path, {"key-load-delay": "5000", "loading-process-events-interval-bytes": "1024"}
        )
        thread = meanwhile(slow.start)
        seen = []
        try:

            def loading() -> bool:
                try:
                    with slow.admin() as client:
                        client.ping()
                except RedisError as error:
                    seen.append(type(error).__name__)
                    return seen[-1] == "BusyLoadingError"
                return True

            until(loading)
            with closing(RedisAlerts(server.config())):
                pass
            assert seen[-1] == "BusyLoadingError"
        finally:
            thread.join()
            slow.kill()


def test_the_bound_holds(redis_server, alert) -> None:
    config = redis_server.config(stream_length_max=100, keep_s=3600)
    with closing(RedisAlerts(config)) as sink, redis_server.admin() as client:
        for start in range(0, 5000, 500):
            sink.write([alert(number) for number in range(start, start + 500)])
            sink.flush()
            # Whole nodes of stream-node-max-entries, 100 by default.
            assert 100 <= client.xlen("riverguard:alerts") <= 200
        times = {client.ttl(f"riverguard:alert:{alert(n).id}") for n in range(5000)}
        assert 0 < min(times) <= max(times) <= 3600

        # Trimmed from the stream, yet known: the hash keeps a replay out and counts repeats.
        sink.write([alert(1), Repeat(alert(1).id, 4, 9_000)])
        sink.flush()
        assert sink.refused == 1
        assert client.hget(f"riverguard:alert:{alert(1).id}", "repeats") == b"4"
        listed = [fields[b"id"].decode() for _, fields in client.xrange("riverguard:alerts")]
        assert alert(1).id not in listed


@pytest.mark.parametrize("policy", ["allkeys-lru", "volatile-ttl"])
def test_a_server_that_evicts_is_refused(redis_server, policy) -> None:
    with redis_server.admin() as admin:
        admin.config_set("maxmemory-policy", policy)
    with pytest.raises(ConfigError, match=f"maxmemory-policy {policy}") as raised:
        RedisAlerts(redis_server.config())
    assert "noeviction" in raised.value.hint


def test_an_unreachable_server_at_the_start_is_not_waited_for(tmp_path: Path) -> None:
    config = RedisConfig(url=f"unix://{tmp_path}/none.sock", patience_s=3600)
    with pytest.raises(DeliveryError, match="cannot reach"):
        RedisAlerts(config)
