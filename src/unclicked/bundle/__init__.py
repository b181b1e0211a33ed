"""What is served: a trained model with everything needed to answer, and nothing of its users."""

from __future__ import annotations

from unclicked.bundle.contents import Bundle
from unclicked.bundle.export import Exported, export_bundle
from unclicked.bundle.opening import is_bundle, open_bundle, open_source

__all__ = ["Bundle", "Exported", "export_bundle", "is_bundle", "open_bundle", "open_source"]
