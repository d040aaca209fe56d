"""A platform with people of every role, for the suites about who may do and see what."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

import httpx2
import jwt

from libs.cli.client import Client
from tools.platform import Platform

JWT_KEY = "a-shared-secret-of-the-tests-0123456789"
ROLES = {
    "boss": "manager",
    "judge": "reviewer",
    "ann": "annotator",
    "bob": "annotator",
    "bot": "service",
}
TEMPLATE = "tenants/catalogue/templates/text-classification/versions/1"
HAM = {"choices": {"classes": ["ham"]}}
PROJECT, USERS = "tenants/acme/projects/p", "tenants/acme/users"
# All of a policy that says how work is checked, drafted or paid.
POLICY = {
    "pre_label": True,
    "machine_label": True,
    "audit_share": 0.25,
    "people_audit_share": 0.0625,
    "review_share": 0.03125,
    "gold_accuracy": 0.875,
    "hourly_cost": 17.5,
    "injected_error_share": 0.03,
    "check_false_alarm": 0.015625,
    "unchecked_share": 0.46875,
    "required_skills": ["latin"],
    "replica_count": 2,
}


@dataclass
class Access:
    """The platform; its keys by user id, `operator` and `stranger` (another tenant's owner)."""

    platform: Platform
    keys: dict[str, str]

    def client(self, who: str) -> Client:
        return Client(self.platform.url, self.keys[who])

    def http(self, who: str, person: str = "") -> httpx2.Client:
        """Plain HTTP with the key of `who`, for `person` where one is named."""
        headers = {"authorization": f"Bearer {self.keys[who]}"}
        headers |= {"on-behalf-of": person} if person else {}
        return httpx2.Client(base_url=f"{self.platform.url}/v1/", headers=headers, timeout=30)

    def person(self, user: str, skills: list[str], role: str = "annotator") -> str:
        """A new user's key."""
        owner = self.client("owner")
        owner.post(USERS, {"user_id": user, "role": role, "skills": skills})
        return str(owner.post(f"{USERS}/{user}/keys")["api_key"])

    def key_ids(self, user: str) -> set[str]:
        keys = self.client("owner").get(f"{USERS}/{user}/keys")["keys"]
        return {key["name"].rsplit("/", 1)[-1] for key in keys}

    def status(self, who: str, verb: str, path: str, body: Any = None, person: str = "") -> int:
        """Status of one request."""
        with self.http(who, person) as http:
            return int(http.request(verb, path, json=body).status_code)


def populate(platform: Platform) -> Access:
    """Tenants `acme` and `rival`, acme's people, and a project with known answers and drafts."""
    keys = {"operator": platform.operator_key()}
    operator = Client(platform.url, keys["operator"])
    for tenant, who in (("acme", "owner"), ("rival", "stranger")):
        keys[who] = operator.post("tenants", {"tenant_id": tenant})["api_key"]
    owner = Client(platform.url, keys["owner"])
    for user, role in ROLES.items():
        body: dict[str, Any] = {
            "user_id": user,
            "role": role,
            "skills": ["latin"] if user != "bob" else [],
        }
        owner.post("tenants/acme/users", body)
        keys[user] = owner.post(f"tenants/acme/users/{user}/keys")["api_key"]
    project: dict[str, Any] = {
        "template": TEMPLATE,
        "target": {"max_error_rate": 0.09375},
        "policy": POLICY,
    }
    body = {"project_id": "p", "project": {**project, "labels": {"client": "secret client"}}}
    owner.post("tenants/acme/projects", body)
    items = [{"data": {"text": f"mail {i}"}, "source_key": f"k{i}"} for i in range(16)]
    for i, item in enumerate(items):
        item |= {"gold": HAM} if i % 4 == 0 else {"prediction": HAM}
    done = owner.post(f"{PROJECT}/items:batchCreate", {"items": items})
    assert done["admitted_count"] == len(items), done
    return Access(platform, keys)


def signed(tenant: str, subject: str, role: str, **more: Any) -> str:
    """A JWT as the tenants' identity provider signs it."""
    claims: dict[str, Any] = {"sub": subject, "tenant": tenant, "role": role, "aud": "labelmill"}
    claims |= {"exp": int(time.time()) + 600, **more}
    return jwt.encode(claims, JWT_KEY, algorithm="HS256")
