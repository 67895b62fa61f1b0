"""Titles for the sources of published figures, which the data files name by repository and path."""

from __future__ import annotations

TITLES = {
    "Tencent/ncnn benchmark/README.md": "ncnn's benchmark table",
    "tensorflow/models research/slim/nets/mobilenet_v1.md": "TensorFlow-Slim's table of MobileNetV1",
    "tensorflow/models research/slim/nets/mobilenet/README.md": "TensorFlow-Slim's tables of MobileNetV2 and V3",
    "tensorflow/tensorflow tensorflow/lite/g3doc/guide/hosted_models.md": ("TensorFlow Lite's table of hosted models"),
    "tensorflow/tpu models/official/mnasnet/README.md": "TensorFlow's table of MnasNet",
    "tensorflow/tpu models/official/efficientnet/lite/README.md": "TensorFlow's table of EfficientNet-Lite",
    "megvii-model/ShuffleNet-Series ShuffleNetV1/README.md": "Megvii's table of ShuffleNetV1",
    "megvii-model/ShuffleNet-Series ShuffleNetV2/README.md": "Megvii's table of ShuffleNetV2",
    "megvii-model/ShuffleNet-Series ShuffleNetV2+/README.md": "Megvii's table of ShuffleNetV2+",
    "huggingface/pytorch-image-models results/results-imagenet.csv": "timm's ImageNet results",
    "THU-MIG/RepViT README.md": "RepViT authors' table",
    "PaddlePaddle/PaddleClas docs/en/models/Mobile_en.md": "PaddleClas's table of mobile networks",
    "torchvision weights meta: copy of torchvision/models/squeezenet.py; accuracies also in pytorch/vision": (
        "torchvision's weights of SqueezeNet"
    ),
    "torchvision weights meta: copies of torchvision/models/efficientnet.py": ("torchvision's weights of EfficientNet"),
    "torchvision weights meta: pytorch/vision torchvision/models/shufflenetv2.py": (
        "torchvision's weights of ShuffleNetV2"
    ),
    "torchvision weights meta: torchvision/models/mobilenetv2.py": "torchvision's weights of MobileNetV2",
    "torchvision weights meta: copy of torchvision/models/mobilenetv3.py weights meta; Large V1 also on pytorch.org "
    "docs": ("torchvision's weights of MobileNetV3"),
    "torchvision weights meta: copy of torchvision/models/resnet.py": "torchvision's weights of ResNet",
}
"""Repository and path, as in `published.csv`, `frontier.csv` and `published_latency.csv` → a title."""


TIMM = "huggingface/pytorch-image-models results/benchmark-"
"""What the names of timm's tables of speeds begin with, one per device and setting."""


def title(source: str) -> str:
    """A source to be read: a paper's table as it is cited, a repository's file by what it is, with its commit.

    >>> title("MobileNetV3 paper arXiv:1905.02244v5 Table 3"), title("Tencent/ncnn benchmark/README.md @a4d2ea1d4422")
    ('MobileNetV3 paper arXiv:1905.02244v5 Table 3', "ncnn's benchmark table, commit a4d2ea1")
    """
    file, _, commit = source.partition(" @")
    known = "timm's benchmark of inference" if file.startswith(TIMM) else TITLES.get(file, file)
    return f"{known}, commit {commit[:7]}" if commit else known
