"""Settings from the environment. Every one has a usable default: a laptop needs none."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from pathlib import Path

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from libs.common.files import create_once

FIRST_PORT = 50051


class Settings(BaseSettings):
    """Addresses, not modes: no code asks whether it is embedded."""

    model_config = SettingsConfigDict(extra="ignore")

    data_dir: Path = Field(
        default=Path("data"), description="folder of everything that has no address of its own"
    )
    bus_url: str = Field(
        default="",
        description="events: `sqlite:///FILE` or `kafka://HOST:PORT,...`; empty: below DATA_DIR",
    )
    store_url: str = Field(
        default="",
        description="documents: `sqlite:///FOLDER` or `mongodb://...`; empty: below DATA_DIR",
    )
    blob_url: str = Field(
        default="", description="media and deliveries: `file://...` or `s3://...`; empty: below it"
    )
    inference_url: str = Field(
        default="",
        description="host:port of a KServe v2 gRPC server; empty starts the embedded one",
    )
    models_dir: Path = Field(
        default=Path(".models"),
        description="model repository of the embedded server",
        validation_alias="LABELMILL_MODELS",
    )
    grpc_listen: str = Field(
        default="", description="host:port of gRPC; empty: a port of the service's own from 50051"
    )
    http_listen: str = Field(default="127.0.0.1:8080", description="host:port of REST")
    platform_listen: str = Field(default="127.0.0.1:8081", description="gRPC front for platforms")
    metrics_listen: str = Field(
        default="", description="host:port of Prometheus metrics; empty: none of their own"
    )
    service_token_key: str = Field(default="", description="shared by all services; made if empty")
    delivery_signing_key: str = Field(
        default="", description="Ed25519 private key, PEM; made if empty"
    )
    unused_blob_days: float = Field(
        default=7.0,
        gt=0,
        description="days that uploads, and blobs that nothing names, are kept",
    )
    otel_exporter_otlp_endpoint: str = Field(
        default="", description="OTLP address that traces go to; empty: no traces"
    )
    reflection: bool = Field(default=False, description="gRPC reflection, for grpcurl")
    log_level: str = Field(
        default="WARNING",
        pattern="^(DEBUG|INFO|WARNING|ERROR|CRITICAL)$",
        description="least of what is logged: DEBUG, INFO, WARNING, ERROR or CRITICAL",
    )
    shutdown_seconds: float = Field(
        default=10.0, ge=0, description="seconds that running requests have at the end"
    )

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


def grpc_address(settings: Settings, names: Sequence[str], known: Sequence[str]) -> str:
    """Return where a process with the services `names` of all `known` ones answers gRPC.

    A service alone has a port of its own, by its place among the known ones.
    """
    offset = known.index(names[0]) if len(names) == 1 else -1
    return settings.grpc_listen or f"127.0.0.1:{FIRST_PORT + offset}"


def kept_secret(path: Path, fresh: str) -> str:
    """Return the secret in a file only its owner may read; made from `fresh` the first time.

    Raise `RuntimeError` where the file is empty: another secret in its place would quietly
    make everything useless that was signed or encrypted with the first.
    """
    secret = create_once(path, fresh)
    if not secret.strip():
        raise RuntimeError(
            f"{path} is empty: put it back from a backup, or delete it for a new one"
        )
    return secret
