"""The gateway's own settings."""

from __future__ import annotations

from pydantic_settings import BaseSettings, SettingsConfigDict


class GatewaySettings(BaseSettings):
    """From the environment; every one has a usable default."""

    model_config = SettingsConfigDict(extra="ignore")

    operator_key: str = ""
    jwt_key: str = ""
    jwt_public_key: str = ""
    jwt_issuer: str = ""
    jwt_audience: str = "labelmill"
    webhook_allow_private: bool = False
    max_body_bytes: int = 32_000_000
    max_upload_bytes: int = 50_000_000_000
    max_chunk_bytes: int = 16_000_000
