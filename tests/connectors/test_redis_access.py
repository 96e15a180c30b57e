"""Who may reach Redis and how: TLS, ACL users, and messages without passwords."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from connectors.redis import ACL_RULES, RedisAlerts, RedisConfig
from connectors.redis_reader import START, AlertReader
from deploy.certificates import Certificates, make_certificates
from models.errors import ConfigError, DeliveryError
from models.records import Alert, Repeat
from tests.redis_servers import RedisServer, running, running_tls

SECRET = "s3cret"  # noqa: S105 - of a server that lives for one test


@pytest.fixture(scope="module")
def tls(tmp_path_factory) -> Iterator[tuple[str, Certificates]]:
    with running_tls(tmp_path_factory.mktemp("tls")) as found:
        yield found


@pytest.fixture
def redis_server(tmp_path: Path) -> Iterator[RedisServer]:
    with running(tmp_path) as server:
        yield server


def deliver(config: RedisConfig, items: list[Alert | Repeat]) -> None:
    with closing(RedisAlerts(config)) as sink:
        sink.write(items)
        sink.flush()


def with_user(server: RedisServer, rules: str) -> RedisConfig:
    """Make a user who may do no more than `rules`, beside our keys."""
    with server.admin() as admin:
        admin.execute_command(
            "ACL", "SETUSER", "guard", "reset", "on", f">{SECRET}", "~riverguard:*", *rules.split()
        )
    return server.config(username="guard", password=SECRET)


def denied(server: RedisServer) -> list[str]:
    """What was tried and denied, but for the client library's introduction."""
    with server.admin() as admin:
        tried = [entry["object"] for entry in admin.acl_log()]
    return [what for what in tried if not what.startswith("client")]


def test_alerts_go_through_tls(tls, alert) -> None:
    url, made = tls
    config = RedisConfig(
        url=url,
        ca_file=str(made.ca),
        certificate_file=str(made.client_certificate),
        key_file=str(made.client_key),
    )
    deliver(config, [alert(1)])
    with closing(AlertReader(config)) as reader:
        ((_, content),) = reader.tail(START)
    assert content["id"] == alert(1).id


def test_a_server_by_an_unknown_authority_is_refused(tls, tmp_path: Path) -> None:
    url, made = tls
    ours = {"certificate_file": str(made.client_certificate), "key_file": str(made.client_key)}
    for authority in (str(make_certificates(tmp_path).ca), ""):
        with pytest.raises(ConfigError, match="no TLS with rediss://localhost") as raised:
            RedisAlerts(RedisConfig(url=url, ca_file=authority, **ours))
        assert "ca_file" in raised.value.hint


def test_a_server_refuses_clients_by_an_unknown_authority(tls, tmp_path: Path) -> None:
    url, made = tls
    other = make_certificates(tmp_path)
    theirs = {"certificate_file": str(other.client_certificate), "key_file": str(other.client_key)}
    for files in (theirs, {}):
        # It hangs up; whether its reason arrives before is a race.
        with pytest.raises((ConfigError, DeliveryError)) as raised:
            RedisAlerts(RedisConfig(url=url, ca_file=str(made.ca), **files))
        assert "certificate" in raised.value.hint


def test_another_host_name_is_refused(tls, alert) -> None:
    url, made = tls
    ours = {
        "ca_file": str(made.ca),
        "certificate_file": str(made.client_certificate),
        "key_file": str(made.client_key),
    }
    deliver(RedisConfig(url=url.replace("localhost", "127.0.0.1"), **ours), [alert(2)])
    with pytest.raises(ConfigError, match=r"no TLS with rediss://127\.0\.0\.2"):
        RedisAlerts(RedisConfig(url=url.replace("localhost", "127.0.0.2"), **ours))


def test_the_documented_permissions_suffice(redis_server, alert) -> None:
    config = with_user(redis_server, ACL_RULES)
    deliver(config, [alert(1), Repeat(alert(1).id, 2, 5_000)])
    assert denied(redis_server) == []
    config = with_user(redis_server, "+xread +xrevrange +hmget")
    with closing(AlertReader(config)) as reader:
        assert reader.show(alert(1).id)["data"]["repeats"] == 2
        assert reader.tail(START) == reader.recent(5) != []
    assert denied(redis_server) == []


@pytest.mark.parametrize("rule", sorted(set(ACL_RULES.split()) - {"+config|get"}))
def test_a_missing_permission_is_told_at_the_start(redis_server, rule) -> None:
    config = with_user(redis_server, ACL_RULES.replace(rule, ""))
    with pytest.raises(ConfigError, match="refused us") as raised:
        RedisAlerts(config)
    assert rule in raised.value.hint
    assert "~riverguard:*" in raised.value.hint
    assert SECRET not in str(raised.value)
    with redis_server.admin() as admin:
        assert admin.keys() == []


def test_a_permission_taken_away_while_we_run_is_told_at_once(redis_server, alert) -> None:
    config = with_user(redis_server, ACL_RULES)
    with closing(RedisAlerts(config)) as sink:
        with_user(redis_server, ACL_RULES.replace("+xadd", ""))
        sink.write([alert(1)])
        with pytest.raises(DeliveryError, match="for want of a permission"):
            sink.flush()


def test_an_unseen_eviction_policy_is_left_to_its_owner(redis_server, alert) -> None:
    config = with_user(redis_server, ACL_RULES.replace("+config|get", ""))
    deliver(config, [alert(1)])


def test_other_keys_are_out_of_reach(redis_server, alert) -> None:
    config = with_user(redis_server, ACL_RULES)
    elsewhere = redis_server.config(username="guard", password=SECRET, prefix="other")
    with pytest.raises(ConfigError, match="refused us") as raised:
        RedisAlerts(elsewhere)
    assert "~other:*" in raised.value.hint
    deliver(config, [alert(1)])


def test_a_password_that_changes_while_we_run(redis_server, alert) -> None:
    config = with_user(redis_server, ACL_RULES)
    with closing(RedisAlerts(config)) as sink, redis_server.admin() as admin:
        admin.execute_command("ACL", "SETUSER", "guard", "resetpass", ">other")
        admin.client_kill_filter(_type="normal", skipme=True)
        sink.write([alert(1)])
        with pytest.raises(DeliveryError, match="waiting would not help") as raised:
            sink.flush()
    assert SECRET not in str(raised.value)


def test_passwords_stay_out_of_messages(redis_server) -> None:
    url = redis_server.url
    with_user(redis_server, ACL_RULES)
    for config in (
        redis_server.config(username="guard", password="s3cretly"),  # noqa: S106
        RedisConfig(url=f"{url}?username=guard&password=s3cretly"),
    ):
        with pytest.raises(ConfigError, match="refused us") as raised:
            RedisAlerts(config)
        assert SECRET not in str(raised.value)
        assert SECRET not in repr(config)
    with pytest.raises(ConfigError, match="stands in the url") as raised:
        RedisAlerts(RedisConfig(url=f"{url}?password=s3cret1", password="s3cret2"))  # noqa: S106
    assert SECRET not in str(raised.value)


@pytest.mark.parametrize(
    "url",
    [
        "redis://me:s3cret/1@host:1",
        "redis://me:s3cret?1@host:1",
        "redis://me:s3cret#1@host:1",
        "redis://me:s3cret@host:one",
        "http://me:s3cret@host:1",
        "redis://me:p@s3cret@host:x",
    ],
)
def test_a_url_that_is_none_shows_no_password(url) -> None:
    with pytest.raises(ConfigError, match="not a Redis url") as raised:
        RedisConfig(url=url).connect()
    shown = f"{raised.value}{raised.value.__cause__}{RedisConfig(url=url).place}"
    assert SECRET not in shown
    assert raised.value.__suppress_context__


def test_files_and_tls_go_together(tmp_path: Path) -> None:
    made = make_certificates(tmp_path)
    with pytest.raises(ConfigError, match="not TLS"):
        RedisConfig(url="redis://host", ca_file=str(made.ca))
    with pytest.raises(ConfigError, match=r"redis\.ca_file: no file /none"):
        RedisConfig(url="rediss://host", ca_file="/none")
    with pytest.raises(ConfigError, match="go together"):
        RedisConfig(url="rediss://host", key_file=str(made.client_key))
    with pytest.raises(ConfigError, match="password is missing"):
        RedisConfig(username="guard")
