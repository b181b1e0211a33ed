"""What a service is started with; it reaches the worker processes as one JSON text."""

from __future__ import annotations

import os
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

VARIABLE = "UNCLICKED_SERVE"
# Where several workers lay their figures down; read by prometheus-client when it is imported.
FIGURES = "PROMETHEUS_MULTIPROC_DIR"


class Settings(BaseModel):
    """Settings of a service."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    bundle: str
    beside: str | None = None
    examples: str | None = None
    host: str = "127.0.0.1"
    port: int = Field(8000, ge=1, le=65535)
    workers: int = Field(1, ge=1, le=256)
    # One core computes and another one talks; small batches gain nothing by a second thread.
    threads: int = Field(1, ge=1)
    state: str = "memory"
    max_users: int = Field(20_000, ge=1)
    queue: int = Field(256, ge=1)
    max_batch: int = Field(64, ge=1, le=4096)
    timeout_seconds: float = Field(2.0, gt=0)
    watch_seconds: float = Field(1.0, ge=0)
    max_body_kib: int = Field(64, ge=1, le=65536)
    log: Literal["text", "none"] = "text"
    access_log: bool = False

    def publish(self) -> None:
        """Put the settings where the workers look."""
        os.environ[VARIABLE] = self.model_dump_json()

    @staticmethod
    def read() -> Settings:
        """Settings as the starting process left them.

        Returns:
            The settings.
        """
        return Settings.model_validate_json(os.environ[VARIABLE])
