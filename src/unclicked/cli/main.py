"""Entry of the command line, and what an error looks like there."""

from __future__ import annotations

import errno
import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

import unclicked
from unclicked.cli import (
    bench,
    compare,
    doctor,
    evaluate,
    export,
    import_log,
    items,
    prepare,
    quickstart,
    recommend,
    reproduce,
    serve,
    simulate,
    train,
)
from unclicked.errors import ResourceError, UnclickedError, UserError, out_of_memory

# Idle threads that spin would cost the cores that the others work on; a caller's choice stays.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

# Packages out of whose midst no interrupt is raised; it comes a moment later.
_NOT_INSIDE = frozenset({"numba", "llvmlite"})
_AGAIN_SECONDS = 0.02

# What a shell says of a command whose reader went away: 128 and the number of SIGPIPE.
_READER_GONE = 141


class _Verbs(TyperGroup):
    """The verbs; typer ends with 1 where a pipe breaks, whoever's pipe it was."""

    def main(self, *given: Any, **options: Any) -> Any:
        streams = sys.stdout, sys.stderr
        try:
            return super().main(*given, **options)
        except SystemExit as left:
            if not isinstance(left.__context__, BrokenPipeError):
                raise
            sys.stdout, sys.stderr = streams
            raise left.__context__ from None


app = typer.Typer(
    name="unclicked",
    cls=_Verbs,
    help="Candidate retrieval that also reads what a user was shown and passed over.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


def _version(asked: bool) -> None:
    if asked:
        typer.echo(f"unclicked {unclicked.__version__}")
        raise typer.Exit


@app.callback()
def root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Candidate retrieval that also reads what a user was shown and passed over."""


app.command("quickstart")(quickstart.quickstart)
app.command("simulate")(simulate.simulate)
app.command("import")(import_log.import_log)
app.command("prepare")(prepare.prepare)
app.command("train")(train.train)
app.command("evaluate")(evaluate.evaluate)
app.command("compare")(compare.compare)
app.command("recommend")(recommend.recommend)
app.command("reproduce")(reproduce.reproduce)
app.command("export")(export.export)
app.add_typer(items.app, name="items")
app.command("serve")(serve.serve)
app.command("bench")(bench.bench)
app.command("doctor")(doctor.doctor)


def main(arguments: list[str] | None = None) -> None:
    """Run the command line and leave with its exit code.

    Args:
        arguments: Arguments; those of the process without.
    """
    code = run(arguments)
    # Threads of libraries may still live, and an interpreter that takes itself apart under them can
    # abort after the work is done: the exit code would be another one.
    with suppress(OSError, ValueError):
        sys.stdout.flush()
        sys.stderr.flush()
    os._exit(code)


def run(arguments: list[str] | None = None) -> int:
    """Run the command line.

    Args:
        arguments: Arguments; those of the process without.

    Returns:
        Exit code: 0 done, 2 user input, 3 broken artefact, 4 resources, 5 numbers, 75 busy,
        130 or 143 stopped by a signal.
    """
    signals: list[int] = []
    try:
        with _signals(signals):
            result = app(args=arguments, prog_name="unclicked", standalone_mode=False)
    except (typer.Abort, KeyboardInterrupt) as error:
        # Training, which saves before it stops, names the signal that did not let it.
        named = next((one for one in error.args if isinstance(one, int)), signal.SIGINT)
        signals.append(named)
        result = 0
    except Exception as error:
        # An interrupt may come out of a library, or out of an import, as an error of another kind.
        if not signals:
            return _explain(error, sys.argv[1:] if arguments is None else arguments)
        result = 0
    if signals:
        # Whatever the library in between makes of an interrupt, the first signal counts.
        typer.echo("stopped.", err=True)
        return 128 + signals[0]
    return result if isinstance(result, int) else 0


@contextmanager
def _signals(seen: list[int]) -> Iterator[None]:
    """Let SIGTERM end the work as Ctrl-C does, leaving nothing behind; a second one kills."""

    def stop(number: int, frame: FrameType | None) -> None:
        seen.append(number)
        signal.signal(number, signal.SIG_DFL)
        end(signal.SIGALRM, frame)

    def end(_: int, frame: FrameType | None) -> None:
        if _may_be_left(frame):
            raise KeyboardInterrupt(seen[0])
        signal.setitimer(signal.ITIMER_REAL, _AGAIN_SECONDS)

    def swallowed(lost: sys.UnraisableHookArgs) -> None:
        # Raised while Python took an object away, where no exception goes further: once more.
        if seen and isinstance(lost.exc_value, KeyboardInterrupt):
            signal.setitimer(signal.ITIMER_REAL, _AGAIN_SECONDS)
        else:
            hook(lost)

    plain = (signal.SIG_DFL, signal.default_int_handler)
    old, hook = {}, sys.unraisablehook
    if threading.current_thread() is threading.main_thread():
        for number in (signal.SIGINT, signal.SIGTERM):
            # What a caller has set, as `nohup` does, is the caller's.
            if signal.getsignal(number) in plain:
                old[number] = signal.signal(number, stop)
        old[signal.SIGALRM] = signal.signal(signal.SIGALRM, end)
        sys.unraisablehook = swallowed
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        sys.unraisablehook = hook
        for number, handler in old.items():
            signal.signal(number, handler)


def _may_be_left(frame: FrameType | None) -> bool:
    """Whether an exception may be raised out of a frame.

    Where compiled functions are called, made, or modules are loaded, one that nobody there expects
    becomes an error of another kind, or takes the process down.
    """
    while frame is not None:
        module = str(frame.f_globals.get("__name__", ""))
        if module.partition(".")[0] in _NOT_INSIDE or module.startswith("importlib._bootstrap"):
            return False
        frame = frame.f_back
    return True


def _explain(error: Exception, arguments: list[str]) -> int:
    if os.environ.get("UNCLICKED_TRACE"):
        raise error
    # What typer raises for a wrong option has this method, in whichever package it lives.
    if hasattr(error, "format_message"):
        return _explain_usage(error, arguments)
    known = _known(error)
    if isinstance(known, BrokenPipeError) and _of_printing(known):
        return _READER_GONE
    code = getattr(known, "exit_code", None)
    if isinstance(known, UnclickedError) or code is not None:
        _complain(str(known))
        return int(code or 1)
    text = f"error[DEFECT] {type(error).__name__}: {error}".replace("\n", " ")
    _complain(f"{text}. Please report it; UNCLICKED_TRACE=1 shows where it comes from.")
    return 1


def _complain(text: str) -> None:
    """Say it on stderr, if anybody can still be told."""
    with suppress(OSError):
        typer.echo(text, err=True)


def _of_printing(error: Exception) -> bool:
    """Whether it was raised where a line was printed, not at a file or at another process."""
    step = error.__traceback__
    while step is not None and step.tb_next is not None:
        step = step.tb_next
    if step is None:
        return False
    # typer's `echo`, or that of the library within it.
    return not {"click", "_click"}.isdisjoint(step.tb_frame.f_globals["__name__"].split("."))


def _known(error: Exception) -> Exception:
    """An error of the system as one of ours, where a user can do something about it."""
    if out_of_memory(error):
        advice = "Lower train.batch_size or evaluate.batch_size, or give fewer rows at once."
        return ResourceError("MEMORY", "", f"not enough memory. {advice}")
    if not isinstance(error, OSError) or error.errno is None:
        return error
    printing = error.filename is None and _of_printing(error)
    where = "standard output" if printing else str(error.filename or "")
    text = f"{error.strerror}."
    if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO):
        return ResourceError("DISK", where, text)
    if error.filename is not None:
        return UserError("FILE", where, text)
    return error


def _explain_usage(error: Any, arguments: list[str]) -> int:
    if not error.format_message().isprintable():
        # Without a verb the "error" is the help text.
        error.show()
        return 2
    context = getattr(error, "ctx", None)
    # An option without its value is found before there is a context; the verb stands in front.
    verb = "".join(f" {word}" for word in arguments[:1] if word.isalnum())
    command = f"unclicked{verb}" if context is None else context.command_path
    said = _with_value(error).rstrip(".")
    known = UserError("USAGE", command, f"{said}. See {command} --help.")
    _complain(str(known))
    return known.exit_code


def _with_value(error: Any) -> str:
    """What typer says of a wrong option, and the value that it found and does not tell."""
    said = str(error.format_message())
    checked = getattr(error.__cause__, "errors", None)
    if checked is None:
        return said
    found = f"{checked(include_url=False)[0]['input']!r:.80}"
    said = said.replace(": Value error, ", ": ", 1)
    if found in said:
        return said
    return said.replace(": Input should be ", f": found {found}, expected ", 1)
