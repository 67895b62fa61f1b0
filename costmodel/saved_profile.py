"""The base of every kind of profile: a frozen value that is a file. No fields and no prediction."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import BaseModel, ConfigDict

from archs.guessed_words import OF_A_PROFILE
from archs.guidance import NoSequence, guided, unknown_attribute
from costmodel.written_files import write_together


class Value(BaseModel):
    """A frozen part of a profile, whose columns are all known."""

    model_config = ConfigDict(frozen=True, extra="forbid", validate_by_name=True, serialize_by_alias=True)


class SavedProfile(NoSequence, Value):
    """A profile of any kind; an attribute or an index that it has not raises an error with what to use."""

    _INSTEAD: ClassVar = OF_A_PROFILE

    if not TYPE_CHECKING:  # a type checker knows the attributes

        def __getattr__(self, name: str) -> Any:
            if name.startswith("_"):  # pydantic's own
                return super().__getattr__(name)
            raise AttributeError(unknown_attribute(type(self), name), name=name, obj=self)

    @guided()
    def save(self, path: str | os.PathLike) -> None:
        """Write the profile atomically: a draft is renamed once it is complete."""
        write_together({Path(path): self.text()})

    def text(self) -> str:
        """The content of its file."""
        return json.dumps(self.model_dump(mode="json", by_alias=True), separators=(",", ":")) + "\n"
