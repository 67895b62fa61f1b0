"""The rows of a table: one class per kind of block, with the columns of that kind.

Every field is an int, a bool, a number in a range or a known word. The default of a column is the value in the block's
paper, so a row states what the paper's table states. Blocks are built in `archs.tables.blocks`.
"""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import AfterValidator, Field, model_validator

from archs.guessed_words import OF_ROWS
from archs.guidance import module_attribute
from archs.tables.validation import Validated, allowed

Identifier = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,39}$")]
MAX_CHANNELS = 16_384
Channels = Annotated[int, Field(ge=1, le=MAX_CHANNELS)]
Stride = Annotated[int, Field(ge=1, le=4)]
Groups = Annotated[int, Field(ge=1, le=MAX_CHANNELS)]
Ratio = Annotated[float, Field(gt=0, le=1)]
ActivationWord = Literal["relu", "relu6", "sigmoid", "hard_sigmoid", "swish", "hard_swish", "none"]
GateWord = Literal["sigmoid", "hard_sigmoid"]
Downsample = Literal["keep", "half"]
Code = Literal["paper", "megvii", "torchvision"]
FragmentCount = Literal[1, 2, 4]
Layout = Literal["series", "parallel"]
Squeeze = Annotated[float, Field(ge=0, le=1)]


def _odd(value: int) -> int:
    if value % 2 == 0:
        raise ValueError("an odd number")
    return value


Kernel = Annotated[int, Field(ge=1, le=31), AfterValidator(_odd)]


class Row(Validated):
    """The columns of every row: the stage that it belongs to and the number of repeats.

    A row's stride is that of its first block, the repeats have stride 1 (MobileNetV2, Table 2's caption).
    """

    stage: Identifier
    repeat: Annotated[int, Field(ge=1, le=64)] = 1

    @property
    def kind(self) -> str:
        return KIND_OF[type(self)]


class Conv(Row):
    """A convolution with batch norm and activation; a bias where there is no norm.

    >>> Conv(stage="stem", channels=32, stride=2).activation
    'relu'
    """

    channels: Channels
    kernel: Kernel = 3
    stride: Stride = 1
    groups: Groups = 1
    norm: bool = True
    activation: ActivationWord = "relu"


class Separable(Row):
    """MobileNetV1's block: depthwise k×k, then 1×1, each with batch norm and activation (its Figure 3, right).

    `dw_activation` follows the depthwise; None is the same as `activation`.

    >>> Separable(stage="stage1", channels=64).kernel
    3
    """

    channels: Channels
    kernel: Kernel = 3
    stride: Stride = 1
    activation: ActivationWord = "relu"
    dw_activation: ActivationWord | None = None
    norm: bool = True


class InvertedResidual(Row):
    """MobileNetV2's block (its Table 1), MobileNetV3's and MnasNet's with squeeze-and-excite.

    The expanded width is stated either as `expansion`, the ratio t to the input channels, or as `expanded`, a width.
    `se` is the squeeze ratio, 0 for none; MobileNetV3 takes it of the expanded width rounded to 8, MnasNet of the
    block's input channels rounded down. The shortcut is added where input and output have one shape.
    `dw_activation` follows the depthwise, None is the same as `activation`; `out_activation` follows the last 1×1,
    which MobileNetV2's section 3.2 keeps linear.

    >>> InvertedResidual(stage="stage2", channels=24, expansion=6.0, stride=2, repeat=2).out_activation
    'none'
    """

    channels: Channels
    kernel: Kernel = 3
    stride: Stride = 1
    expansion: Annotated[float, Field(gt=0, le=64)] | None = None
    expanded: Channels | None = None
    activation: ActivationWord = "relu6"
    dw_activation: ActivationWord | None = None
    out_activation: ActivationWord = "none"
    norm: bool = True
    se: Squeeze = 0.0
    se_of: Literal["expanded", "input"] = "expanded"
    gate: GateWord = "hard_sigmoid"
    shortcut: bool = True

    @model_validator(mode="after")
    def _one_width(self) -> InvertedResidual:
        if (self.expansion is None) == (self.expanded is None):
            raise ValueError(
                f"expansion is {self.expansion} and expanded is {self.expanded}; allowed: exactly one of the two"
            )
        return self


class ShuffleV1(Row):
    """ShuffleNetV1's unit (its Figure 2b, and 2c where the stride is over 1).

    `shuffle_after` names the operator that the shuffle follows. `merge` is how the shortcut joins; None is the paper's
    rule: added at stride 1 where the widths agree, concatenated over it. To concatenate, the main branch gives
    `channels` less the input's; to add, the shortcut is projected by a 1×1 where the widths differ.
    `se` is the squeeze ratio of the output of the main branch (the paper's Table 5, "with SE"), 0 for none.

    >>> ShuffleV1(stage="stage2", channels=240, stride=2, group_first=False).groups
    3
    """

    channels: Channels
    kernel: Kernel = 3
    stride: Stride = 1
    groups: Groups = 3
    bottleneck: Ratio = 0.25
    group_first: bool = True  # False in the first unit of stage 2: Table 1's caption
    shuffle: bool = True
    shuffle_after: Literal["reduce", "depthwise", "restore"] = "reduce"
    merge: Literal["add", "concat"] | None = None
    activation: ActivationWord = "relu"
    dw_activation: ActivationWord = "none"
    norm: bool = True
    se: Squeeze = 0.0


class ShuffleV2(Row):
    """ShuffleNetV2's unit (its Figure 3c, and 3d where the stride is over 1 or the width changes).

    `split` is the share of the channels that the shortcut branch takes at stride 1 (the paper's 0.5). At stride 2,
    `downsample` says which published form: "keep", the shortcut branch keeps the input width and the main branch gives
    the rest (megvii); "half", both give half (torchvision). The shuffle closes the unit as in the paper's figure, or
    opens it ("start") as in the authors' code.

    `merge="add"` is the residual unit that the split and concat replace: no split, the main branch reads all channels,
    works at the `1 - split` of them and gives all, which are added to the input; at stride 2 both branches give all.
    `se` is the squeeze ratio of the output of the main branch (the paper's section 4, "SE"), 0 for none.

    >>> ShuffleV2(stage="stage2", channels=116, stride=2).split
    0.5
    """

    channels: Channels
    kernel: Kernel = 3
    stride: Stride = 1
    split: Annotated[float, Field(gt=0, lt=1)] = 0.5
    downsample: Downsample = "keep"
    shuffle: bool = True
    shuffle_at: Literal["start", "end"] = "end"
    merge: Literal["concat", "add"] = "concat"
    activation: ActivationWord = "relu"
    dw_activation: ActivationWord = "none"
    norm: bool = True
    se: Squeeze = 0.0


class Bottleneck(Row):
    """ResNet's bottleneck: 1×1, 3×3, 1×1 and a shortcut (He et al. 2015, Figure 5 right).

    `inner` is the width between; the stride stands in the k×k convolution, or in the first 1×1 as the paper has it.
    `relu` says whether there are activations at all, `activation` which. Without `norm` and with `relu` and `shortcut`
    taken away it is the unit of ShuffleNetV2's guideline G4. `se` is SENet's squeeze ratio, 0 for none.

    >>> Bottleneck(stage="stage1", channels=256, inner=64).kernel
    3
    """

    channels: Channels
    inner: Channels
    kernel: Kernel = 3
    stride: Stride = 1
    groups: Groups = 1
    stride_first: bool = False
    norm: bool = True
    relu: bool = True
    activation: ActivationWord = "relu"
    shortcut: bool = True
    se: Squeeze = 0.0


class Fragments(Row):
    """Guideline G3's block: `fragments` 1×1 convolutions of one width, one after the other or side by side and added.

    ShuffleNetV2, appendix Figure 1.

    >>> Fragments(stage="stage1", channels=128, fragments=4, layout="parallel").fragments
    4
    """

    channels: Channels
    fragments: FragmentCount = 1
    layout: Layout = "series"


class Pool(Row):
    """Max or average pooling.

    >>> Pool(stage="stem").mode
    'max'
    """

    mode: Literal["max", "average"] = "max"
    kernel: Kernel = 3
    stride: Stride = 2


class GlobalPool(Row):
    """The mean of each map, to C×1×1, or to C features where `flat`.

    >>> GlobalPool(stage="head").flat
    False
    """

    flat: bool = False


class Linear(Row):
    """A fully connected layer with bias, after a dropout, before an activation.

    >>> Linear(stage="head").channels
    1000
    """

    channels: Channels = 1000
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.0
    activation: ActivationWord = "none"


KINDS: dict[str, type[Row]] = {
    "conv": Conv,
    "separable": Separable,
    "inverted_residual": InvertedResidual,
    "shuffle_v1": ShuffleV1,
    "shuffle_v2": ShuffleV2,
    "bottleneck": Bottleneck,
    "fragments": Fragments,
    "pool": Pool,
    "global_pool": GlobalPool,
    "linear": Linear,
}
"""The kinds of row by the word that the JSON and the page use."""

MEANINGS: dict[str, str] = {
    "stage": "name of the stage, the first part of the paths of its operators",
    "repeat": "number of blocks (n in MobileNetV2's Table 2)",
    "channels": "output channels of each block (c); features of a linear layer",
    "kernel": "side k of the window: of the depthwise convolution where the block has one",
    "stride": "stride of the first block (s); the repeats have stride 1",
    "groups": "groups of the convolution, or of the unit's 1×1 convolutions (g)",
    "norm": "whether a batch norm follows each convolution; without one, convolutions have a bias",
    "activation": "activation after the convolutions; other columns make exceptions",
    "dw_activation": "activation after the depthwise convolution; of no value, the same as `activation`",
    "out_activation": "activation after the last 1×1 convolution",
    "expansion": "expanded width as a ratio to the input channels (t); instead of `expanded`",
    "expanded": "expanded width in channels; instead of `expansion`",
    "se": "squeeze ratio of squeeze-and-excitation; 0 for none",
    "se_of": "width that `se` is a share of: the expanded one (MobileNetV3) or the block's input (MnasNet)",
    "gate": "activation of squeeze-and-excitation's gate",
    "shortcut": "whether the block's input is added where the shapes agree",
    "bottleneck": "inner width as a share of `channels`",
    "group_first": "whether the first 1×1 convolution is grouped",
    "shuffle": "whether there is a channel shuffle",
    "shuffle_after": "operator that the shuffle follows",
    "shuffle_at": "whether the shuffle closes the unit (the paper's figure) or opens it (the authors' code)",
    "merge": "how the branches join; of no value, as the paper's stride and widths require",
    "split": "share of the channels that the shortcut branch takes at stride 1",
    "downsample": "form of the unit over stride 1: the shortcut branch keeps the input's width, or gives half",
    "inner": "width between the two 1×1 convolutions",
    "stride_first": "whether the first 1×1 convolution has the stride, as in the paper, or the k×k convolution",
    "relu": "whether there are activations at all",
    "fragments": "number of 1×1 convolutions",
    "layout": "convolutions one after the other (series), or side by side and added (parallel)",
    "mode": "largest or mean value of a window",
    "flat": "whether the output is C features instead of C×1×1",
    "dropout": "share of the inputs that training sets to zero",
}
"""Column → what it states."""

for _row in KINDS.values():
    _columns = [f"    {column}: {MEANINGS[column]}; {allowed(_row, column)}." for column in _row.model_fields]
    _row.__doc__ = "\n\n".join([inspect.getdoc(_row) or "", "\n".join(["Columns:", *_columns])])

KIND_OF = {cls: kind for kind, cls in KINDS.items()}

AnyRow = (
    Conv | Separable | InvertedResidual | ShuffleV1 | ShuffleV2 | Bottleneck | Fragments | Pool | GlobalPool | Linear
)
"""The members of KINDS, spelled out for the type checker."""

if not TYPE_CHECKING:  # a type checker knows the names
    __getattr__ = module_attribute("archs.rows", [kind.__name__ for kind in KINDS.values()], OF_ROWS)
