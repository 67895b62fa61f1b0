"""Files written atomically and together: all of them complete, or each as it was. Unfinished results kept. No formats.

Start at `write_together` and `kept`.
"""

from __future__ import annotations

import errno
import os
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from costmodel.errors import CostError


def write_together(contents: Mapping[Path, str | bytes]) -> None:
    """Write each text or bytes to its path: drafts first, renamed once all are complete. Modes follow the umask.

    Raises OSError; then no file has changed and no draft is left, unless a rename itself fails.
    """
    drafts = {path: path.with_name(f"{path.name}.{os.getpid()}.draft") for path in contents}
    try:
        for path, content in contents.items():
            with drafts[path].open("xb") as file:
                file.write(content.encode() if isinstance(content, str) else content)
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


@contextmanager
def keep_unfinished(
    path: str | os.PathLike | None,
    suffix: str,
    unfinished: Callable[[], tuple[str, str] | None],
    advice: str = "",
) -> Iterator[None]:
    """Keep what there is where the work ends early, and say where: beside `path`, else among the temporary files.

    Raises KeyboardInterrupt and CostError with that sentence. Without a path nothing is kept.

    Args:
        path: of the result that is being made.
        suffix: of the file that is kept, behind the result's stem.
        unfinished: (what there is, its text), as ("the timings of 7 networks", text); None for nothing.
        advice: what to do with the file, for the end of the sentence.
    """

    def sentence() -> str:
        where = _keep(path, suffix, unfinished)
        return f"{where}; {advice}" if where and advice else where

    try:
        yield
    except KeyboardInterrupt:
        raise KeyboardInterrupt(sentence()) from None
    except (OSError, MemoryError) as error:
        reason = "out of memory"
        if isinstance(error, OSError):
            reason = ": ".join(str(part) for part in (error.filename, error.strerror or error) if part)
        raise CostError("; ".join(filter(None, (reason, sentence())))) from None


def _keep(path: str | os.PathLike | None, suffix: str, unfinished: Callable[[], tuple[str, str] | None]) -> str:
    found = None if path is None else unfinished()
    if path is None or found is None:
        return ""
    what, text = found
    name = f"{Path(path).stem}{suffix}"
    for folder in (Path(path).parent, Path(tempfile.gettempdir())):
        with suppress(OSError):
            write_together({folder / name: text})
            return f"{what} are kept in {folder / name}"
    return f"{what} could not be kept: no folder takes them"
