"""The gateway's own decisions: addresses it must not call, signatures, uploads, strict shapes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from labelmill.task_dispatch.v1 import task_dispatch_pb2
from pydantic import ValidationError

from services.gateway import domain
from services.gateway.domain import Message, Upload, Wrong
from services.gateway.http import schema
from tests.unit.services.gateway.gateway_app import gateway

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def test_the_signature_is_that_of_the_standard() -> None:
    """Vector of the Standard Webhooks reference libraries."""
    secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
    body = b'{"test": 2432232314}'
    signed = domain.signature(secret, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, body)
    assert signed == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_a_message_is_tried_with_growing_pauses_and_then_given_up() -> None:
    message = Message("m", "w", "t", "k", "{}", NOW, NOW)
    pauses = []
    while message.state == "PENDING":
        before = message
        message = domain.after_attempt(message, 500, "HTTP 500", NOW)
        pauses.append(message.next_time - NOW)
        assert message.version == before.version + 1
    assert message.state == "FAILED" and message.attempts == len(domain.RETRY_SECONDS) + 1
    assert pauses[:-1] == sorted(pauses[:-1]) and pauses[-2] > timedelta(days=1)
    assert domain.after_attempt(domain.again(message, NOW), 204, "", NOW).state == "DELIVERED"


def test_an_upload_takes_its_bytes_in_order_and_no_more() -> None:
    upload = Upload("u", 10, "a.zip", "", NOW)
    half = domain.take_chunk(upload, 0, 5, NOW)
    with pytest.raises(Wrong, match="stands at 5"):
        domain.take_chunk(half, 0, 5, NOW)
    with pytest.raises(Wrong, match="more bytes"):
        domain.take_chunk(half, 5, 6, NOW)
    assert domain.take_chunk(half, 5, 5, NOW).offset == 10


@pytest.mark.parametrize(
    "body",
    [
        '{"max_tasks": true}',
        '{"max_tasks": "1"}',
        '{"max_tasks": 101}',
        '{"stage": "NONE"}',
        '{"stage": 1}',
        '{"extra": 1}',
        '{"max_tasks": 1.5}',
        "[]",
        "nonsense",
    ],
)
def test_bodies_are_strict(body: str) -> None:
    descriptor = task_dispatch_pb2.ClaimTasksRequest.DESCRIPTOR
    bound = frozenset({"parent", "annotator", "request_id", "skills"})
    with pytest.raises(ValidationError):
        schema.model_of(descriptor, bound).model_validate_json(body)


def test_answers_hold_their_defaults_and_json_as_json() -> None:
    import orjson

    task = task_dispatch_pb2.Task(name="n", data='{"text": "x"}', state=3)
    found = orjson.loads(orjson.dumps(schema.rest(task)))
    assert found["data"] == {"text": "x"} and found["state"] == "OPEN"
    assert found["gold"] is False and found["annotations"] == [] and "stage" not in found


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("ftp://x", "must be an https:// or http:// URL"),
        ("x", "must be an https:// or http:// URL"),
        ("https://", "must be an https:// or http:// URL"),
        ("https://a b", "without blanks"),
    ],
)
async def test_what_is_wrong_with_a_webhooks_address_is_said_in_words(
    tmp_path: Path, url: str, said: str
) -> None:
    async with gateway(tmp_path) as one:
        refused = await one.http.post("/v1/tenants/acme/webhooks", json={"url": url})
        assert refused.status_code == 422 and said in refused.text, refused.text
        assert refused.json()["errors"][0]["field"] == "url"
