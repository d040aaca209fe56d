"""The gateway's own settings."""

from __future__ import annotations

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class GatewaySettings(BaseSettings):
    """From the environment; every one has a usable default."""

    model_config = SettingsConfigDict(extra="ignore")

    operator_key: str = Field(
        default="", description="operator's API key; empty: made in DATA_DIR/keys/operator"
    )
    secrets_key: str = Field(
        default="",
        description="Fernet keys that seal webhooks' signing secrets in the store, the newest"
        " first; made if empty",
    )
    jwt_key: str = Field(default="", description="shared secret of JWTs (HS256); empty: none taken")
    jwt_public_key: str = Field(default="", description="public key (PEM) of JWTs")
    jwt_issuer: str = Field(default="", description="issuer that JWTs must name")
    jwt_audience: str = Field(default="labelmill", description="audience that JWTs must name")
    webhook_allow_private: bool = Field(
        default=False, description="may webhooks and imports call addresses of the own network?"
    )
    max_body_bytes: int = Field(default=32_000_000, gt=0, description="most bytes of a request")
    max_upload_bytes: int = Field(
        default=50_000_000_000, gt=0, description="most bytes of an uploaded file"
    )
    max_chunk_bytes: int = Field(
        default=16_000_000, gt=0, description="most bytes of a chunk of one"
    )
