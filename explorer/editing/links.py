"""Spec ↔ text for a link: the differences from the published network, compressed. Invalid text raises ArchError.

A link is "1" and base64url(zlib(JSON)) with a preset dictionary; `explorer/editing/README.md` has the grammar of the
JSON. Nothing of it is executed: the decoded spec is validated and built as any upload. zlib's checksum detects a link
that was cut.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
import zlib
from collections.abc import Iterable, Sequence
from difflib import SequenceMatcher
from typing import Annotated, Any, TypeAlias

from pydantic import ConfigDict, FailFast, NonNegativeInt, TypeAdapter, ValidationError

from archs import ArchError, Spec, build
from archs.catalogue.registry import FAMILIES
from archs.tables.rows import Row
from archs.tables.table import FORMAT
from explorer.data.originals import paper

VERSION = "1"
MAX_LINK = 6_000  # characters; servers and browsers take about 8,000 of a whole address
MAX_TEXT = 200_000  # characters of JSON; 256 rows with every column take less
MAX_BLOCKS = 5_000  # of all networks of one text, each of which is built; 200 versions of MobileNetV2 have 3,800

# Part of the format: links are unreadable with another text here. A change needs another VERSION.
DICTIONARY = (
    b'"hard_sigmoid""sigmoid""swish""global_pool""linear""fragments""layout":"series""parallel""inner":"stride_first":'
    b'"mode":"max""average""dropout":0.2"flat":"bottleneck":"split":0.5"downsample":"half""keep""merge":"add""concat"'
    b'"shuffle_after":"reduce""depthwise""restore""shuffle_at":"start""shuffle":false"group_first":false"gate":'
    b'"se_of":"input""se":0.25"norm":false"relu":false"shortcut":false"input_channels":"dw_activation":'
    b'"out_activation":"none""relu6""activation":"relu""activation":"hard_swish""expanded":"expansion":6.0"groups":'
    b'"kernel":5"stride":2"repeat":2"channels":"stage":"head""stage":"stem""stage":"stage1""stage":"stage2"'
    b'"kind":"conv""kind":"separable""kind":"bottleneck""kind":"pool""kind":"shuffle_v1""kind":"shuffle_v2"'
    b'"kind":"inverted_residual""mobilenet_v1""shufflenet_v1""mobilenet_v3_small""mobilenet_v3_large""shufflenet_v2"'
    b'["mobilenet_v2",{"width":1.0,"resolution":224,"code":"paper"},{},[[3,4,[{"kernel":5}]]]]'
)


BAD = ArchError("the link holds no network of this program; copy it whole")

Columns: TypeAlias = dict[str, Any]
_Rows: TypeAlias = Annotated[list[Columns], FailFast()]
_Patches: TypeAlias = Annotated[list[tuple[NonNegativeInt, NonNegativeInt, _Rows]], FailFast()]
Difference: TypeAlias = tuple[str, Columns, Columns, _Patches]
CONTENT: TypeAdapter[Difference | Columns] = TypeAdapter(Difference | Columns, config=ConfigDict(strict=True))
"""The grammar above; the values of columns are validated when they become a spec."""


def encode(spec: Spec) -> str:
    """The text that reopens exactly this spec. Raises ArchError for one whose text would be no link any more.

    >>> import archs
    >>> decode(encode(archs.spec("mobilenet_v2", width=1.4))) == archs.spec("mobilenet_v2", width=1.4)
    True
    """
    text = pack(content_of(spec))
    if len(text) > MAX_LINK:
        raise ArchError(
            f"the link would have {len(text):,} characters; allowed: up to {MAX_LINK:,}; "
            "save the network as a JSON file instead"
        )
    return text


def content_of(spec: Spec) -> list[Any] | dict[str, Any]:
    """The JSON of the grammar above."""
    original = paper(spec)
    return json.loads(spec.to_json()) if original is None else _difference(original, spec)


def pack(content: object, level: int = 9) -> str:
    """JSON as the text of a link, compressed at zlib's `level`."""
    packer = zlib.compressobj(level, zdict=DICTIONARY)
    packed = packer.compress(json.dumps(content, separators=(",", ":")).encode()) + packer.flush()
    return VERSION + base64.urlsafe_b64encode(packed).rstrip(b"=").decode()


def decode(text: str) -> Spec:
    """The spec of a link's text; it builds. Raises ArchError for any other text."""
    spec = parse(text)
    check_built([spec])
    return spec


def parse(text: str) -> Spec:
    """The spec of a link's text, not built yet. Raises ArchError."""
    try:
        return spec_of(CONTENT.validate_json(unpack(text)))
    except ValidationError:
        raise BAD from None


def spec_of(content: Difference | Columns) -> Spec:
    """The spec that a validated JSON of the grammar describes, not built yet. Raises ArchError."""
    return Spec.from_json(json.dumps(content if isinstance(content, dict) else _patched(*content)))


def check_built(specs: Sequence[Spec]) -> None:
    """Raises ArchError for networks of one text that do not build, or that have over MAX_BLOCKS blocks in all."""
    if (found := blocks_of(specs)) > MAX_BLOCKS:
        raise ArchError(f"the networks have {found:,} blocks in all; allowed: up to {MAX_BLOCKS:,}")
    for spec in set(specs):
        build(spec)


def blocks_of(specs: Iterable[Spec]) -> int:
    """The blocks of different networks in all."""
    return sum(blocks(spec) for spec in set(specs))


def blocks(spec: Spec) -> int:
    """The blocks of a network."""
    return sum(row.repeat for row in spec.rows)


def unpack(text: str, longest: int = MAX_LINK, unpacked_longest: int = MAX_TEXT) -> bytes:
    """The JSON of a link's text, of up to so many characters packed and unpacked. Raises ArchError."""
    if len(text) > longest:
        raise ArchError(f"the link has {len(text):,} characters; allowed: up to {longest:,}")
    if not re.fullmatch(r"[A-Za-z0-9_-]+", text) or not text.startswith(VERSION):
        raise ArchError("the link is not one of this program's, or of another version; copy it whole")
    text = text[len(VERSION) :]
    unpacker = zlib.decompressobj(zdict=DICTIONARY)
    try:
        packed = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
        unpacked = unpacker.decompress(packed, unpacked_longest + 1)
        if len(unpacked) > unpacked_longest:
            raise ArchError(f"the link unpacks to over {unpacked_longest:,} characters; allowed: up to that")
        if not unpacker.eof or unpacker.unused_data:
            raise ArchError("the link is cut short or has something after its end; copy it whole")
        return unpacked
    except (binascii.Error, zlib.error):
        raise ArchError("the link is damaged: a character of it was lost or changed; copy it whole") from None


def _difference(original: Spec, spec: Spec) -> list[Any]:
    base = FAMILIES[spec.name]
    knobs = {k: v for k in base.knobs if (v := getattr(original, k, None)) is not None and v != base.default(k)}
    hidden = {k: v for k in base.knobs if k not in Spec.model_fields for v in base.knobs[k]
              if v != base.default(k) and base.spec(**knobs, **{k: v}) == original}  # fmt: skip
    fields = {
        name: getattr(spec, name)
        for name in ("input_channels", "resolution", "width", "groups", "code")
        if getattr(spec, name) != getattr(original, name)
    }
    matcher = SequenceMatcher(None, original.rows, spec.rows, autojunk=False)
    patches = [
        [i1, i2, [_row(row, original.rows[i1 + k] if i1 + k < i2 else None) for k, row in enumerate(spec.rows[j1:j2])]]
        for tag, i1, i2, j1, j2 in matcher.get_opcodes()
        if tag != "equal"
    ]
    return [spec.name, knobs | hidden, fields, patches]


def _row(row: Row, before: Row | None) -> dict[str, Any]:
    if type(row) is type(before):
        return {column: value for column, value in row if value != getattr(before, column)}
    return {"kind": row.kind} | row.model_dump(exclude_defaults=True)


def _patched(name: str, knobs: Columns, fields: Columns, patches: list[tuple[int, int, list[Columns]]]) -> Columns:
    """The JSON of the spec that a difference describes. Raises ArchError where it is of no published network."""
    if name not in FAMILIES or not knobs.keys() <= FAMILIES[name].knobs.keys():
        raise BAD
    original = FAMILIES[name].spec(**knobs)
    rows: list[Any] = []
    position = 0
    for first, end, new in patches:
        if not position <= first <= end <= len(original.rows):
            raise BAD
        rows += [_dumped(row) for row in original.rows[position:first]]
        for k, row in enumerate(new):
            rows.append(row if "kind" in row or first + k >= end else _dumped(original.rows[first + k]) | row)
        position = end
    rows += [_dumped(row) for row in original.rows[position:]]
    head = json.loads(original.edit(rows=original.rows[:1]).to_json()) | fields
    return head | {"format": FORMAT, "name": name, "rows": rows}


def _dumped(row: Row) -> dict[str, Any]:
    return {"kind": row.kind, **row.model_dump()}
