"""Reads the templates that the hub ships, one file an intent.

Limits: facts 3.3 (2026-11). A template is named, its variables too: Meta takes positional or named ones, never both.
"""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from hub.errors import Misconfigured

FOLDER: Final = Path(__file__).parent / "templates"
LANGUAGE: Final = "es_MX"
MAX_BODY: Final = 1024

_NAME: Final = re.compile(r"[a-z0-9_]{1,512}", re.ASCII)
_PLACE: Final = re.compile(r"\{\{([a-z_]+)\}\}")
_WORDS_A_VARIABLE: Final = 3


@dataclass(frozen=True, slots=True)
class Template:
    """One message that may leave when the free-form window is shut.

    Attributes:
        intent: Why it is sent; the file's name.
        examples: A value for each variable, in the order of the text; Meta's reviewers read them.
    """

    intent: str
    name: str
    category: str
    body: str
    examples: dict[str, str]

    @property
    def variables(self) -> list[str]:
        """The variables in the order of the text."""
        return list(dict.fromkeys(_PLACE.findall(self.body)))

    def request(self) -> dict[str, Any]:
        """Return what ``POST /{account}/message_templates`` takes."""
        examples = [{"param_name": name, "example": self.examples[name]} for name in self.variables]
        body = {"type": "BODY", "text": self.body, "example": {"body_text_named_params": examples}}
        return {
            "name": self.name,
            "language": LANGUAGE,
            "category": self.category,
            "parameter_format": "NAMED",
            "components": [body],
        }


def shipped(folder: Path = FOLDER) -> tuple[Template, ...]:
    """Return every template, by intent.

    Raises:
        Misconfigured: A file is wrong; each is named with what to change.
    """
    found, problems = [], []
    for path in sorted(folder.glob("*.toml")):
        try:
            found.append(Template(path.stem, **tomllib.loads(path.read_text(encoding="utf-8"))))
        except (TypeError, ValueError) as error:
            problems.append(f"{path.name}: {error}")
    problems += [f"{one.intent}.toml: {wrong}" for one in found for wrong in _wrong(one)]
    if problems:
        raise Misconfigured(problems)
    return tuple(found)


def _wrong(template: Template) -> list[str]:
    body, variables = template.body.strip(), template.variables
    checks = {
        "name takes lower-case letters, digits, underscores": _NAME.fullmatch(template.name),
        "category is UTILITY: what the customer asked for": template.category == "UTILITY",
        f"the body has 1 to {MAX_BODY} characters": 0 < len(body) <= MAX_BODY,
        "no variable stands first or last (2388299)": not body.startswith("{{") and not body.endswith("}}"),
        "too many variables for so few words (2388293)": len(body.split()) > _WORDS_A_VARIABLE * len(variables),
        "variables are {{lower_case}}": body.count("{{") == len(_PLACE.findall(body)),
        "each variable has an example, nothing else has one": set(variables) == set(template.examples),
        "an example holds a line break": not any("\n" in value for value in template.examples.values()),
    }
    return [cure for cure, is_well in checks.items() if not is_well]
