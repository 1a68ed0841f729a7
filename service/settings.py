"""Everything configurable about the service, and its defaults."""

from pathlib import Path

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from embeddings.encoders.backends.base import Backend, Precision
from service.options import ENV_PREFIX, OPTIONS, LogFormat, LogLevel


class Settings(BaseSettings):
    """Read once, by the command that starts the service; nothing else reads the environment."""

    # Without the namespace: `model` is a word of ours, not of pydantic's
    model_config = SettingsConfigDict(env_prefix=ENV_PREFIX, frozen=True, protected_namespaces=())

    snapshots: Path = Field(default=Path("snapshots"), description=OPTIONS["snapshots"])
    host: str = Field(default="127.0.0.1", description=OPTIONS["host"])
    port: int = Field(default=8000, ge=0, le=65535, description=OPTIONS["port"])
    workers: int = Field(default=1, ge=1, description=OPTIONS["workers"])
    model: str | None = Field(default=None, description=OPTIONS["model"])
    device: str | None = Field(default=None, description=OPTIONS["device"])
    backend: Backend = Field(default=Backend.AUTO, description=OPTIONS["backend"])
    precision: Precision = Field(default=Precision.AUTO, description=OPTIONS["precision"])
    threads: int | None = Field(default=None, ge=1, description=OPTIONS["threads"])
    search_threads: int = Field(default=8, ge=1, description="Requests worked on at the same time, per worker.")
    max_waiting: int = Field(
        default=64, ge=0, description="Requests that may wait for a search thread, per worker; more are answered 503."
    )
    encoder_batch: int = Field(default=32, ge=1, description="Most query texts in one pass through the model.")
    encoder_batch_chars: int = Field(default=64_000, ge=1, description="Most characters in one pass through the model.")
    query_cache: int = Field(
        default=1024, ge=0, description="Query texts whose vectors are remembered; 0 remembers none."
    )
    max_top_k: int = Field(default=100, ge=1, description="Most hits, or papers of a listing, in one answer.")
    max_offset: int = Field(
        default=10_000, ge=0, description="Most hits left out at the top; beyond, narrow the search."
    )
    max_why: int = Field(default=20, ge=0, description="Most hits in one answer that are explained by `why`.")
    max_query_chars: int = Field(default=20_000, ge=1, description="Longest query text, in characters.")
    max_batch: int = Field(default=100, ge=1, description="Most queries in one batch request.")
    max_body_bytes: int = Field(default=4 * 1024 * 1024, ge=1, description="Longest request body, in bytes.")
    max_age_s: int = Field(
        default=0, ge=0, description="Seconds for which caches may answer without asking; 0 has them ask each time."
    )
    reload_interval_s: float = Field(
        default=1.0, gt=0, description="Seconds between two looks at which snapshot is published."
    )
    log_format: LogFormat = Field(default=LogFormat.TEXT, description=OPTIONS["log_format"])
    log_level: LogLevel = Field(default=LogLevel.INFO, description=OPTIONS["log_level"])
    shutdown_grace_s: int = Field(default=30, ge=0, description="Seconds that requests in flight may take to end.")
