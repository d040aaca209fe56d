"""Settings from the environment. Every one has a usable default: a laptop needs none."""

from __future__ import annotations

import secrets
from pathlib import Path

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

FIRST_PORT = 50051


class Settings(BaseSettings):
    """Addresses, not modes: no code asks whether it is embedded."""

    model_config = SettingsConfigDict(extra="ignore")

    data_dir: Path = Path("data")
    bus_url: str = ""
    store_url: str = ""
    blob_url: str = ""
    inference_url: str = Field(
        default="",
        description="host:port of a KServe v2 gRPC server; empty starts the embedded one",
    )
    models_dir: Path = Field(
        default=Path(".models"),
        description="model repository of the embedded server",
        validation_alias="LABELMILL_MODELS",
    )
    grpc_listen: str = ""
    http_listen: str = "127.0.0.1:8080"
    platform_listen: str = Field(default="127.0.0.1:8081", description="gRPC front for platforms")
    metrics_listen: str = ""
    service_token_key: str = Field(default="", description="shared by all services; made if empty")
    delivery_signing_key: str = Field(
        default="", description="Ed25519 private key, PEM; made if empty"
    )
    otel_exporter_otlp_endpoint: str = ""
    reflection: bool = False
    log_level: str = "WARNING"
    shutdown_seconds: float = 10.0

    def resolved(self) -> Settings:
        """With the laptop's addresses filled in below `data_dir`."""
        data = self.data_dir
        return self.model_copy(
            update={
                "bus_url": self.bus_url or f"sqlite:///{data}/bus.db",
                "store_url": self.store_url or f"sqlite:///{data}/store",
                "blob_url": self.blob_url or f"file://{(data / 'blobs').absolute()}",
                "service_token_key": self.service_token_key
                or kept_secret(data / "keys" / "service-token", secrets.token_urlsafe(48)),
            }
        )


def kept_secret(path: Path, fresh: str) -> str:
    """The secret in a file only its owner may read; made from `fresh` the first time."""
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        with open(path, "x", opener=_private) as file:
            file.write(fresh)
    except FileExistsError:
        return path.read_text()
    return fresh


def _private(path: str, flags: int) -> int:
    import os

    return os.open(path, flags, 0o600)
