"""Settings of intake: what it may fetch, and with whose keys."""

from __future__ import annotations

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict


class IntakeSettings(BaseSettings):
    """Keys are the operator's; they are in no event, answer or log."""

    model_config = SettingsConfigDict(extra="ignore", env_prefix="INTAKE_")

    allow_hosts: str = Field(
        default="", description="hosts, comma-separated, that may have private addresses or http"
    )
    max_fetch_bytes: int = 20_000_000_000
    fetch_seconds: float = 3600.0
    lanes: int = Field(
        default=256, ge=1, description="tenants whose imports are worked on at once, each its own"
    )
    s3_buckets: str = Field(
        default="", description="tenant=bucket or tenant=bucket/prefix, comma-separated; * any"
    )
    s3_endpoint: str = Field(default="", description="empty means Amazon's")
    s3_key: SecretStr = SecretStr("")
    s3_secret: SecretStr = SecretStr("")
