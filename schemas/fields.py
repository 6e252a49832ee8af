"""Field types that event payloads share."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AwareDatetime, Field

PersonalClass = Literal["identity", "content", "contact"]
"""What kind of personal data a field holds; drives masking, export, erasure (NC-10)."""

Instant = Annotated[AwareDatetime, Field(description="Aware instant, UTC.")]
PersonName = Annotated[str, Field(json_schema_extra={"x-personal": "identity"})]
CustomerText = Annotated[str, Field(json_schema_extra={"x-personal": "content"})]
ContactAddress = Annotated[str, Field(json_schema_extra={"x-personal": "contact"})]

Channel = Literal["whatsapp", "facebook", "hibot", "email", "phone", "anydesk", "calendar"]
