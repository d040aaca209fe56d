"""The real third-party parts (mongod, Kafka, Triton, buf, helm), started without Docker.

For tests, the demo and CI on one machine; a cluster runs the vendors' images. `python -m
deploy.parts --help` tells the commands.
"""

from __future__ import annotations

from deploy.parts.cache import Part, PartUnavailable, install
from deploy.parts.kafka_broker import KafkaBroker
from deploy.parts.mongo import Mongod
from deploy.parts.server import Server, StartFailed
from deploy.parts.triton import Triton

__all__ = [
    "KafkaBroker",
    "Mongod",
    "Part",
    "PartUnavailable",
    "Server",
    "StartFailed",
    "Triton",
    "install",
]
