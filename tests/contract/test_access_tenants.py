"""Members of projects, tokens of tenants, streams and metrics, on a running platform."""

from __future__ import annotations

import json
import threading

import grpc
import httpx2
from labelmill.template.v1 import template_pb2
from labelmill.template.v1.template_pb2_grpc import ProjectsStub
from typer.testing import CliRunner

from libs.cli.client import Client, Refused
from libs.cli.main import app
from tests.contract.access_world import PROJECT, USERS, Access, signed
from tests.system.line import until

# -- members ---------------------------------------------------------------------------------


def test_who_is_not_on_a_closed_projects_list_neither_sees_nor_claims(world: Access) -> None:
    boss = world.client("boss")
    text = {"template": boss.get(PROJECT)["template"], "members": {"listed": True}}
    made = boss.post("tenants/acme/projects", {"project_id": "inner", "project": text})
    inner = made["name"]
    boss.post(f"{inner}/items:batchCreate", {"items": [{"data": {"text": "x"}}]})
    claim: tuple[str, str, str] = ("ann", "POST", f"{inner}/tasks:claim")
    until(lambda: world.status(*claim) == 403, "the project is closed")
    for who in ("ann", "judge"):
        assert world.status(who, "GET", inner) == 404
        names = [p["name"] for p in world.client(who).get("tenants/acme/projects")["projects"]]
        assert inner not in names and PROJECT in names
    until(lambda: world.status("judge", "GET", f"{inner}/progress") == 404, "no progress")
    assert world.status("boss", "POST", f"{inner}/tasks:claim", {}) == 200, "managers see all"
    assert world.status("ann", "POST", f"{inner}/members:change", {"add": ["ann"]}) == 403
    found = boss.post(f"{inner}/members:change", {"add": ["ann", "ann", "judge"]})
    assert found == {"listed": True, "people": ["ann", "judge"]}
    assert world.status("ann", "GET", inner) == 200
    until(lambda: world.status(*claim) == 200, "a member claims")
    put = lambda **more: {"project": {"version": boss.get(inner)["version"], **more}}  # noqa: E731
    assert boss.put(inner, put(members=found))["members"] == found, "sent back as it was"
    assert boss.put(inner, put(display_name="x"))["members"] == found, "and left out"
    assert world.status("boss", "PUT", inner, put(members={"people": []})) == 422
    boss.post(f"{inner}/members:change", {"remove": ["ann"]})
    until(lambda: world.status(*claim) == 403, "who was removed is out")
    boss.post(f"{inner}/members:change", {"listed": False})
    until(lambda: world.status(*claim) == 200, "open to everybody again")


def test_pages_of_projects_hold_and_name_only_what_is_seen(world: Access) -> None:
    boss, template = world.client("boss"), world.client("boss").get(PROJECT)["template"]
    for i in range(5):
        project = {"template": template, "members": {"listed": i % 2 == 0}}
        boss.post("tenants/acme/projects", {"project_id": f"aa{i}", "project": project})
    seen, token = [], ""
    for _ in range(100):
        where = f"tenants/acme/projects?page_size=1&page_token={token}"
        page = world.client("ann").get(where)
        seen += [p["name"] for p in page["projects"]]
        token = page["next_page_token"]
        assert not token or token == seen[-1], "a token names no project that is not theirs"
        if not token:
            break
    assert [n[-3:] for n in seen[:2]] == ["aa1", "aa3"] and PROJECT in seen
    assert len(set(seen)) == len(seen)


def test_two_peoples_request_ids_and_long_keys_are_requests_of_their_own(world: Access) -> None:
    asked = {"template": world.client("boss").get(PROJECT)["template"]}
    outcomes = []
    with grpc.insecure_channel(f"127.0.0.1:{world.platform.platform_port}") as channel:
        for who, title in (("boss", "a"), ("boss", "a"), ("boss", "b"), ("bot", "a")):
            project = template_pb2.Project(**asked, display_name=title)
            message = template_pb2.CreateProjectRequest(
                parent="tenants/acme", project_id="twice", request_id="1", project=project
            )
            metadata = [("authorization", f"Bearer {world.keys[who]}")]
            try:
                ProjectsStub(channel).CreateProject(message, metadata=metadata, timeout=20)
                outcomes.append("made")
            except grpc.RpcError as refused:
                outcomes.append(refused.code().name)
    assert outcomes == ["made", "made", "ALREADY_EXISTS", "ALREADY_EXISTS"]
    # The services know a request by an id of bounded length, however long its key.
    world.keys["long"] = signed("acme", "l" * 190, "manager")
    with world.http("long") as http:
        for end in "12":
            body = {"project_id": "longkey", "project": asked}
            key = {"idempotency-key": "k" * 190 + end}
            answer = http.post("tenants/acme/projects", json=body, headers=key)
            assert answer.status_code == (201 if end == "1" else 409), answer.text


# -- tenants, tokens, streams ----------------------------------------------------------------


def test_a_signed_token_of_an_unknown_or_suspended_tenant_is_refused(world: Access) -> None:
    operator = world.client("operator")
    operator.post("tenants", {"tenant_id": "late"})
    world.keys |= {
        "none": signed("no-such-tenant", "ann", "owner"),
        "late": signed("late", "ann", "owner"),
        "odd": signed("late", "a/b:c", "owner"),
        "demoted": signed("acme", "bob", "owner"),
    }
    assert world.status("none", "GET", "tenants/no-such-tenant") == 401
    assert world.status("late", "GET", "tenants/late") == 200
    assert world.status("odd", "GET", "tenants/late") == 401
    # Where there is a record, no signature raises its role.
    assert world.status("demoted", "GET", USERS) == 403
    operator.patch("tenants/late", {"suspended": True})
    until(lambda: world.status("late", "GET", "tenants/late") == 401, "suspended")
    assert world.status("owner", "PATCH", "tenants/acme", {"suspended": True}) == 403


def test_a_stream_ends_with_its_key(world: Access) -> None:
    key = world.person("watcher", [], role="manager")
    owner = world.client("owner")
    (key_id,) = world.key_ids("watcher")
    listening, ended = threading.Event(), threading.Event()

    def listen() -> None:
        try:
            for line in Client(world.platform.url, key).stream(f"{PROJECT}/progress:stream"):
                assert json.loads(line)["project"] == PROJECT
                listening.set()
        except Refused as refused:
            assert "not valid" in str(refused)
            ended.set()

    listener = threading.Thread(target=listen, daemon=True)
    listener.start()
    assert listening.wait(30)
    owner.delete(f"{USERS}/watcher/keys/{key_id}")
    assert ended.wait(30), "the stream outlived its key"
    listener.join(5)


def test_metrics_are_the_operators_and_readiness_tells_no_tenant(world: Access) -> None:
    url = world.platform.url
    assert httpx2.get(f"{url}/metrics").status_code == 401
    bearer = {"authorization": f"Bearer {world.keys['owner']}"}
    assert httpx2.get(f"{url}/metrics", headers=bearer).status_code == 403
    bearer = {"authorization": f"Bearer {world.keys['operator']}"}
    assert "labelmill_http_seconds" in httpx2.get(f"{url}/metrics", headers=bearer).text
    for path in ("/readyz", "/healthz", "/openapi.json"):
        text = httpx2.get(f"{url}{path}").text
        assert "acme" not in text and "rival" not in text, path
        json.loads(text)


def test_members_and_delegations_on_the_command_line(world: Access) -> None:
    def labelmill(who: str, *words: str) -> str:
        env = {"LABELMILL_URL": world.platform.url, "LABELMILL_KEY": world.keys[who]}
        done = CliRunner().invoke(app, [*words], env=env)
        assert done.exit_code == 0, done.output
        return str(done.output)

    template = world.client("boss").get(PROJECT)["template"]
    body = {"project_id": "cli", "project": {"template": template}}
    world.client("boss").post("tenants/acme/projects", body)
    assert "everybody" in labelmill("boss", "members", "list", "acme/cli")
    assert "only those listed" in labelmill("boss", "members", "close", "acme/cli")
    assert "ann" in labelmill("boss", "members", "add", "acme/cli", "ann", "bob")
    assert "ann" not in labelmill("boss", "members", "remove", "acme/cli", "ann")
    assert "everybody" in labelmill("boss", "members", "open", "acme/cli")
    labelmill("bob", "delegation", "grant", "acme/bob", "bot")
    labelmill("bob", "delegation", "revoke", "acme/bob", "bot")
    assert "ended" in labelmill("bob", "delegation", "list", "acme/bob")
