"""Labelled images with train, validation and test parts apart: IDX and NPZ files, folders of classes, drawn shapes.

The validation part is cut from the training images, so that a search never sees the test part. No training here.
"""

from __future__ import annotations

import gzip
import struct
import zipfile
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from archs import ArchError, Spec
from archs.errors import shorten

FASHION_MNIST = Path("/usr/share/datasets/fashion-mnist")
"""Where Debian's package `dataset-fashion-mnist` (MIT licence) puts its files."""
SHAPES = "shapes"
VALIDATION, TEST = 0.1, 0.2
"""Shares of the training images, and of all images where the source has no test part."""
SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".webp")
DAMAGED = (OSError, ValueError, SyntaxError, EOFError, struct.error, zlib.error, Image.DecompressionBombError)
"""What Pillow raises for a damaged file; its UnidentifiedImageError is an OSError."""
MAX_PIXELS = 2**30
IDX = {"train": "train", "test": "t10k"}

Images = NDArray[np.uint8]
"""Images × channels × height × width."""
Labels = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class ImagePart:
    """Images and their classes' numbers."""

    images: Images
    labels: Labels

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def checksum(self) -> int:
        """Of pixels and labels: other images are another training."""
        return zlib.crc32(self.labels.tobytes(), zlib.crc32(np.ascontiguousarray(self.images).data))


@dataclass(frozen=True, eq=False)
class ImageSet:
    """Three parts without an image in common."""

    name: str
    classes: tuple[str, ...]
    train: ImagePart
    validation: ImagePart
    test: ImagePart

    def fitted(self, spec: Spec) -> Spec:
        """A table with this set's channels, image size and classes."""
        _, channels, height, width = self.train.images.shape
        return spec.edit(input_channels=channels, resolution=(height, width)).set_classes(len(self.classes))


def load(source: str, side: int = 32, seed: int = 0) -> ImageSet:
    """The images of "shapes", "fashion-mnist", a folder of IDX files or of class folders, or an .npz file.

    `side`: what images of class folders are resized to, and the size of drawn shapes. An .npz has arrays `x_train`,
    `y_train` and, if it likes, `x_test`, `y_test`, images as N×H×W or N×H×W×C of bytes. Raises ArchError in one line.
    """
    if not 8 <= side <= 512:
        raise ArchError(f"images of {side} pixels; allowed: 8 to 512")
    if source == SHAPES:
        return _parted(SHAPES, *shapes(side, 3000, seed), None, seed, SHAPE_NAMES)
    path = FASHION_MNIST if source == "fashion-mnist" else Path(source)
    if source == "fashion-mnist" and not path.is_dir():
        raise ArchError(f"{path} is not there; install Debian's package dataset-fashion-mnist, or take {SHAPES}")
    try:
        if path.suffix == ".npz":
            return _npz(path, seed)
        if not path.is_dir():
            raise ArchError(f"{shorten(source)} holds no images; allowed: {SHAPES}, fashion-mnist, a folder, an .npz")
        if any(path.glob("train-images*")):
            train, test = (_idx_part(path, IDX[part]) for part in ("train", "test"))
            return _parted(path.name, *train, test, seed)
        return _folders(path, side, seed)
    except OSError as error:
        raise ArchError(f"{error.filename or path}: cannot be read ({error.strerror or error})") from None


def _parted(
    name: str,
    images: Images,
    labels: Labels,
    test: tuple[Images, Labels] | None,
    seed: int,
    classes: Iterable[str] = (),
) -> ImageSet:
    """The parts, drawn by the seed. Raises ArchError for one class or too few images."""
    known = np.unique(labels)
    if len(known) < 2:
        raise ArchError(f"{name} has {len(known)} class; allowed: at least 2")
    if test is not None and (images.shape[1:] != test[0].shape[1:] or not set(test[1]) <= set(known)):
        raise ArchError(f"{name}: the test images have another size or other classes than those to train on")
    order = np.random.default_rng(seed).permutation(len(labels))
    cut = 0
    if test is None:
        cut = round(TEST * len(labels))
        test = images[order[:cut]], labels[order[:cut]]
    end = cut + round(VALIDATION * (len(labels) - cut))
    if not cut < end < len(labels) or not len(test[1]):
        raise ArchError(f"{name} has {len(labels)} images; allowed: at least 20")
    names = tuple(classes) or tuple(map(str, known))
    train, validation = (ImagePart(images[o], np.searchsorted(known, labels[o])) for o in (order[end:], order[cut:end]))
    return ImageSet(name, names, train, validation, ImagePart(test[0], np.searchsorted(known, test[1])))


def _checked(name: str, images: np.ndarray, labels: np.ndarray) -> tuple[Images, Labels]:
    if images.ndim == 3:
        images = images[..., None]
    if images.dtype != np.uint8 or images.ndim != 4 or images.shape[-1] not in (1, 3) or not images.size:
        raise ArchError(
            f"{name} is {images.dtype} {images.shape}; allowed: bytes, N×H×W or N×H×W×C with 1 or 3 channels"
        )
    if labels.shape != images.shape[:1] or labels.dtype.kind not in "iu":
        raise ArchError(
            f"{name} has {len(images)} images and labels of shape {labels.shape}; allowed: one integer each"
        )
    return np.ascontiguousarray(images.transpose(0, 3, 1, 2)), labels.astype(np.int64)


def _npz(path: Path, seed: int) -> ImageSet:
    try:
        with path.open("rb") as stream, np.load(stream, allow_pickle=False) as file:
            missing = {"x_train", "y_train"} - set(file)
            if missing:
                raise ArchError(
                    f"{path} has arrays {', '.join(file) or 'none'}; allowed: x_train, y_train, x_test, y_test"
                )
            train = _checked("x_train", file["x_train"], file["y_train"].reshape(-1))
            test = _checked("x_test", file["x_test"], file["y_test"].reshape(-1)) if "x_test" in file else None
    except (ValueError, KeyError, EOFError, NotImplementedError, zlib.error, zipfile.BadZipFile) as error:
        raise ArchError(f"{path} is no .npz of images and labels ({shorten(str(error))})") from None
    return _parted(path.stem, *train, test, seed)


def _idx_part(folder: Path, part: str) -> tuple[Images, Labels]:
    images, labels = (_idx(folder, f"{part}-{word}") for word in ("images-idx3-ubyte", "labels-idx1-ubyte"))
    return _checked(f"{folder.name} {part}", images, labels)


def _idx(folder: Path, name: str) -> np.ndarray:
    """An array of an IDX file, compressed or not: magic 0 0 8 and the number of axes, the sizes, the bytes."""
    path = next((p for p in (folder / f"{name}.gz", folder / name) if p.exists()), None)
    if path is None:
        raise ArchError(f"{folder} has no {name} or {name}.gz")
    try:
        content = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    except (EOFError, gzip.BadGzipFile, zlib.error, ValueError) as error:
        raise ArchError(f"{path} is damaged ({error})") from None
    axes = content[3] if len(content) > 3 else 0
    sizes = [int.from_bytes(content[4 + 4 * i : 8 + 4 * i], "big") for i in range(axes)]
    if content[:3] != b"\0\0\x08" or axes not in (1, 3) or len(content) != 4 + 4 * axes + int(np.prod(sizes)):
        raise ArchError(f"{path} is no IDX file of bytes, or is cut short")
    return np.frombuffer(content, np.uint8, offset=4 + 4 * axes).reshape(sizes)


def _folders(path: Path, side: int, seed: int) -> ImageSet:
    """A folder per class. Images are converted to RGB and resized."""
    classes = sorted(child for child in path.iterdir() if child.is_dir())
    found = [
        (file, n) for n, c in enumerate(classes) for file in sorted(c.iterdir()) if file.suffix.lower() in SUFFIXES
    ]
    if len(found) * side * side * 3 > MAX_PIXELS:
        raise ArchError(
            f"{path} has {len(found):,} images of {side} pixels; allowed: up to {MAX_PIXELS:,} bytes in all"
        )
    if len({label for _, label in found}) < 2:
        raise ArchError(f"{path} has images in {len({label for _, label in found})} class folders; allowed: at least 2")
    images = np.empty((len(found), side, side, 3), np.uint8)
    for number, (file, _) in enumerate(found):
        try:
            with Image.open(file) as image:
                images[number] = np.asarray(image.convert("RGB").resize((side, side), Image.Resampling.BILINEAR))
        except DAMAGED as error:
            raise ArchError(
                f"{file} is no image that can be read ({shorten(str(error))}); remove or replace it"
            ) from None
    used = sorted({label for _, label in found})
    labels = np.array([label for _, label in found])
    return _parted(path.name, *_checked(path.name, images, labels), None, seed, [classes[n].name for n in used])


SHAPE_NAMES = ("disc", "ring", "square", "frame", "triangle", "cross", "saltire", "stripes")


def shapes(side: int, count: int, seed: int) -> tuple[Images, Labels]:
    """Drawn grey images of eight shapes: random place, size, turn, brightness and noise. Equal seeds, equal images."""
    rng = np.random.default_rng(seed)
    labels = np.arange(count) % len(SHAPE_NAMES)
    ys, xs = np.mgrid[0:side, 0:side] / side - 0.5
    images = np.empty((count, 1, side, side), np.uint8)
    for number, label in enumerate(labels):
        radius, turn = rng.uniform(0.18, 0.36), rng.uniform(-0.35, 0.35)
        dx, dy = rng.uniform(-0.14, 0.14, 2)
        u = ((xs - dx) * np.cos(turn) + (ys - dy) * np.sin(turn)) / radius
        v = ((ys - dy) * np.cos(turn) - (xs - dx) * np.sin(turn)) / radius
        inside = _inside(SHAPE_NAMES[label], u, v)
        low, high = rng.uniform(0, 90), rng.uniform(130, 255)
        grey = np.where(inside, high, low) + rng.normal(0, 35, (side, side))
        images[number, 0] = np.clip(255 - grey if rng.random() < 0.5 else grey, 0, 255)
    return images, labels


def _inside(shape: str, u: np.ndarray, v: np.ndarray) -> np.ndarray:
    """Where a shape of size 1 around the origin is."""
    far, near = np.maximum(abs(u), abs(v)), np.minimum(abs(u), abs(v))
    round_ = np.hypot(u, v)
    return {
        "disc": round_ < 1,
        "ring": (round_ < 1) & (round_ > 0.6),
        "square": far < 0.9,
        "frame": (far < 0.9) & (far > 0.55),
        "triangle": (v < 0.8) & (v > 2 * abs(u) - 0.9),
        "cross": (far < 1) & (near < 0.28),
        "saltire": (far < 0.9) & (abs(abs(u) - abs(v)) < 0.35),
        "stripes": (far < 0.9) & (np.floor((v + 1) * 3) % 2 == 0),
    }[shape]
