"""The opponent of the service: FastAPI and uvicorn, each request to the model by itself.

This is what one would write in an afternoon with the same model: a body checked by pydantic, a
handler in the thread pool, one call of the library for each request. Started as a program of its
own: `python -m unclicked.bench.serve_rival BUNDLE PORT`.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import torch
from pydantic import BaseModel

from unclicked.recommendation import Request
from unclicked.serving.served import load_served


class Asked(BaseModel):
    """One user."""

    clicked: list[str | int] = []
    unclicked: list[str | int] = []
    top_k: int = 10


def main() -> None:
    """Serve until the process is ended."""
    import uvicorn
    from fastapi import FastAPI

    folder, port = Path(sys.argv[1]), int(sys.argv[2])
    # Its pool of threads uses all cores; with more threads for each request it was slower.
    torch.set_num_threads(1)
    served = load_served(folder, 1)
    app = FastAPI()

    def recommend(asked: Asked) -> dict[str, Any]:
        answer: dict[str, Any] = served.answer(
            [Request(asked.clicked, asked.unclicked, top_k=asked.top_k)]
        )[0]
        return answer

    def ready() -> dict[str, str]:
        return {"status": "ready"}

    app.post("/recommend")(recommend)
    app.get("/ready")(ready)
    uvicorn.run(app, host="127.0.0.1", port=port, log_level="warning", access_log=False)


if __name__ == "__main__":
    main()
