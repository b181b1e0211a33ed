"""Building blocks that encoders and the plug-in share; tensors in, tensors out."""

from __future__ import annotations
