"""Every part by name."""

from __future__ import annotations

from deploy.parts.kafka_broker import JAVA, KAFKA
from deploy.parts.mongo import MONGO

PARTS = {part.name: part for part in (MONGO, KAFKA, JAVA)}
