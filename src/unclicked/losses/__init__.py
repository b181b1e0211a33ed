"""Losses as pure functions of tensors."""

from __future__ import annotations
