"""Settings: defaults, overrides, mistakes, and a shipped file that tells the truth."""

import dataclasses
from pathlib import Path

import pytest

from cli.outside import kafka_config, redis_config
from config.fx import load_fx
from config.settings import DEVELOPMENT_SECRET, Settings, SettingsSection, load_settings
from connectors.kafka_client import KafkaConfig
from connectors.redis import RedisConfig
from models.errors import ConfigError

SHIPPED = Path(__file__).parents[2] / "config" / "riverguard.yaml"


@pytest.fixture(autouse=True)
def no_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RIVERGUARD_SECRET", raising=False)


def test_the_shipped_file_says_every_default() -> None:
    lines = SHIPPED.read_text().splitlines()
    keys = [line.split(":")[0] for line in lines if line and line[0] not in "# "]
    assert keys == list(SettingsSection.model_fields)
    for i, line in enumerate(lines):
        if line and line[0] not in "# ":
            assert lines[i - 1].startswith("#"), f"{line} is not explained"
    loaded, default = load_settings(SHIPPED), load_settings(None)
    loaded = dataclasses.replace(loaded, fx=loaded.fx.resolve())
    assert kafka_config(loaded) == kafka_config(default) == KafkaConfig()
    assert redis_config(loaded) == redis_config(default) == RedisConfig()
    same = {"kafka": default.kafka, "redis": default.redis}
    assert loaded.kafka.topics == default.kafka.topics
    assert loaded.kafka.group == default.kafka.group
    assert dataclasses.replace(loaded, **same) == default


def test_passwords_come_from_the_environment(tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("RIVERGUARD_KAFKA_PASSWORD", "hush")
    monkeypatch.setenv("RIVERGUARD_REDIS_PASSWORD", "quiet")
    path = tmp_path / "s.yaml"
    path.write_text(
        "kafka: {username: me, sasl_mechanism: PLAIN}\nredis: {username: you, keep: 1h}\n"
    )

    loaded = load_settings(path)

    assert kafka_config(loaded).password == "hush"  # noqa: S105 - a test's
    assert (redis_config(loaded).password, redis_config(loaded).keep_s) == ("quiet", 3600)
    assert "hush" not in repr(loaded)
    assert "quiet" not in repr(loaded)


def test_none_is_no_topic_and_no_redis(tmp_path) -> None:
    path = tmp_path / "s.yaml"
    path.write_text("kafka: {topics: {late: none, decisions: all}}\nredis: {url: none}\n")

    loaded = load_settings(path)

    assert (loaded.kafka.topics.late, loaded.kafka.topics.decisions) == (None, "all")
    assert redis_config(loaded) is None


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("processes: 5\n", "5 processes in all cannot share out shards evenly"),
        ("processes: 3\nhosts: [a, b, c]\n", "9 processes in all cannot"),
        ("shards: 2\nprocesses: 4\n", "4 processes in all, but 2 shards"),
        ("ordering: time\n", "no ordering is called time"),
        ("poison_limit: 50\n", "was 50"),
        ("kafka: {sasl_mechanism: SCRAM}\n", "no mechanism is called SCRAM"),
        ("kafka: {password: x}\n", "no key here is called password"),
        ("port: 40000\n", "was 40000"),
    ],
)
def test_mistakes_of_a_run_name_their_line(tmp_path, text, said) -> None:
    path = tmp_path / "s.yaml"
    path.write_text(text)
    with pytest.raises(ConfigError, match=said) as caught:
        load_settings(path)
    assert f"{path}:" in str(caught.value)


def test_every_setting_is_a_key_of_the_file() -> None:
    fields = [field.name.removesuffix("_ms") for field in dataclasses.fields(Settings)]
    assert fields == list(SettingsSection.model_fields)


def test_values(tmp_path: Path) -> None:
    path = tmp_path / "s.yaml"
    path.write_text(
        "secret: 000102030405060708090A0B0C0D0E0F\nbase_currency: XBT\ncurrencies: {XBT: 4}\n"
        "allowed_lateness: 0s\nshards: 64\ncommit_every: 1s\nfx: rates/fx.csv\n"
    )
    settings = load_settings(path)
    assert settings == Settings(
        "000102030405060708090a0b0c0d0e0f",
        "XBT",
        {"XBT": 4},
        0,
        64,
        1000,
        tmp_path / "rates/fx.csv",
    )
    assert settings.hash_key.key == bytes(range(16))
    assert not settings.is_development
    assert (settings.all_currencies["XBT"], settings.all_currencies["JPY"]) == (4, 0)


def test_the_environment_overrides_the_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RIVERGUARD_SECRET", "AB" * 16)
    for path in (None, SHIPPED):
        assert load_settings(path).secret == "ab" * 16
    monkeypatch.setenv("RIVERGUARD_SECRET", "hunter2")
    with pytest.raises(ConfigError, match="was 7 characters") as caught:
        load_settings(None)
    assert "hunter2" not in str(caught.value)


def test_the_secret_is_never_shown() -> None:
    assert load_settings(None).is_development
    assert DEVELOPMENT_SECRET not in repr(Settings())


@pytest.mark.parametrize(
    ("text", "line", "column", "message", "hint"),
    [
        ("shard: 8", 1, 1, "no key here is called shard", "did you mean shards?"),
        ("shards: 65", 1, 9, "was 65", "from 1 to 64"),
        ("shards: '8'", 1, 10, "'8' is not a number", "without quotes"),
        ("commit_every: 500", 1, 15, "500 is not a duration", "write 500s"),
        ("commit_every: 1ms", 1, 15, "1ms is out of range", "from 10ms to 1m"),
        ("allowed_lateness: 2d", 1, 19, "2d is out of range", "from 0s to 1d"),
        ("base_currency: CNH", 1, 16, "no currency is called CNH", "did you mean"),
        ("currencies: {XBT: 5}", 1, 19, "was 5", "from 0 to 4"),
        ("currencies: {xbt: 4}", 1, 14, "'xbt' is no currency code", "capitals"),
        ("currencies: {CNY: 0}", 1, 14, "CNY has 2 decimals by ISO 4217", "remove"),
        ("\nsecret: hunter2", 2, 9, "was 7 characters", "openssl"),
        ("[]", 1, 1, "this must be a mapping", "key: value"),
    ],
)
def test_mistakes(
    tmp_path: Path, text: str, line: int, column: int, message: str, hint: str
) -> None:
    path = tmp_path / "s.yaml"
    path.write_text(text)
    with pytest.raises(ConfigError) as caught:
        load_settings(path)
    error = caught.value
    assert str(error).startswith(f"{path}:{line}:{column}: ")
    assert message in error.message
    assert hint in error.hint
    assert "hunter2" not in str(error)


def test_shipped_rates_load() -> None:
    settings = load_settings(SHIPPED)
    rates = load_fx(settings.fx, settings.base_currency, settings.all_currencies)
    wanted = "AUD CAD CHF EUR GBP HKD JPY KRW KWD SGD THB USD"
    assert rates.currencies == tuple(wanted.split())
    assert {times[0] for times in rates.times_ms} == {946_684_800_000}


def test_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot read"):
        load_settings(tmp_path / "none.yaml")
