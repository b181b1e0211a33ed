"""Bodies held against the models that describe them; the first thing that is wrong is named."""

from __future__ import annotations

from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from unclicked.errors import UnclickedError, UserError
from unclicked.recommendation.request import key_path
from unclicked.serving.problems import Problem
from unclicked.serving.sentences import safe, sentence

_LONGEST_MESSAGE = 300
Model = TypeVar("Model", bound=BaseModel)


def validated(model: type[Model], content: Any, path: str = "") -> Model:
    """A body as the model that describes it.

    Args:
        model: The model.
        content: What the JSON held.
        path: JSON path of the content.

    Returns:
        The checked body.

    Raises:
        Problem: If it does not fit; the first thing that is wrong is named by its path.
    """
    try:
        return model.model_validate(content)
    except ValidationError as error:
        raise of_validation(error, model, content, path) from None
    except RecursionError:
        raise Problem(400, "JSON", "is nested too deeply.") from None


def of_user_error(error: UnclickedError, path: str = "") -> Problem:
    """An error of the library as an answer; it names a part of the request.

    Args:
        error: The error.
        path: JSON path of the user.

    Returns:
        A 422.
    """
    # What the user can correct is a part of the request, and is named by its path.
    where = error.where if isinstance(error, UserError) else ""
    joined = ".".join(part for part in (path, where) if part)
    return Problem(422, error.name, safe(error.message, _LONGEST_MESSAGE), joined)


def of_validation(
    error: ValidationError, model: type[BaseModel], content: Any, prefix: str = ""
) -> Problem:
    """The first thing that a body has wrong.

    Args:
        error: What pydantic found.
        model: What the content was validated by.
        content: What was validated.
        prefix: JSON path of the content.

    Returns:
        A 422.
    """
    details = error.errors(include_url=False)
    first = max(details, key=lambda one: len(one["loc"]))
    path = json_path(first, content, prefix)
    # A value that may be of several types has an error for each.
    alike = [
        one
        for one in details
        if one["loc"][:-1] == first["loc"][:-1] and json_path(one, content, prefix) == path
    ]
    return Problem(422, "REQUEST", safe(sentence(alike, model), _LONGEST_MESSAGE), path)


def json_path(detail: ErrorDetails, content: Any, prefix: str = "") -> str:
    """Where an error is, as people write it.

    Args:
        detail: One error; its location names branches of unions too, which are no keys.
        content: What was validated.
        prefix: What stands before it.

    Returns:
        A path.

    Example:
        >>> bad = {"loc": ("users", 0, "top_k", "int"), "type": "int_type", "input": "a"}
        >>> json_path(bad, {"users": [{"top_k": "a"}]})
        'users[0].top_k'
    """
    path, here = prefix, content
    absent = detail["loc"][-1:] if detail["type"] == "missing" else ()
    for part in detail["loc"]:
        if not absent and here is detail["input"] and isinstance(here, dict | list):
            break
        if isinstance(here, list) and isinstance(part, int):
            path, here = f"{path}[{part}]", here[part]
        elif isinstance(here, dict) and isinstance(part, str) and (part in here or part in absent):
            path, here = key_path(path, part), here.get(part)
    return path
