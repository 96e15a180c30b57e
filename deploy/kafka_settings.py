"""The settings of a broker for tests: small, quick, and open on every kind of listener."""

from collections.abc import Mapping
from pathlib import Path

from deploy.certificates import Certificates

USERNAME = "riverguard"
PASSWORD = "correct horse"  # noqa: S105 - the user of a broker that lives for one test
MESSAGE_BYTES_MAX = 16 << 20

LISTENERS = {
    "PLAINTEXT": "PLAINTEXT",
    "SASL_SSL": "SASL_SSL",
    "SSL": "SSL",
    "PROXIED": "PLAINTEXT",
    "CONTROLLER": "PLAINTEXT",
}

_SMALL_AND_QUICK: dict[str, object] = {
    "num.partitions": 1,
    "auto.create.topics.enable": "false",
    "message.max.bytes": MESSAGE_BYTES_MAX,
    "group.initial.rebalance.delay.ms": 0,
    "offsets.topic.num.partitions": 1,
    "offsets.topic.replication.factor": 1,
    "transaction.state.log.num.partitions": 1,
    "transaction.state.log.replication.factor": 1,
    "transaction.state.log.min.isr": 1,
    "share.coordinator.state.topic.num.partitions": 1,
    "share.coordinator.state.topic.replication.factor": 1,
    "share.coordinator.state.topic.min.isr": 1,
    # what retention takes away is gone soon, so that it can be tested
    "log.initial.task.delay.ms": 500,
    "log.retention.check.interval.ms": 500,
    "log.segment.delete.delay.ms": 0,
    "log.cleaner.backoff.ms": 500,
    "log.cleaner.dedupe.buffer.size": 4 << 20,
    "num.network.threads": 2,
    "num.io.threads": 2,
    "broker.session.timeout.ms": 3000,
}


def server_settings(
    data: Path, ports: Mapping[str, int], advertised: str | None, certificates: Certificates
) -> dict[str, object]:
    """Return server.properties.

    Parameters
    ----------
    data
        Where the logs are.
    ports
        Listener name (of `LISTENERS`) → port on 127.0.0.1.
    advertised
        ``host:port`` that the listener PROXIED names to its clients.
    certificates
        Of the listeners with TLS.
    """
    shown = {name: f"127.0.0.1:{port}" for name, port in ports.items() if name != "CONTROLLER"}
    if advertised:
        shown["PROXIED"] = advertised
    scram, plain = (
        f"org.apache.kafka.common.security.{module} required"
        for module in ("scram.ScramLoginModule", "plain.PlainLoginModule")
    )
    return {
        "process.roles": "broker,controller",
        "node.id": 1,
        "controller.quorum.voters": f"1@127.0.0.1:{ports['CONTROLLER']}",
        "controller.listener.names": "CONTROLLER",
        "inter.broker.listener.name": "PLAINTEXT",
        "listeners": ",".join(f"{name}://127.0.0.1:{port}" for name, port in ports.items()),
        "advertised.listeners": ",".join(f"{name}://{at}" for name, at in shown.items()),
        "listener.security.protocol.map": ",".join(f"{k}:{v}" for k, v in LISTENERS.items()),
        "log.dirs": data,
        "sasl.enabled.mechanisms": "SCRAM-SHA-512,SCRAM-SHA-256,PLAIN",
        "listener.name.sasl_ssl.scram-sha-512.sasl.jaas.config": f"{scram};",
        "listener.name.sasl_ssl.scram-sha-256.sasl.jaas.config": f"{scram};",
        "listener.name.sasl_ssl.plain.sasl.jaas.config": f'{plain} user_{USERNAME}="{PASSWORD}";',
        "ssl.keystore.type": "PEM",
        "ssl.keystore.location": certificates.server,
        "ssl.truststore.type": "PEM",
        "ssl.truststore.location": certificates.ca,
        "listener.name.ssl.ssl.client.auth": "required",
        "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
        "allow.everyone.if.no.acl.found": "true",
        "super.users": "User:ANONYMOUS",
        **_SMALL_AND_QUICK,
    }
