"""Every part by name."""

from __future__ import annotations

from deploy.parts.kafka_broker import JAVA, KAFKA
from deploy.parts.mongo import MONGO
from deploy.parts.tools import BUF, HELM
from deploy.parts.triton import TRITON

PARTS = {part.name: part for part in (MONGO, KAFKA, JAVA, TRITON, BUF, HELM)}
