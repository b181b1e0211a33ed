"""The OpenAPI document, made from the models that check the bodies."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

import unclicked
from unclicked.serving import schema
from unclicked.serving.schema import MOST_FOUND, MOST_ITEMS

EXAMPLE = {"clicked": ["i00012", "i00007"], "unclicked": ["i00003"], "top_k": 5}
_ERRORS = {
    400: "The body is no plain JSON.",
    404: "There is no such item or route.",
    405: "The route has another method.",
    408: "The body did not arrive in time.",
    413: "The body is too large.",
    415: "The body has another type, or is compressed.",
    422: "A part of the request cannot be used; `path` says which.",
    500: "A defect; please report it.",
    503: "The service is busy; see Retry-After.",
}
_TOO_LONG = {"description": "The address is longer than 64 KiB; this answer has no body."}
_BODIES = (400, 408, 413, 415, 422)


def document() -> dict[str, Any]:
    """The OpenAPI document of the service.

    Returns:
        What `/openapi.json` answers.
    """
    models: list[type[BaseModel]] = [
        schema.UserBody, schema.UsersBody, schema.EventsBody, schema.Answer, schema.Answers,
        schema.Kept, schema.Removed, schema.ItemFacts, schema.ItemsFound, schema.Similar,
        schema.Examples, schema.Models, schema.Status, schema.ErrorAnswer,
    ]  # fmt: skip
    _, definitions = models_json_schema(
        [(model, "validation") for model in models], ref_template="#/components/schemas/{model}"
    )
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Unclicked",
            "version": unclicked.__version__,
            "description": "Lists of items from what a user clicked, and what she was shown and "
            "passed over.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "paths": _named(_paths()),
        "components": {"schemas": definitions["$defs"]},
    }


# What a generated client calls each route.
_NAMES = {
    "/recommend": "recommend",
    "/events": "keep_events",
    "/users/{user_id}": "remove_user",
    "/items": "find_items",
    "/items/{item_id}": "get_item",
    "/items/{item_id}/similar": "get_similar_items",
    "/examples": "get_examples",
    "/model": "get_model",
    "/health": "get_health",
    "/ready": "get_readiness",
    "/metrics": "get_metrics",
}


def _named(paths: dict[str, Any]) -> dict[str, Any]:
    for path, methods in paths.items():
        (route,) = methods.values()
        route["operationId"] = _NAMES[path]
    return paths


def _paths() -> dict[str, Any]:
    model = _query("model", {"type": "string", "enum": ["main", "beside"], "default": "main"})
    length = _query("top_k", _number(MOST_ITEMS, 10))
    item = _path("item_id", "Id of an item.")
    two = {"anyOf": [_ref("UserBody"), _ref("UsersBody")]}
    answers = {"anyOf": [_ref("Answer"), _ref("Answers")]}
    narrow = [_query(name, {"type": "string"}) for name in ("query", "field", "value")]
    user = [_path("user_id", "Her id.")]
    listed = {"type": "array", "items": {"type": "string"}, "maxItems": MOST_FOUND}
    named = "Ids of items, each as an `id` of its own; no other key goes with it."
    words = [*narrow, _query("limit", _number(MOST_FOUND, 20)), _query("id", listed, named)]
    alike = [item, length, model]
    return {
        "/recommend": _post(
            "Lists for one user, or for several at once.", two, answers, {"example": EXAMPLE}
        ),
        "/events": _post("Keep events of a user.", _ref("EventsBody"), _ref("Kept")),
        "/users/{user_id}": {
            "delete": _route("Remove the kept events of a user.", _ref("Removed"), user)
        },
        "/items": _get(
            "Items by words or a field's value, or by their ids.", _ref("ItemsFound"), words, (422,)
        ),
        "/items/{item_id}": _get("One item.", _ref("ItemFacts"), [item, model], (404, 422)),
        "/items/{item_id}/similar": _get(
            "Items with the most similar vectors.", _ref("Similar"), alike, (404, 422)
        ),
        "/examples": _get("Users to try the model with.", _ref("Examples")),
        "/model": _get("What is served.", _ref("Models")),
        "/health": _get("Whether the process lives.", _ref("Status")),
        "/ready": {"get": _ready()},
        "/metrics": _get("Figures for Prometheus.", None),
    }


def _get(
    summary: str,
    answer: dict[str, Any] | None,
    parameters: list[dict[str, Any]] | None = None,
    errors: tuple[int, ...] = (),
) -> dict[str, Any]:
    return {"get": _route(summary, answer, parameters, errors)}


def _post(
    summary: str, body: dict[str, Any], answer: dict[str, Any], more: dict[str, Any] | None = None
) -> dict[str, Any]:
    content = {"application/json": {"schema": body} | (more or {})}
    route = _route(summary, answer, errors=_BODIES)
    return {"post": route | {"requestBody": {"required": True, "content": content}}}


def _ready() -> dict[str, Any]:
    route = _route("Whether requests can be answered.", _ref("Status"))
    kind = {"application/json": {"schema": {"anyOf": [_ref("Status"), _ref("ErrorAnswer")]}}}
    route["responses"]["503"] = {"description": "Not now.", "content": kind}
    return route


def _route(
    summary: str,
    answer: dict[str, Any] | None,
    parameters: list[dict[str, Any]] | None = None,
    errors: tuple[int, ...] = (),
) -> dict[str, Any]:
    kind: dict[str, Any] = {"text/plain": {"schema": {"type": "string"}}}
    if answer is not None:
        kind = {"application/json": {"schema": answer}}
    responses: dict[str, Any] = {"200": {"description": "Done.", "content": kind}}
    # Where the process of the model is gone, or too many wait, that may be any route's answer.
    for status in sorted({*errors, 500, 503}):
        content = {"application/json": {"schema": _ref("ErrorAnswer")}}
        responses[str(status)] = {"description": _ERRORS[status], "content": content}
    route: dict[str, Any] = {"summary": summary, "responses": responses}
    # Of the HTTP server itself, which knows no route yet.
    responses["414"] = _TOO_LONG
    return route | ({"parameters": parameters} if parameters else {})


def _ref(name: str) -> dict[str, Any]:
    return {"$ref": f"#/components/schemas/{name}"}


def _number(most: int, default: int) -> dict[str, Any]:
    return {"type": "integer", "minimum": 1, "maximum": most, "default": default}


def _query(name: str, kind: dict[str, Any], text: str = "") -> dict[str, Any]:
    told = {"description": text} if text else {}
    return {"name": name, "in": "query", "required": False, "schema": kind} | told


def _path(name: str, text: str) -> dict[str, Any]:
    kind = {"type": "string", "minLength": 1}
    return {"name": name, "in": "path", "required": True, "description": text, "schema": kind}
