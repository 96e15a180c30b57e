"""The deployment files fit each other and the code, as far as can be seen without Docker."""

import ast
import json
import os
import re
import shutil
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
import yaml

from cli.deployment import load
from cli.health import healthy, main
from cli.kernels import ROOT
from cli.outside import kafka_config, redis_config
from config.outside import KAFKA_PASSWORD, REDIS_URL
from config.settings import SECRET_VARIABLE, load_settings
from connectors.file import FileSource
from connectors.kafka_client import MESSAGE_BYTES_MAX
from connectors.kafka_limits import RECORD_BYTES_DEFAULT
from connectors.redis import ACL_RULES
from dataflows.cluster import Supervisor
from dataflows.edges import Fan, Outlets
from dataflows.execute import execute, opened

SETTINGS = ROOT / "deploy" / "compose" / "riverguard.yaml"
COMPOSE = (ROOT / "docker-compose.yml").read_text()
SERVICES = yaml.safe_load(COMPOSE)["services"]
DOCKERFILE = (ROOT / "Dockerfile").read_text()
ONCE = {"topics"}
SECRETS = {
    SECRET_VARIABLE: "0123456789abcdef" * 2,
    KAFKA_PASSWORD: "kafkapassword",
    REDIS_URL: "redis://:redispassword@redis:6379/0",
}


def instructions():
    """The Dockerfile's instructions in order: name, rest; continued lines as one."""
    lines = [line for line in DOCKERFILE.splitlines() if not line.lstrip().startswith("#")]
    text = re.sub(r"\\\n\s*", "", "\n".join(lines))
    return [tuple(line.split(maxsplit=1)) for line in text.splitlines() if line.strip()]


def given(name):
    return [rest for found, rest in instructions() if found == name]


def copied():
    """What is copied from the checkout."""
    rests = [rest.split() for rest in given("COPY") if not rest.startswith("--from")]
    return {source for words in rests for source in words[:-1]}


def health_command():
    return json.loads(re.search(r"CMD (\[.*\])", given("HEALTHCHECK")[0])[1])


def run(*command):
    return subprocess.run(command, check=False, cwd=ROOT, capture_output=True, text=True)


def created_topics():
    """Name → partitions, largest record."""
    script = SERVICES["topics"]["command"][0]
    found = re.findall(r"(?m)^create (\w+) (\d+) (\d+)$", script)
    return {name: (int(partitions), int(size)) for name, partitions, size in found}


@pytest.fixture
def secrets(monkeypatch):
    for name, value in SECRETS.items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def settings(secrets):
    return load_settings(SETTINGS)


@pytest.mark.parametrize("name", SERVICES)
def test_every_service_is_bounded_watched_and_restarted(name):
    service = SERVICES[name]

    assert re.fullmatch(r"(\$\{\w+:-)?\d+[mg]\}?", service["mem_limit"])
    if name in ONCE:
        assert service["restart"] == "no"
    else:
        assert service["restart"] == "unless-stopped"
        assert service["healthcheck"]["test"][0] in {"CMD", "CMD-SHELL"}
        assert service["healthcheck"].keys() >= {"interval", "timeout", "start_period", "retries"}
    for other, how in service.get("depends_on", {}).items():
        wanted = "service_completed_successfully" if other in ONCE else "service_healthy"
        assert how == {"condition": wanted}
    assert name != "engine" or service["depends_on"].keys() == SERVICES.keys() - {"engine"}


def test_images_are_pinned_and_from_no_registry_of_ours():
    stages = [rest.split()[0] for rest in given("FROM")]
    for image in [*stages, *(service["image"] for service in SERVICES.values())]:
        name, _, tag = image.partition(":")
        assert re.match(r"\d+\.\d+", tag), image
        assert not re.search(r"[.:]|localhost", name.split("/")[0]), image
    assert len(set(stages)) == 1  # a virtual environment points at its base's Python
    version = re.search("<kafka.version>(.*)<", (ROOT / "deploy/kafka/pom.xml").read_text())[1]
    assert {SERVICES[name]["image"] for name in ("kafka", "topics")} == {f"apache/kafka:{version}"}


def test_the_topics_of_the_settings_are_made(settings):
    topics = settings.kafka.topics
    written = {topics.alerts, topics.shadow, topics.decisions, topics.late, topics.dead_letters}
    made = created_topics()

    assert made.keys() == written | {topics.events}
    assert made[topics.events] == (4, RECORD_BYTES_DEFAULT)
    assert {made[name][1] for name in written} == {MESSAGE_BYTES_MAX}


def test_the_settings_reach_the_services_of_the_compose_file(settings):
    kafka, redis = kafka_config(settings), redis_config(settings)
    environment = SERVICES["kafka"]["environment"]
    jaas = environment["KAFKA_LISTENER_NAME_CLIENT_PLAIN_SASL_JAAS_CONFIG"]

    assert f"CLIENT://{kafka.servers}" in environment["KAFKA_ADVERTISED_LISTENERS"].split(",")
    assert kafka.sasl_mechanism == environment["KAFKA_SASL_ENABLED_MECHANISMS"]
    assert f'user_{kafka.username}="${{{KAFKA_PASSWORD}' in jaas
    assert redis.place == yaml.safe_load(SETTINGS.read_text())["redis"]["url"]
    assert redis.place == re.sub(r":\$.*@", "", SERVICES["engine"]["environment"][REDIS_URL])


def test_listeners_without_login_are_out_of_reach():
    environment = SERVICES["kafka"]["environment"]
    security = dict(
        pair.split(":") for pair in environment["KAFKA_LISTENER_SECURITY_PROTOCOL_MAP"].split(",")
    )
    for listener in environment["KAFKA_LISTENERS"].split(","):
        name, _, at = listener.partition("://")
        assert security[name] != "PLAINTEXT" or at.startswith("127.0.0.1:"), listener


def test_redis_keeps_what_it_has_and_the_guide_names_what_its_user_may():
    words = SERVICES["redis"]["command"]
    options = dict(zip(words[1::2], words[2::2], strict=True))

    assert options["--maxmemory-policy"] == "noeviction"
    assert (options["--appendonly"], options["--appendfsync"]) == ("yes", "everysec")
    assert ACL_RULES in (ROOT / "docs" / "deploying.md").read_text()


def test_secrets_come_from_the_environment_and_must_be_given(settings):
    """The engine gets every secret that the settings know, and no file has one."""
    environment = SERVICES["engine"]["environment"]
    references = re.findall(r"\$\{(RIVERGUARD_\w+)([^}]*)\}", COMPOSE)

    assert environment.keys() == SECRETS.keys()
    assert all("${" in value for value in environment.values())
    assert all(rest.startswith(":?") for name, rest in references if name != "RIVERGUARD_MEMORY")
    assert not settings.is_development
    assert not re.search(r"(?m)^\s*(secret|password)\s*:", SETTINGS.read_text())


def test_everybody_means_the_same_state_directory(settings):
    path = str(settings.state)
    volumes = [volume.split(":")[:2] for volume in SERVICES["engine"]["volumes"]]
    in_compose = SERVICES["engine"]["healthcheck"]["test"][1:]

    assert ["state", path] in volumes
    assert ["./deploy/compose/riverguard.yaml", "/config/riverguard.yaml"] in volumes
    assert SERVICES["engine"]["command"] == json.loads(given("CMD")[0])
    assert f"-m 0700 {path}" in DOCKERFILE
    assert health_command() == in_compose
    assert health_command()[-2] == path
    assert float(health_command()[-1]) > 2 * settings.commit_every_ms / 1000


def test_the_image_holds_everything_that_the_command_imports():
    ours = {path.parent.name for path in ROOT.glob("*/__init__.py")}
    found, waiting = set(), {"cli"}
    while waiting:
        folder = waiting.pop()
        found.add(folder)
        for path in (ROOT / folder).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text())):
                module = node.module if isinstance(node, ast.ImportFrom) else None
                names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
                tops = {name.split(".")[0] for name in [*names, module or ""]}
                waiting |= (tops & ours) - found

    assert found <= copied()
    assert all((ROOT / source).exists() for source in copied())


def test_the_build_sees_what_it_copies_and_nothing_else():
    lines = (ROOT / ".dockerignore").read_text().splitlines()
    patterns = [line for line in lines if line and not line.startswith("#")]

    assert patterns[0] == "*"
    assert {line[1:] for line in patterns if line.startswith("!")} == copied()


def test_only_locked_requirements_are_installed():
    installs = [rest for rest in given("RUN") if "pip install" in rest]

    assert len(installs) == 1
    assert "--require-hashes" in installs[0]
    assert re.findall(r"-r (\S+)", installs[0]) == ["requirements/run.txt"]
    assert "http" not in DOCKERFILE


def test_the_container_is_not_root_and_hears_signals():
    names = [name for name, _ in instructions()]
    entry = json.loads(given("ENTRYPOINT")[0])

    assert re.search(r"useradd .*--uid 10001 .* riverguard\b", DOCKERFILE)
    assert given("USER") == ["riverguard"]
    assert names.index("USER") > max(at for at, name in enumerate(names) if name in {"RUN", "COPY"})
    assert given("STOPSIGNAL") == ["SIGTERM"]
    assert os.access(ROOT / Path(entry[0]).name, os.X_OK)
    assert SERVICES["engine"]["init"] is True
    grace = int(SERVICES["engine"]["stop_grace_period"].removesuffix("s"))
    assert grace > Supervisor(list, 0, lambda: None, str).grace_s


def test_compose_reads_the_file(secrets, monkeypatch):
    monkeypatch.setenv("RIVERGUARD_REDIS_PASSWORD", "redispassword")
    docker = shutil.which("docker")
    if not docker or run(docker, "compose", "version").returncode:
        pytest.skip("no docker with compose on PATH")

    done = run(docker, "compose", "-f", str(ROOT / "docker-compose.yml"), "config", "--quiet")

    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("name", "age_s", "expected"),
    [
        ("000000001-abc.log", 0, True),
        ("000000001-abc.log", 1000, False),
        ("000000001-abc.log", -1000, False),
        ("000000001-abc.base", 0, False),
    ],
)
def test_health_is_a_log_written_lately(tmp_path, name, age_s, expected):
    (tmp_path / "state").mkdir()
    old = tmp_path / "state" / "000000000-abc.log"
    for path, age in ((old, 5000), (tmp_path / "state" / name, age_s)):
        path.touch()
        os.utime(path, (time.time() - age, time.time() - age))

    assert healthy(tmp_path, 500) is expected
    assert main(["health", str(tmp_path), "500"]) == (0 if expected else 1)


def test_no_state_is_not_healthy(tmp_path):
    assert not healthy(tmp_path / "none", 60)
    assert main(["health", str(tmp_path)]) == 2


def test_the_health_check_of_the_image_imports_nothing_heavy(tmp_path):
    (tmp_path / "state").mkdir()
    (tmp_path / "state" / "000000001-abc.log").touch()
    words = health_command()[1:-2]
    done = run(sys.executable, "-X", "importtime", *words, str(tmp_path), "3600")

    assert done.returncode == 0, done.stderr
    assert not re.search(r"\b(numba|numpy|bytewax|pydantic|typer)\b", done.stderr)


def test_an_engine_without_events_is_healthy(secrets, tmp_path):
    """What the health check rests on: epochs write logs also while nothing comes."""
    events = tmp_path / "events.ndjson"
    events.touch()
    _, blueprint = load(None, SETTINGS)
    seen = set()

    def watch(stopping):
        deadline = time.monotonic() + 120
        while len(seen) < 5 and time.monotonic() < deadline:
            seen.update(path.name for path in (tmp_path / "run" / "state").glob("*.log"))
            time.sleep(0.005)
        stopping.set()

    with opened(tmp_path / "run", blueprint) as place:
        watcher = threading.Thread(target=watch, args=(place[1].stopping,))
        watcher.start()
        nowhere = Fan(())
        source = FileSource((str(events),), follow=True)
        execute(source, Outlets(nowhere, nowhere, nowhere), place, commit_every_ms=50)
        watcher.join()

    assert len(seen) >= 5
    assert healthy(tmp_path / "run", 3600)
