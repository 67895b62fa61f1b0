"""Files written atomically and together: all of them complete, or each as it was. No formats here."""

from __future__ import annotations

import errno
import os
from collections.abc import Mapping
from pathlib import Path


def write_together(texts: Mapping[Path, str]) -> None:
    """Write each text to its path: drafts first, renamed once all are complete. Modes follow the umask.

    Raises OSError; then no file has changed and no draft is left, unless a rename itself fails.
    """
    drafts = {path: path.with_name(f"{path.name}.{os.getpid()}.draft") for path in texts}
    try:
        for path, text in texts.items():
            with drafts[path].open("x", encoding="utf-8") as file:
                file.write(text)
                file.flush()
                _sync(file.fileno())
        for path, draft in drafts.items():
            draft.replace(path)
    finally:
        for draft in drafts.values():
            draft.unlink(missing_ok=True)


def _sync(descriptor: int) -> None:
    """Raises OSError for a full disk, which some network folders report only here."""
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):  # some folders cannot
            raise
