"""What stands beside an imported KuaiRand log: where it is from, its licence, how to prepare it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

LICENCE: Final = "CC BY-SA 4.0"
CITATION: Final = (
    "Chongming Gao et al.: KuaiRand: An Unbiased Sequential Recommendation Dataset with Randomly "
    "Exposed Videos. CIKM 2022."
)


PURE_NAME: Final = "KuaiRand-Pure"


def licence_line(release: str) -> str:
    """Names a release, its authors and its licence in one sentence.

    Args:
        release: Name of the release.

    Returns:
        The sentence.

    Example:
        >>> licence_line("KuaiRand-1K")[:41]
        'KuaiRand-1K (Gao et al., CIKM 2022, kuair'
    """
    return (
        f"{release} (Gao et al., CIKM 2022, kuairand.com), licence {LICENCE}: name the authors, "
        "say what was changed, share adaptations alike."
    )


def config_text(history: bool, release: str = PURE_NAME, missing_items: bool = False) -> str:
    """The settings with which the imported log should be prepared, as TOML.

    Args:
        history: Whether the untimed history stands in front of the log.
        release: Name of the release; users of 1K and 27K were shown thousands of videos, those
            of Pure a few, and the settings differ.
        missing_items: Whether some videos of the log lack in the item table; told only for 1K
            and 27K.

    Returns:
        A configuration file, one comment on each setting.

    Example:
        >>> print(config_text(False).splitlines()[2])
        timezone = "Asia/Shanghai"
    """
    if release != PURE_NAME:
        return _dense_config(missing_items)
    lines = [
        "[data]",
        "# Days are China time: a cut at midnight UTC would fall at eight in the morning there.",
        'timezone = "Asia/Shanghai"',
        "",
        "[data.unclicked]",
        "# Videos hardly ever come back, so the whole log is the window,",
        "window_days = 60",
        "# and one showing without a click is enough; with 2, next to nothing would be left.",
        "min_exposures = 1",
        "",
        "[data.clicked]",
        "# Users leave few clicks: all earlier ones count as long-term, not only the last week's.",
        "long_window_days = 60",
    ]
    if history:
        lines.append(
            "# Times of the history are made, hours apart, so each of its clicks is a session."
        )
    else:
        lines.append(
            "# Most sessions of this log hold one click; with 2, few would be left to train on."
        )
    lines.append("min_session_length = 1")
    lines += [
        "",
        "[data.split]",
        "# One day has about 1,000 test users, too few to see a small gain; two have 2,400.",
        "test_days = 2",
        "# The day before them chooses the settings.",
        "validation_days = 1",
    ]
    return "\n".join(lines) + "\n"


def _dense_config(missing_items: bool) -> str:
    lines = [
        "[data]",
        "# Days are China time: a cut at midnight UTC would fall at eight in the morning there.",
        'timezone = "Asia/Shanghai"',
    ]
    if missing_items:
        lines.append("# Some videos of the log lack in the table of videos: they have no fields.")
        lines.append('missing_item = "unknown"')
    lines += [
        "",
        "[data.unclicked]",
        "# Videos hardly ever come back, so one showing without a click is enough.",
        "min_exposures = 1",
    ]
    return "\n".join(lines) + "\n"


def source_text(
    label: str, history: bool, release: str = PURE_NAME, logs: Sequence[str] = ()
) -> str:
    """Provenance, licence and changes of an imported log, as Markdown.

    Args:
        label: Column that counts as a click.
        history: Whether the untimed history stands in front of the log.
        release: Name of the release.
        logs: Names of the logs that were read.

    Returns:
        The text of `SOURCE.md`.
    """
    changes = [
        f"`clicked` is `{label}`; `item_id` is `video_id`; `timestamp` is `time_ms`.",
        "Lines that repeat another line are kept; preparing the log drops them.",
        "Video lengths are cut into bins that double in length; `tag` is split at commas.",
        "Of the user table only categories and ranges are kept.",
        "The table of video statistics is not read: it counts the whole month and knows the "
        "future.",
    ]
    if history:
        changes += [
            "Rows with `order_only` true are from the history of 8 to 24 April 2022. They have an "
            "order but no times: theirs are spread evenly over the days up to the user's last one. "
            "Neighbours that show the same video share a time and so count as one repeated line.",
            "Their label was found by walking the videos shown and the long views together from "
            "the end. For users with more than 50 impressions only the last 50 are known.",
        ]
    if len(logs) > 1:
        changes.append(f"Read as one log: {', '.join(logs)}.")
        changes.append(
            "The log of randomly shown videos is left out: nothing chose them for the user."
        )
    if release != PURE_NAME:
        changes.append("Rows stand in the order of the files; preparing the log sorts them.")
        changes.append(
            f"Only KuaiRand-Pure was run on real files here; {release} was tested on small files "
            "in the published format."
        )
    points = "\n".join(f"- {change}" for change in changes)
    return (
        f"# Source\n\n{licence_line(release)}\n\nPlease cite: {CITATION}\n\n"
        f"This folder is an adaptation under the same licence. Changes:\n\n{points}\n"
    )
