"""Metrics, traces and logs, declared once for every service."""

from __future__ import annotations

import contextlib
import logging
import sys
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import structlog
from opentelemetry import propagate, trace
from opentelemetry.trace import Link, SpanKind
from prometheus_client import Counter, Gauge, Histogram

if TYPE_CHECKING:
    from libs.common.bus import Event, Lag

_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
RPC_SECONDS = Histogram(
    "labelmill_rpc_seconds", "Time to answer an RPC", ["method", "code"], buckets=_SECONDS
)
HTTP_SECONDS = Histogram(
    "labelmill_http_seconds", "Time to answer a request", ["route", "code"], buckets=_SECONDS
)
EVENTS_TOTAL = Counter("labelmill_events_total", "Events handled", ["service", "type"])
EVENT_BATCH_SECONDS = Histogram(
    "labelmill_event_batch_seconds", "Time to handle a batch of events", ["service", "type"]
)
EVENT_AGE_SECONDS = Gauge(
    "labelmill_event_age_seconds", "Age of the event handled last", ["service"]
)
OUTBOX_EVENTS = Gauge("labelmill_outbox_events", "Events not yet on the bus", ["service"])
OUTBOX_AGE_SECONDS = Gauge(
    "labelmill_outbox_age_seconds", "Age of the oldest event not yet on the bus", ["service"]
)
UNHANDLED_EVENTS = Gauge(
    "labelmill_unhandled_events", "Events on the bus that the service has not handled", ["service"]
)
UNHANDLED_AGE_SECONDS = Gauge(
    "labelmill_unhandled_age_seconds", "Age of the oldest event not yet handled", ["service"]
)
SERVICE_READY = Gauge(
    "labelmill_service_ready", "1 where the service gets on with its work", ["service"]
)
DEAD_LETTERS_TOTAL = Counter(
    "labelmill_dead_letters_total", "Events that could not be handled", ["service", "type"]
)
INFERENCE_SECONDS = Histogram(
    "labelmill_inference_seconds", "Time of one inference request", ["model"], buckets=_SECONDS
)
INFERENCE_ITEMS_TOTAL = Counter(
    "labelmill_inference_items_total", "Items drafted", ["model", "outcome"]
)
CHECKS_TOTAL = Counter(
    "labelmill_checks_total", "Submissions checked against the draft", ["outcome"]
)
LABELS_TOTAL = Counter("labelmill_labels_total", "Labels settled, by who settled them", ["source"])
ANSWERS_TOTAL = Counter(
    "labelmill_answers_total", "Annotations and reviews, by stage of the cost ledger", ["stage"]
)
PEOPLE_SECONDS_TOTAL = Counter(
    "labelmill_people_seconds_total", "Seconds of people, by stage of the cost ledger", ["stage"]
)
TRAINING_CPU_SECONDS_TOTAL = Counter(
    "labelmill_training_cpu_seconds_total", "CPU seconds of training models"
)
tracer = trace.get_tracer("labelmill")


@contextlib.contextmanager
def consuming(service: str, batch: Sequence[Event]) -> Iterator[None]:
    """Span and metrics of one batch; linked to the traces its events were written in."""
    first, kind = batch[0], batch[0].type.rsplit(".", 1)[-1]
    parent = propagate.extract({"traceparent": first.traceparent}) if first.traceparent else None
    started = time.perf_counter()
    with tracer.start_as_current_span(
        f"{service} {kind}", context=parent, kind=SpanKind.CONSUMER, links=_links(batch[1:])
    ):
        yield
    EVENTS_TOTAL.labels(service, kind).inc(len(batch))
    EVENT_BATCH_SECONDS.labels(service, kind).observe(time.perf_counter() - started)
    EVENT_AGE_SECONDS.labels(service).set(age_of(batch[-1].time))


def _links(events: Sequence[Event]) -> list[Link]:
    contexts = (propagate.extract({"traceparent": e.traceparent}) for e in events if e.traceparent)
    return [Link(trace.get_current_span(c).get_span_context()) for c in contexts]


def show_waiting(service: str, outbox: Lag, unhandled: Lag) -> None:
    """What waits of a service, also while nothing is published or handled."""
    OUTBOX_EVENTS.labels(service).set(outbox.events)
    OUTBOX_AGE_SECONDS.labels(service).set(age_of(outbox.oldest))
    UNHANDLED_EVENTS.labels(service).set(unhandled.events)
    UNHANDLED_AGE_SECONDS.labels(service).set(age_of(unhandled.oldest))


def age_of(written: str) -> float:
    """Seconds since an ISO time; 0 where it is none, or ahead."""
    try:
        return max(0.0, (datetime.now(UTC) - datetime.fromisoformat(written)).total_seconds())
    except (TypeError, ValueError):
        # A foreign event's time may be anything; that must not end the consumer.
        return 0.0


def set_up_logs(level: str) -> None:
    """JSON lines on standard error, with trace ids; the standard library's loggers join in."""
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _trace_ids,
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.format_exc_info,
                structlog.processors.JSONRenderer(),
            ],
        )
    )
    logging.basicConfig(level=level, handlers=[handler], force=True)
    # A broker that is away is said once by who waits for it, not twice a second by every client.
    logging.getLogger("kafka").setLevel("CRITICAL")
    for chatty in ("httpx", "uvicorn.access", "opentelemetry"):
        logging.getLogger(chatty).setLevel("WARNING")


def _trace_ids(_: object, __: str, line: dict[str, object]) -> dict[str, object]:
    context = trace.get_current_span().get_span_context()
    if context.is_valid:
        line["trace_id"] = f"{context.trace_id:032x}"
    return line


def set_up_traces(endpoint: str, service: str) -> None:
    """Exports spans over OTLP where an endpoint is given; else spans cost next to nothing."""
    if not endpoint:
        return
    from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    provider = TracerProvider(resource=Resource.create({"service.name": service}))
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(endpoint=endpoint)))
    trace.set_tracer_provider(provider)
