"""Messages of the library in the words of the command line: options in the place of parameters."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import partial

__all__ = ["in_options"]

#: Parameters of the library whose option has another name, and those that are no option at all.
_ALIASES = {
    "hidden_size": "hidden",
    "hidden_sizes": "hidden",
    "weight": "class_weights",
    "num_classes": "classes",
    "logits_name": "logits",
    "scale": "feature_scale",
}
#: Verbs after "the labels".
_PLURALS = {"is": "are", "has": "have", "needs": "need"}
_WORDS = {"X": "the data", "y": "the labels", "validation X": "the test data"}

#: Options whose names are words of any sentence about data and models.
_NOUNS = (
    "classes", "data", "features", "id", "input", "labels", "logits", "model", "probabilities",
)  # fmt: skip

#: Options that can be switched off.
_SWITCHES = ("--header",)

#: What follows the name of a parameter: anywhere, and where a message starts with it. A single word
#: in the middle of a sentence may be just that.
_VERBS = r"(?= (?:must|may)\b)"
_FIRST_VERBS = r"(?= (?:is|has|gives|goes|needs|belongs?|and|takes)\b)"
_BEFORE = r"(?<![\w'\"./=-])"


def in_options(message: str, options: Mapping[str, str]) -> str:
    """
    Say with options what a message says with parameters.

    Parameters
    ----------
    message : str
        As the library has it: ``label_smoothing=0.1``, ``weight must …``, ``num_classes``.
    options : mapping of str to str
        The options of the command by what argparse calls them ("label_smoothing").

    Returns
    -------
    str
        With ``--label-smoothing 0.1``, ``--class-weights must …``, ``--num-classes``.
    """
    message = re.sub(r"^softxent\.[\w.]+(?= needs )", "the command", message)
    for alias, name in _ALIASES.items():
        if name in options:
            options = {**options, alias: options[name]}
    for name in sorted(options, key=len, reverse=True):
        option = options[name]
        given = rf"{_BEFORE}{name}=('[^']*'|\"[^\"]*\"|[^\s,;:)]+)"
        message = re.sub(given, partial(_given, option), message)
        if "_" in name:
            message = re.sub(rf"{_BEFORE}{name}(?![\w'\"./=-])", option, message)
        if name not in _NOUNS:
            message = re.sub(rf"{_BEFORE}{name}{_VERBS}|^{name}{_FIRST_VERBS}", option, message)
    for name, words in sorted(_WORDS.items(), key=lambda item: -len(item[0])):
        message = re.sub(rf"{_BEFORE}{name}{_VERBS}|^{name}{_FIRST_VERBS}", words, message)
        message = re.sub(rf"(?<=of ){name}\b", words, message)
    for singular, plural in _PLURALS.items():
        message = message.replace(f"the labels {singular} ", f"the labels {plural} ")
    return message


def _given(option: str, found: re.Match[str]) -> str:
    """An option with its value; a flag alone, or that it is not there."""
    value = found[1]
    if value == "False" and option in _SWITCHES:
        return f"--no-{option[2:]}"
    if value in ("False", "None"):
        return f"no {option}"
    if value.startswith("[") and value.endswith("]"):
        value = value[1:-1]
    return option if value in ("True", "…") else f"{option} {value.strip(chr(39) + chr(34))}"
