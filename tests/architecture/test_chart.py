"""The chart as helm renders it, and the image's recipe."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from deploy.helm import lint
from libs.common.health import LIVENESS, OVERALL
from services.__main__ import SERVICES
from services.gateway.routes.table import STUBS

ROOT = Path(__file__).parents[2]
CI = lint.CHART / "ci"
NAMES = {
    "gateway",
    "intake",
    "template",
    "task-dispatch",
    "prelabel-gateway",
    "review-router",
    "qc-scorer",
    "scheduler",
    "delivery",
    "trainer",
}
ADDRESSES = {"BUS_URL": "bus", "STORE_URL": "store", "INFERENCE_URL": "inference"}
ADDRESSES |= {"BLOB_URL": "blob", "DELIVERY_SIGNING_KEY": "signing", "OPERATOR_KEY": "operator"}
ADDRESSES |= {"SECRETS_KEY": "secrets"}
WORDS = {"inference": "inference_url", "blob": "ctx.blobs", "signing": "delivery_signing_key"}
WORDS |= {"secrets": "secrets_key"}
WORDS |= {"operator": "operator_key", "web": "import httpx2", "models": "Repository(ctx"}
GOOD = [None, *sorted(CI.glob("*.yaml"))]
SECRETS = {"SERVICE_TOKEN_KEY", "STORE_URL", "DELIVERY_SIGNING_KEY", "OPERATOR_KEY", "SECRETS_KEY"}
Manifest = dict[str, Any]


@pytest.fixture(scope="module")
def helm() -> str:
    if own := os.environ.get("HELM"):
        return own
    from deploy.parts.testing import require

    return str(require("helm"))


@pytest.fixture(scope="module", params=GOOD, ids=lambda p: p.stem if p else "default")
def manifests(helm: str, request: pytest.FixtureRequest) -> list[Manifest]:
    return lint.render(helm, [request.param] if request.param else [])


@pytest.fixture(scope="module")
def default(helm: str) -> list[Manifest]:
    return lint.render(helm)


@pytest.fixture(scope="module")
def full(helm: str) -> list[Manifest]:
    return lint.render(helm, [CI / "full-values.yaml"])


def values() -> dict[str, Any]:
    return yaml.safe_load((lint.CHART / "values.yaml").read_text())


def of(manifests: list[Manifest], kind: str) -> dict[str, Manifest]:
    """Manifests of a kind by service; fails where a service has two."""
    found = [m for m in manifests if m["kind"] == kind]
    named = {m["metadata"]["labels"]["app.kubernetes.io/component"]: m for m in found}
    assert len(named) == len(found)
    return named


def container(deployment: Manifest) -> Manifest:
    (only,) = deployment["spec"]["template"]["spec"]["containers"]
    return only


def known(manifests: list[Manifest], service: str) -> dict[str, Any]:
    """Every variable that a service's pod is given, with where it comes from."""
    env = container(of(manifests, "Deployment")[service])["env"]
    return of(manifests, "ConfigMap")[service]["data"] | {e["name"]: e for e in env}


def test_values_list_the_services_of_the_program() -> None:
    assert set(values()["services"]) == NAMES
    assert {s.replace("_", "-") for s in SERVICES} == NAMES


def test_there_is_one_template_over_the_services() -> None:
    texts = [p.read_text() for p in (lint.CHART / "templates").iterdir()]
    named = NAMES - {"gateway"}
    assert not [n for n in named for text in texts if re.search(rf"[\"/]{n}[\"/]", text)]


@pytest.mark.parametrize(
    "kind",
    ["Deployment", "Service", "ServiceAccount", "ConfigMap", "PodDisruptionBudget"],
)
def test_every_service_has_exactly_one(manifests: list[Manifest], kind: str) -> None:
    assert set(of(manifests, kind)) == NAMES


def test_manifests_are_valid_kubernetes(manifests: list[Manifest]) -> None:
    assert lint.faults(manifests) == []


def test_the_check_finds_a_planted_fault(default: list[Manifest]) -> None:
    deployment = of(default, "Deployment")["intake"]
    planted = deployment | {"spec": deployment["spec"] | {"replica": 3}}
    assert lint.faults([planted])


def test_pods_are_restricted(manifests: list[Manifest]) -> None:
    for deployment in of(manifests, "Deployment").values():
        pod, only = deployment["spec"]["template"]["spec"], container(deployment)
        assert pod["securityContext"]["runAsNonRoot"] is True
        assert pod["securityContext"]["runAsUser"] > 0
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        assert pod["automountServiceAccountToken"] is False
        assert not {"hostNetwork", "hostPID", "hostIPC", "initContainers"} & set(pod)
        volumes = {v["name"]: v.get("emptyDir") for v in pod["volumes"]}
        assert volumes.pop("scratch") == {"sizeLimit": "1Gi"}
        assert volumes.keys() <= {"models"}
        assert only["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }
        assert {m["name"]: m["mountPath"] for m in only["volumeMounts"]} == {
            "scratch": "/tmp"
        } | dict.fromkeys(volumes, "/models")
        assert set(only["resources"]) == {"requests", "limits"}
    assert not any(
        a["automountServiceAccountToken"] for a in of(manifests, "ServiceAccount").values()
    )


@pytest.mark.parametrize("service", sorted(NAMES))
def test_a_service_knows_only_what_it_needs(manifests: list[Manifest], service: str) -> None:
    entry = values()["services"][service]
    given = known(manifests, service)
    expected = {variable for variable, need in ADDRESSES.items() if need in entry["needs"]}
    assert given.keys() & ADDRESSES.keys() == expected
    peers = {f"RPC_{name.upper().replace('-', '_')}" for name in entry["calls"]}
    assert {v for v in given if v.startswith("RPC_")} == peers
    assert "SERVICE_TOKEN_KEY" in given


@pytest.mark.parametrize("service", sorted(NAMES))
def test_the_chart_gives_exactly_what_the_code_asks_for(service: str) -> None:
    entry = values()["services"][service]
    files = (ROOT / "services" / service.replace("-", "_")).rglob("*.py")
    text = "\n".join(p.read_text() for p in files)
    asked = {need for need, word in WORDS.items() if word in text}
    assert {*entry["needs"]} == asked | {"bus", "store"}  # these two the host opens for each
    called = {c.replace("_", "-") for c in re.findall(r"\.peer\(\s*\"(\w+)\"", text)}
    if service == "gateway":  # alone in calling every other, by its table of routes
        called = {where.replace("_", "-") for where, _ in STUBS.values()}
    assert {*entry["calls"]} == called


def test_secrets_are_references(manifests: list[Manifest]) -> None:
    assert not [m for m in manifests if m["kind"] == "Secret"]
    for service in NAMES:
        given = known(manifests, service)
        for variable in SECRETS & given.keys():
            assert "secretKeyRef" in given[variable]["valueFrom"]


def test_each_service_has_its_own_store(default: list[Manifest], full: list[Manifest]) -> None:
    def source(manifests: list[Manifest], service: str) -> Manifest:
        return known(manifests, service)["STORE_URL"]["valueFrom"]["secretKeyRef"]

    assert len({source(default, s)["name"] for s in NAMES}) == len(NAMES)
    assert source(full, "qc-scorer") == {"name": "mongodb-users", "key": "qc-scorer"}
    assert source(full, "task-dispatch") == {"name": "task-dispatch-own", "key": "STORE_URL"}


def test_addresses_of_peers_are_their_services(manifests: list[Manifest]) -> None:
    hosts = {
        f"dns:///{m['metadata']['name']}.{lint.NAMESPACE}:{p['port']}"
        for m in of(manifests, "Service").values()
        for p in m["spec"]["ports"]
        if p["name"] == "grpc"
    }
    peers = {v for s in NAMES for k, v in known(manifests, s).items() if k.startswith("RPC_")}
    assert peers == hosts


def test_names_have_hyphens_and_fit_dns(helm: str) -> None:
    long = "a" * 53
    for manifest in lint.render(helm, release=long):
        name = manifest["metadata"]["name"]
        assert re.fullmatch(r"[a-z]([-a-z0-9]*[a-z0-9])?", name)
        assert len(name) <= 63


def test_probes_fit_the_ports(manifests: list[Manifest]) -> None:
    for service, deployment in of(manifests, "Deployment").items():
        only = container(deployment)
        ports = {p["name"]: p["containerPort"] for p in only["ports"]}
        probes = {kind: only[f"{kind}Probe"] for kind in ("startup", "readiness", "liveness")}
        if service == "gateway":
            assert ports == {"http": 8080, "platform": 8081, "metrics": 9090}
            paths = {kind: p["httpGet"]["path"] for kind, p in probes.items()}
            assert paths == {
                "startup": "/healthz",
                "readiness": "/readyz/self",
                "liveness": "/healthz",
            }
        else:
            assert ports == {"grpc": 50051, "metrics": 9090}
            assert {p["grpc"]["port"] for p in probes.values()} == {50051}
            # A pod that waits for Kafka is not killed for it, at its start or later.
            asked = {kind: p["grpc"].get("service", "") for kind, p in probes.items()}
            assert asked == {"startup": LIVENESS, "readiness": OVERALL, "liveness": LIVENESS}


def test_a_pod_has_time_to_end(manifests: list[Manifest]) -> None:
    for service, deployment in of(manifests, "Deployment").items():
        pause = container(deployment)["lifecycle"]["preStop"]["sleep"]["seconds"]
        running = int(known(manifests, service)["SHUTDOWN_SECONDS"])
        pod = deployment["spec"]["template"]["spec"]
        assert pod["terminationGracePeriodSeconds"] > pause + 2 * running


def test_services_reach_the_pods_they_select(manifests: list[Manifest]) -> None:
    for service, manifest in of(manifests, "Service").items():
        deployment = of(manifests, "Deployment")[service]
        labels = deployment["spec"]["template"]["metadata"]["labels"]
        assert manifest["spec"]["selector"].items() <= labels.items()
        assert deployment["spec"]["selector"]["matchLabels"].items() <= labels.items()
        open_ports = {p["name"] for p in container(deployment)["ports"]}
        assert {p["targetPort"] for p in manifest["spec"]["ports"]} == open_ports


def test_policies_let_in_only_callers(default: list[Manifest]) -> None:
    services = values()["services"]
    for service, policy in of(default, "NetworkPolicy").items():
        callers = {
            peer["podSelector"]["matchLabels"]["app.kubernetes.io/component"]
            for rule in policy["spec"]["ingress"]
            if rule["ports"] == [{"port": "grpc"}]
            for peer in rule["from"]
        }
        assert callers == {name for name, entry in services.items() if service in entry["calls"]}
        assert set(policy["spec"]["policyTypes"]) == {"Ingress", "Egress"}


def test_a_changed_setting_restarts_the_pods(default: list[Manifest], full: list[Manifest]) -> None:
    def sums(manifests: list[Manifest]) -> set[str]:
        pods = [d["spec"]["template"] for d in of(manifests, "Deployment").values()]
        return {pod["metadata"]["annotations"]["checksum/config"] for pod in pods}

    assert not sums(default) & sums(full)


def test_a_scaled_service_leaves_replicas_to_its_scaler(full: list[Manifest]) -> None:
    scaled = of(full, "ScaledObject")
    assert set(scaled) == {"gateway", "task-dispatch"}
    for service, deployment in of(full, "Deployment").items():
        assert ("replicas" in deployment["spec"]) == (service not in scaled)
    spec = scaled["task-dispatch"]["spec"]
    assert spec["minReplicaCount"] == 3
    behavior = spec["advanced"]["horizontalPodAutoscalerConfig"]["behavior"]
    assert behavior["scaleDown"]["stabilizationWindowSeconds"] == 300
    triggers = spec["triggers"]
    assert [t["type"] for t in triggers] == ["cpu", "kafka", "kafka", "prometheus"]
    assert {t["metadata"].get("consumerGroup") for t in triggers} == {None, "task_dispatch"}


@pytest.mark.parametrize("path", sorted((CI / "rejected").glob("*.yaml")), ids=lambda p: p.stem)
def test_wrong_values_are_refused_with_the_field(helm: str, path: Path) -> None:
    assert lint.refusal(helm, path).startswith("refused: ")


def test_helm_lints_strictly(helm: str) -> None:
    assert "manifests are valid" in lint.accepted(helm, [CI / "full-values.yaml"])


def steps() -> list[list[str]]:
    """The Dockerfile's instructions as words, continued lines joined, comments left out."""
    text = (ROOT / "deploy" / "Dockerfile").read_text().replace("\\\n", " ")
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    return [line.split() for line in lines]


def test_the_image_runs_as_a_number_above_zero() -> None:
    last = max(i for i, step in enumerate(steps()) if step[0] == "FROM")
    users = [step[1] for step in steps()[last:] if step[0] == "USER"]
    assert users
    assert all(int(part) > 0 for part in users[-1].split(":"))


def test_the_image_installs_by_hash_and_keeps_no_secret() -> None:
    installs = [step for step in steps() if "install" in step and step[0] == "RUN"]
    assert installs
    assert all("--require-hashes" in step for step in installs)
    named = [w for step in steps() if step[0] in ("ARG", "ENV") for w in step[1:]]
    assert not [w for w in named if re.match(r".*(KEY|TOKEN|PASSWORD|SECRET)", w.split("=")[0])]
    assert ["ENTRYPOINT", '["python",', '"-m",', '"services"]'] in steps()


def test_what_the_image_copies_is_there_and_not_ignored() -> None:
    let_in = {
        line.removeprefix("!")
        for line in (ROOT / ".dockerignore").read_text().splitlines()
        if line.startswith("!")
    }
    copied = {step[1] for step in steps() if step[0] == "COPY" and "--from" not in step[1]}
    assert copied == let_in
    assert all((ROOT / path).exists() for path in copied)
