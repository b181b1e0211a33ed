"""What stands beside an imported KuaiRand log: where it is from, its licence, how to prepare it."""

from __future__ import annotations

from typing import Final

LICENCE: Final = "CC BY-SA 4.0"
LICENCE_LINE: Final = (
    "KuaiRand-Pure (Gao et al., CIKM 2022, kuairand.com), licence CC BY-SA 4.0: name the authors, "
    "say what was changed, share adaptations alike."
)
CITATION: Final = (
    "Chongming Gao et al.: KuaiRand: An Unbiased Sequential Recommendation Dataset with Randomly "
    "Exposed Videos. CIKM 2022."
)


def config_text(history: bool) -> str:
    """The settings with which the imported log should be prepared, as TOML.

    Args:
        history: Whether the untimed history stands in front of the log.

    Returns:
        A configuration file, one comment on each setting.

    Example:
        >>> print(config_text(False).splitlines()[2])
        timezone = "Asia/Shanghai"
    """
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


def source_text(label: str, history: bool) -> str:
    """Provenance, licence and changes of an imported log, as Markdown.

    Args:
        label: Column that counts as a click.
        history: Whether the untimed history stands in front of the log.

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
    points = "\n".join(f"- {change}" for change in changes)
    return (
        f"# Source\n\n{LICENCE_LINE}\n\nPlease cite: {CITATION}\n\n"
        f"This folder is an adaptation under the same licence. Changes:\n\n{points}\n"
    )
