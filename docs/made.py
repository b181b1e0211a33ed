"""Parts of the reference that are made from the code when the site is built."""

from __future__ import annotations

import dataclasses
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Literal, get_args, get_origin

from annotated_types import Ge, Gt, Le, Lt
from pydantic.fields import FieldInfo
from typer.main import get_command

from unclicked import errors
from unclicked.config import Config, Table
from unclicked.presets import PRESETS
from unclicked.settings import flatten, preset_settings, resolve

# A comment, so that a reader of the bare Markdown sees nothing instead of a directive.
PLACE = re.compile(r"^<!-- made: (?P<name>[\w-]+) -->$", flags=re.MULTILINE)
HELP_COLUMNS = 88
KINDS = {int: "whole number", float: "number", bool: "`true` or `false`", str: "text"}


def fill_in(app: object, docname: str, source: list[str]) -> None:
    """Put the made parts where a page asks for them.

    Args:
        app: Sphinx.
        docname: Name of the page.
        source: One text, replaced in place.
    """
    source[0] = filled(source[0])


def filled(text: str) -> str:
    """A page with its made parts.

    Args:
        text: Markdown with lines `<!-- made: NAME -->`.

    Returns:
        Markdown.
    """
    return PLACE.sub(lambda found: PARTS[found["name"]](), text)


def table(heading: list[str], rows: list[list[str]]) -> str:
    """A Markdown table.

    Args:
        heading: Names of the columns.
        rows: Cells, row by row.

    Returns:
        Markdown.
    """
    lines = [heading, ["---"] * len(heading), *rows]
    return "\n".join(f"| {' | '.join(_cell(one) for one in line)} |" for line in lines)


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


def configuration() -> str:
    """Every setting, table by table.

    Returns:
        Markdown with one heading for each table.
    """
    return "\n\n".join(_tables(Config, ()))


def _tables(kind: type[Table], path: tuple[str, ...]) -> Iterator[str]:
    rows, below = [], []
    for name, field in kind.model_fields.items():
        if isinstance(field.annotation, type) and issubclass(field.annotation, Table):
            below.append((name, field.annotation))
        else:
            default = code(field.get_default(call_default_factory=True))
            allowed = _allowed(field)
            rows.append([f"`{name}`", _sentence(field.description, allowed), default])
    if rows:
        sentence = (kind.__doc__ or "").splitlines()[0]
        heading = ["setting", "meaning", "default"]
        yield f"## `[{'.'.join(path)}]`\n\n{sentence}\n\n{table(heading, rows)}"
    for name, nested in below:
        yield from _tables(nested, (*path, name))


def _sentence(meaning: str | None, allowed: str) -> str:
    text = f"{meaning}".replace("+-", "±")
    return f"{text[:1].upper()}{text[1:]}. *{allowed[:1].upper()}{allowed[1:]}.*"


def code(value: Any) -> str:
    """A value of the configuration as people write it in TOML.

    Args:
        value: The value.

    Returns:
        Markdown; `not set` for None.
    """
    if value is None:
        return "not set"
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    if isinstance(value, str):
        return f'`"{value}"`'
    return f"`{value}`"


def _allowed(field: FieldInfo) -> str:
    kinds = get_args(field.annotation) or (field.annotation,)
    if get_origin(field.annotation) is Literal:
        return _choices(field.annotation)
    literals = [kind for kind in kinds if get_origin(kind) is Literal]
    if literals:
        return _choices(literals[0])
    origin = get_origin(field.annotation)
    if origin is dict:
        return "table of names and values"
    if origin is list:
        return "list of whole numbers"
    kind = next(kind for kind in kinds if kind is not type(None))
    return " ".join([KINDS[kind], ", ".join(_bounds(field))]).strip()


def _choices(literal: Any) -> str:
    return "one of " + ", ".join(f'`"{choice}"`' for choice in get_args(literal))


def _bounds(field: FieldInfo) -> Iterator[str]:
    for bound in field.metadata:
        if isinstance(bound, Ge):
            yield f"at least {bound.ge:,}"
        elif isinstance(bound, Gt):
            yield f"above {bound.gt:,}"
        elif isinstance(bound, Le):
            yield f"at most {bound.le:,}"
        elif isinstance(bound, Lt):
            yield f"below {bound.lt:,}"


def presets() -> str:
    """What the presets set.

    Returns:
        Markdown: which fusion and metric each has, then all other settings.
    """
    resolved = {name: flatten(resolve(preset_settings(name))) for name in PRESETS}
    default = flatten(Config())
    varying = ["model.fusion", "model.metric"]
    first = table(
        ["preset", *(f"`{key}`" for key in varying)],
        [[f"`{name}`", *(code(of[key]) for key in varying)] for name, of in resolved.items()],
    )
    paper = [of for name, of in resolved.items() if name != "recommended"]
    rows = []
    for key, value in default.items():
        columns = [value, resolved["recommended"][key], paper[0][key]]
        if any(of[key] != columns[2] for of in paper) or columns == [value] * 3:
            continue
        rows.append([f"`{key}`", *map(code, columns)])
    second = table(["setting", "without a preset", "`recommended`", "the paper's"], rows)
    return f"{first}\n\nThe other settings that a preset changes:\n\n{second}"


def simulations() -> str:
    """What the presets of `simulate` change, and every knob.

    Returns:
        Markdown.
    """
    from unclicked.sources import PRESETS_SIMULATION, SimulationKnobs, knob_meanings

    default = dataclasses.asdict(SimulationKnobs())
    changed = [name for name in PRESETS_SIMULATION if PRESETS_SIMULATION[name]]
    rows = []
    for name, meaning in knob_meanings().items():
        others = [
            str(PRESETS_SIMULATION[preset].get(name, "")) and code(PRESETS_SIMULATION[preset][name])
            for preset in changed
        ]
        rows.append([f"`{name}`", meaning, code(default[name]), *others])
    heading = ["knob", "meaning", "`planted`", *(f"`{preset}`" for preset in changed)]
    return table(heading, rows)


def commands() -> str:
    """The help of every verb, as the terminal shows it.

    Returns:
        Markdown with one heading for each verb.
    """
    from unclicked.cli.main import app

    group: Any = get_command(app)
    parts = []
    for name, command in group.commands.items():
        # A verb with parts of its own, as `items add`: these are what one types.
        inner = getattr(command, "commands", None)
        for verb in [name] if inner is None else [f"{name} {one}" for one in inner]:
            parts.append(f"## `{verb}`\n\n```text\n{help_of(verb)}\n```")
    return "\n\n".join(parts)


def help_of(verb: str) -> str:
    """What `unclicked VERB --help` prints.

    Args:
        verb: Name of a verb.

    Returns:
        The text.
    """
    from unclicked.cli.main import app

    command: Any = get_command(app)
    for word in verb.split():
        command = command.commands[word]
    context = command.context_class(
        command, info_name=f"unclicked {verb}", max_content_width=HELP_COLUMNS
    )
    context.terminal_width = HELP_COLUMNS
    text: str = command.get_help(context)
    return text.rstrip()


def importers() -> str:
    """The public logs that can be imported.

    Returns:
        Markdown.
    """
    from unclicked.sources import IMPORTERS

    return table(
        ["name", "what it does"],
        [[f"`{name}`", first_paragraph(one)] for name, one in IMPORTERS.items()],
    )


def first_paragraph(thing: object) -> str:
    """First paragraph of a docstring on one line.

    Args:
        thing: A function or class.

    Returns:
        Its sentence.
    """
    return " ".join((thing.__doc__ or "").split("\n\n")[0].split())


def exit_codes() -> str:
    """The codes of the command line with the errors behind them.

    Returns:
        Markdown.
    """
    rows = [["0", "Done.", ""]]
    # A room may have an error of its own, which passes on the code of another process.
    known = errors.UnclickedError.__subclasses__()
    for kind in (one for one in known if one.__module__ == errors.__name__):
        meaning = re.sub(r" \(exit code \d+\)", "", first_paragraph(kind))
        rows.append([str(kind.exit_code), meaning, f"`{kind.__name__}`"])
    rows += [
        ["1", "A defect of this program. `UNCLICKED_TRACE=1` shows where it comes from.", ""],
        ["130, 143", "Stopped by a signal (Ctrl-C, `kill`).", ""],
    ]
    return table(["code", "meaning", "class in Python"], rows)


def encoders() -> str:
    """The encoders of the dict with their options.

    Returns:
        Markdown.
    """
    from unclicked.encoders import ENCODERS

    parts = []
    for name, factory in ENCODERS.items():
        rows = [
            [f"`{field.name}`", field.metadata["help"], code(field.default)]
            for field in options_of(factory)
        ]
        heading = ["option", "meaning", "default"]
        parts.append(f"### `{name}`\n\n{table(heading, rows) if rows else 'No options.'}")
    return "\n\n".join(parts)


def options_of(factory: Callable[..., object]) -> list[dataclasses.Field[Any]]:
    """The options of an encoder: fields with a sentence, of the dataclass beside its factory.

    Args:
        factory: A value of `ENCODERS`.

    Returns:
        Fields.
    """
    found = []
    for value in vars(sys.modules[factory.__module__]).values():
        own = isinstance(value, type) and value.__module__ == factory.__module__
        if own and dataclasses.is_dataclass(value):
            found += [field for field in dataclasses.fields(value) if "help" in field.metadata]
    return found


def decisions() -> str:
    """The order of the decisions, for the list at the side.

    Returns:
        MyST Markdown.
    """
    return "```{toctree}\n:hidden:\n:glob:\n\n0*\n```"


PARTS: Mapping[str, Callable[[], str]] = {
    "commands": commands,
    "configuration": configuration,
    "decisions": decisions,
    "encoders": encoders,
    "exit-codes": exit_codes,
    "importers": importers,
    "presets": presets,
    "simulations": simulations,
}
