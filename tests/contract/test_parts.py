"""The real parts: each starts, does one real thing, and keeps its data over a SIGKILL."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import kafka
import numpy as np
import pymongo
import pytest
import tritonclient.grpc as triton
from kafka.admin import NewTopic

from deploy.parts import KafkaBroker, Mongod, Part, PartUnavailable, StartFailed, Triton, install
from deploy.parts.server import free_ports
from deploy.parts.testing import require

ROOT = Path(__file__).parents[2]
ECHO = """
import numpy
import onnxruntime
import triton_python_backend_utils as pb


class TritonPythonModel:
    def execute(self, requests):
        assert numpy.__version__.startswith("1.26") and onnxruntime.get_available_providers()
        return [self.echo(request) for request in requests]

    def echo(self, request):
        given = pb.get_input_tensor_by_name(request, "IN").as_numpy()
        return pb.InferenceResponse([pb.Tensor("OUT", given)])
"""
CONFIG = """
name: "echo"
backend: "python"
max_batch_size: 8
input [{ name: "IN" data_type: TYPE_FP32 dims: [3] }]
output [{ name: "OUT" data_type: TYPE_FP32 dims: [3] }]
"""


@pytest.fixture(scope="module")
def mongod() -> Iterator[Mongod]:
    require("mongo")
    with Mongod() as server:
        yield server


@pytest.fixture(scope="module")
def broker() -> Iterator[KafkaBroker]:
    require("kafka")
    with KafkaBroker() as server:
        yield server


@pytest.fixture
def models(tmp_path: Path) -> Path:
    require("triton")
    version = tmp_path / "models" / "echo" / "1"
    version.mkdir(parents=True)
    (version / "model.py").write_text(ECHO)
    (version.parent / "config.pbtxt").write_text(CONFIG)
    return tmp_path / "models"


def test_mongo_keeps_a_transaction_over_a_kill(mongod: Mongod) -> None:
    with pymongo.MongoClient[dict[str, object]](mongod.url) as client:
        things = client["parts"]["things"]
        with client.start_session() as session, session.start_transaction():
            things.insert_many([{"_id": "a"}, {"_id": "b"}], session=session)
        with client.start_session() as session:
            session.start_transaction()
            things.insert_one({"_id": "c"}, session=session)
            session.abort_transaction()
        url = mongod.url
        mongod.kill()
        assert mongod.pid is None
        mongod.restart()
        assert mongod.url == url
        assert {found["_id"] for found in things.find()} == {"a", "b"}


def test_kafka_keeps_what_it_acknowledged_over_a_kill(broker: KafkaBroker) -> None:
    topic = f"parts-{uuid.uuid4().hex[:6]}"
    _make_topic(broker, topic)
    sent = [b"%d" % number for number in range(500)]
    producer = kafka.KafkaProducer(bootstrap_servers=broker.bootstrap, acks="all")
    acknowledged = [producer.send(topic, value) for value in sent]
    for each in acknowledged:
        each.get(timeout=30)
    producer.close()
    assert _consume(broker, topic, len(sent)) == sent
    broker.kill()
    broker.restart()
    assert _consume(broker, topic, len(sent)) == sent


def test_kafka_makes_no_topic_by_itself(broker: KafkaBroker) -> None:
    producer = kafka.KafkaProducer(bootstrap_servers=broker.bootstrap, max_block_ms=1500)
    with pytest.raises(kafka.errors.KafkaError):
        producer.send("nobody-made-me", b"x").get(timeout=10)
    producer.close(timeout=1)
    assert (
        "nobody-made-me"
        not in kafka.KafkaAdminClient(bootstrap_servers=broker.bootstrap).list_topics()
    )


def test_triton_serves_a_python_model_and_loads_by_name(
    models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where a virtual environment comes first on PATH whose numpy the stub cannot bear."""
    active = _environment_with_bad_numpy(tmp_path / "active")
    monkeypatch.setenv("PATH", f"{active / 'bin'}:{os.environ['PATH']}")
    with (
        Triton(models, load=["echo"]) as server,
        triton.InferenceServerClient(server.url) as client,
    ):
        assert client.is_server_live() and client.is_model_ready("echo")
        given = np.arange(6, dtype=np.float32).reshape(2, 3)
        asked = triton.InferInput("IN", [2, 3], "FP32")
        asked.set_data_from_numpy(given)
        answer = client.infer("echo", [asked], client_timeout=30).as_numpy("OUT")
        assert np.array_equal(answer, given)
        client.unload_model("echo")
        assert not client.is_model_ready("echo")


def test_triton_killed_leaves_nothing_and_comes_back(models: Path) -> None:
    with Triton(models) as server:
        group = server.pid
        assert group is not None
        server.kill()
        assert _until(lambda: not _lives(group, whole_group=True))
        assert not list(Path("/dev/shm").glob(f"*{server._memory}*"))
        server.restart()
        with triton.InferenceServerClient(server.url) as client:
            assert client.is_model_ready("echo")


def test_a_failed_start_shows_the_log(models: Path) -> None:
    (models / "echo" / "1" / "model.py").write_text("import nothing_of_this_name")
    server = Triton(models)
    with pytest.raises(StartFailed, match="nothing_of_this_name"):
        server.start()
    assert server.pid is None
    server.close()


def test_a_server_dies_with_its_parent(mongod: Mongod, tmp_path: Path) -> None:
    """The parent is killed outright and had started the server in a thread that ended long ago."""
    code = """
import sys, threading, time
from pathlib import Path
from deploy.parts import Mongod
server = Mongod(Path(sys.argv[1]))
thread = threading.Thread(target=server.start)
thread.start()
thread.join()
time.sleep(1)
print(server.pid, flush=True)
time.sleep(60)
"""
    parent = subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path / "db")],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert parent.stdout
    child = int(parent.stdout.readline())
    assert _lives(child)
    parent.kill()
    parent.communicate()
    assert _until(lambda: not _lives(child))


@pytest.mark.parametrize(
    ("part", "program", "arguments", "says"),
    [
        ("buf", "buf", ["--version"], "1.75.0"),
        ("helm", "helm", ["version", "--short"], "v4.2.3"),
        ("helm", "kubectl", ["version", "--client"], "v1.36.3"),
        ("java", "java", ["--version"], "openjdk 25"),
    ],
)
def test_a_tool_runs(part: str, program: str, arguments: list[str], says: str) -> None:
    beside = require(part).with_name(program)
    assert says in subprocess.check_output([beside, *arguments], text=True)


def test_up_prints_addresses_and_stops_on_sigterm(mongod: Mongod) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "deploy.parts", "up", "mongo"],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout
    line = process.stdout.readline()
    assert line.startswith("export STORE_URL='mongodb://127.0.0.1:")
    process.send_signal(signal.SIGTERM)
    assert process.wait(30) == 0
    with (
        pymongo.MongoClient[dict[str, object]](
            line.split("'")[1], serverSelectionTimeoutMS=300
        ) as gone,
        pytest.raises(pymongo.errors.ConnectionFailure),
    ):
        gone.admin.command("ping")


def test_install_is_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LABELMILL_PARTS", str(tmp_path))

    def half(target: Path) -> None:
        (target / "half").write_text("x")
        raise PartUnavailable("toy", "it broke", "Mend it.")

    with pytest.raises(PartUnavailable, match=r"toy: it broke\. Mend it\."):
        install(Part("toy", ("mongo.txt",), half))
    assert [left.name for left in tmp_path.iterdir()] == [".toy.lock"]

    def whole(target: Path) -> None:
        (target / "run").write_text(str(time.monotonic_ns()))

    toy = Part("toy", ("mongo.txt",), whole, "run")
    once = install(toy).read_text()
    assert install(toy).read_text() == once
    assert install(Part("toy", ("mongo.txt", "buf.txt"), whole, "run")).read_text() != once


def test_a_wheel_with_another_hash_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from deploy.parts import wheels

    (tmp_path / "buf.txt").write_text("buf-bin==1.75.0 --hash=sha256:" + "0" * 64)
    monkeypatch.setattr(wheels, "HERE", tmp_path)
    with pytest.raises(PartUnavailable, match="not the one that was pinned"):
        wheels.unpack("buf", "buf.txt", tmp_path / "out")


def test_require_skips_on_a_laptop_and_fails_in_ci(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LABELMILL_PARTS", str(tmp_path))
    monkeypatch.setenv("PATH", "")
    monkeypatch.setenv("CI", "false")
    with pytest.raises(pytest.skip.Exception, match="mvn is missing"):
        require("kafka")
    monkeypatch.setenv("CI", "true")
    with pytest.raises(pytest.fail.Exception, match="mvn is missing"):
        require("kafka")


def test_ports_differ_and_are_free() -> None:
    assert len(set(free_ports(5))) == 5


def test_a_port_that_was_given_out_is_not_given_again_before_all_others() -> None:
    """A platform takes ten, one by one, before any of its processes binds one."""
    assert len({free_ports(1)[0] for _ in range(300)}) == 300


def _environment_with_bad_numpy(home: Path) -> Path:
    (home / "bin").mkdir(parents=True)
    (home / "bin" / "python3").symlink_to(sys.executable)
    (home / "pyvenv.cfg").write_text(f"home = {sys.base_prefix}/bin\n")
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    packages = home / "lib" / version / "site-packages"
    packages.mkdir(parents=True)
    (packages / "numpy.py").write_text("raise ImportError('not the numpy of the models')")
    return home


def _make_topic(broker: KafkaBroker, topic: str) -> None:
    admin = kafka.KafkaAdminClient(bootstrap_servers=broker.bootstrap)
    admin.create_topics([NewTopic(topic, num_partitions=1, replication_factor=1)])
    admin.close()


def _consume(broker: KafkaBroker, topic: str, count: int) -> list[bytes]:
    consumer = kafka.KafkaConsumer(
        topic,
        bootstrap_servers=broker.bootstrap,
        group_id=uuid.uuid4().hex,
        auto_offset_reset="earliest",
        enable_auto_commit=False,
    )
    values: list[bytes] = []
    deadline = time.monotonic() + 30
    while len(values) < count and time.monotonic() < deadline:
        for batch in consumer.poll(timeout_ms=500).values():
            values += [message.value for message in batch]
    consumer.close()
    return values


def _lives(pid: int, whole_group: bool = False) -> bool:
    try:
        (os.killpg if whole_group else os.kill)(pid, 0)
    except ProcessLookupError:
        return False
    return True


def _until(condition: Callable[[], bool], within_s: float = 10) -> bool:
    deadline = time.monotonic() + within_s
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(0.1)
    return False
