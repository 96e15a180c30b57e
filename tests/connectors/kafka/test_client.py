"""How to reach a cluster: what is refused before anything connects."""

import pytest
from confluent_kafka import Consumer

from connectors.kafka_client import KafkaConfig, creating
from models.errors import ConfigError

SECRET = "hunter2"  # noqa: S105


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"servers": ""}, "kafka.servers"),
        ({"servers": "a:9092,,b:9092"}, "kafka.servers"),
        ({"sasl_mechanism": "GSSAPI"}, "SCRAM-SHA-256, SCRAM-SHA-512, was 'GSSAPI'"),
        ({"username": "me"}, "kafka.password belong together"),
        ({"password": SECRET}, "kafka.username and"),
        ({"tls": True, "key_file": "k.pem"}, "kafka.certificate_file and"),
        ({"ca_file": "ca.pem"}, "kafka.tls is off"),
        ({"tls": True, "ca_file": "/nowhere/ca.pem"}, "cannot read /nowhere/ca.pem"),
        ({"connect_timeout_s": 0}, "connect_timeout_s must be positive, was 0"),
        ({"options": {"sasl.password": SECRET}}, r"kafka.options.sasl.password"),
    ],
)
def test_wrong_settings_are_refused(wrong, message):
    with pytest.raises(ConfigError, match=message) as raised:
        KafkaConfig(**wrong)

    assert SECRET not in str(raised.value)


@pytest.mark.parametrize(
    ("tls", "username", "protocol"),
    [
        (False, "", "PLAINTEXT"),
        (True, "", "SSL"),
        (False, "me", "SASL_PLAINTEXT"),
        (True, "me", "SASL_SSL"),
    ],
)
def test_the_protocol_follows_from_tls_and_login(tls, username, protocol):
    config = KafkaConfig(tls=tls, username=username, password=username and SECRET)

    settings = config.librdkafka({})

    assert settings["security.protocol"] == protocol
    assert settings.get("sasl.password") == (SECRET if username else None)
    assert SECRET not in repr(config)


def test_options_change_defaults_but_no_guarantee():
    config = KafkaConfig(options={"linger.ms": "9", "acks": "0"})

    assert config.librdkafka({}, {"linger.ms": 5, "retries": 1})["linger.ms"] == "9"
    with pytest.raises(ConfigError, match=r"kafka.options.acks cannot be changed"):
        config.librdkafka({"acks": "all"})


def test_an_option_that_does_not_exist_is_a_mistake_of_the_settings():
    config = KafkaConfig(options={"fetch.wiat.max.ms": "9"})

    with (
        pytest.raises(ConfigError, match=r"No such configuration property.*fetch.wiat"),
        creating(config),
    ):
        Consumer(config.librdkafka({"group.id": "g"}))
