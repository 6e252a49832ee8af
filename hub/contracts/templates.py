"""What a channel knows of message templates: those that are shipped, those that its provider has."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class TemplateWord:
    """What the provider says of a template.

    ``state`` is ``approved``, ``pending`` or the provider's own word in lower case.
    """

    name: str
    language: str
    state: str
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class TemplateDraft:
    """A template as it is shipped; ``variables`` in the order of the text."""

    intent: str
    name: str
    language: str
    category: str
    body: str
    variables: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class TemplateStanding:
    """A template as the provider has it; ``state`` as in ``TemplateWord``."""

    name: str
    language: str
    state: str
    provider_id: str | None = None


class TemplateOffice(Protocol):
    """Where the templates of one account are submitted.

    Attributes:
        account: The account under the provider's own id.
    """

    account: str

    def drafts(self) -> Sequence[TemplateDraft]:
        """Return what is shipped; raises ``Misconfigured`` when a file is wrong."""
        ...

    async def standings(self) -> Sequence[TemplateStanding]:
        """Ask what the provider has; raises ``Transient`` or ``Permanent`` with its word in Spanish."""
        ...

    async def submit(self, draft: TemplateDraft) -> TemplateStanding:
        """Hand one in for review; raises as ``standings``."""
        ...
