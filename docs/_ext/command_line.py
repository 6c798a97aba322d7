"""The options of every command, from the parsers that read them: `{command-line}`."""

from __future__ import annotations

import argparse
import re

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

from softxent.cli._main import _parser


class CommandLine(SphinxDirective):
    """One section per command: what it does, examples, usage, options by group."""

    def run(self) -> list[nodes.Node]:
        parser = _parser()
        (commands,) = (
            action.choices
            for action in parser._actions
            if isinstance(action, argparse._SubParsersAction)
        )
        sections = []
        for name, command in commands.items():
            section = nodes.section(ids=[name], names=[name])
            section += nodes.title(text=f"softxent {name}")
            section += nodes.paragraph(text=command.description)
            section += epilogue(command.epilog or "")
            section += nodes.rubric(text="Usage")
            section += literal(usage(command))
            section += options(command)
            sections.append(section)
        return sections


def usage(command: argparse.ArgumentParser) -> str:
    return re.sub(r"^usage: ", "", command.format_usage()).rstrip()


def literal(text: str, language: str = "text") -> nodes.literal_block:
    return nodes.literal_block(text, text, language=language)


def epilogue(text: str) -> list[nodes.Node]:
    """The parts below the options: a heading with a colon, and indented lines under it."""
    parts: list[nodes.Node] = []
    for part in re.split(r"\n\n(?=\S)", text.strip()):
        heading, _, body = part.partition("\n")
        if not body:
            parts.append(nodes.paragraph(text=heading))
            continue
        parts.append(nodes.rubric(text=heading.rstrip(":").capitalize()))
        lines = [line[2:] if line.startswith("  ") else line for line in body.split("\n")]
        commands = all(line.startswith("softxent ") for line in lines if line.strip())
        shown = "\n".join(f"$ {line}" for line in lines) if commands else "\n".join(lines)
        parts.append(literal(shown, "console" if commands else "text"))
    return parts


def options(command: argparse.ArgumentParser) -> list[nodes.Node]:
    """A list of options under the title of each group that has any."""
    formatter = command.formatter_class(prog=command.prog, width=200)
    found: list[nodes.Node] = []
    for group in command._action_groups:
        actions = [a for a in group._group_actions if a.help is not argparse.SUPPRESS]
        actions = [a for a in actions if not isinstance(a, argparse._HelpAction)]
        if not actions:
            continue
        found.append(nodes.rubric(text=(group.title or "options").capitalize()))
        if group.description:
            found.append(nodes.paragraph(text=group.description))
        entries = nodes.definition_list(classes=["options"])
        for action in actions:
            text = formatter._format_action_invocation(action)
            term = nodes.term("", "", nodes.literal(text=text))
            words = formatter._expand_help(action) if action.help else ""
            meaning = nodes.definition("", nodes.paragraph(text=words))
            entries += nodes.definition_list_item("", term, meaning)
        found.append(entries)
    return found


def setup(app: Sphinx) -> dict[str, bool]:
    app.add_directive("command-line", CommandLine)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
