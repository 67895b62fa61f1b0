"""Image sets: what each source gives, parts without an image in common, and bad input in one line."""

import gzip
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import archs
from archs import ArchError
from explorer.search import image_sets
from explorer.search.image_sets import load


def _keys(part):
    return {image.tobytes() for image in part.images}


def _idx(array):
    return bytes([0, 0, 8, array.ndim]) + b"".join(n.to_bytes(4, "big") for n in array.shape) + array.tobytes()


def _written(folder: Path, train=60, test=10):
    rng = np.random.default_rng(0)
    for part, count in (("train", train), ("t10k", test)):
        images, labels = rng.integers(0, 256, (count, 12, 12)).astype(np.uint8), np.arange(count, dtype=np.uint8) % 3
        (folder / f"{part}-images-idx3-ubyte.gz").write_bytes(gzip.compress(_idx(images)))
        (folder / f"{part}-labels-idx1-ubyte").write_bytes(_idx(labels))
    return folder


def _pictures(folder: Path, classes=("cat", "dog")):
    for number, name in enumerate(classes):
        (folder / name).mkdir()
        for place in range(20):
            image = np.random.default_rng((number, place)).integers(0, 256, (9, 14, 3)).astype(np.uint8)
            Image.fromarray(image).save(folder / name / f"{place}.png")
    return folder


def test_drawn_shapes_need_nothing_and_are_those_of_their_seed():
    one, other = load("shapes", 16, seed=3), load("shapes", 16, seed=3)
    assert np.array_equal(one.train.images, other.train.images)
    assert not np.array_equal(one.train.images[:9], load("shapes", 16, seed=4).train.images[:9])
    assert one.train.images.shape[1:] == (1, 16, 16)
    assert [len(part) for part in (one.train, one.validation, one.test)] == [2160, 240, 600]
    assert set(one.train.labels) == set(range(len(one.classes)))


def test_parts_have_no_image_in_common(tmp_path):
    np.savez(
        tmp_path / "own.npz",
        **dict(
            zip(
                ("x_train", "y_train"),
                (np.random.default_rng(1).integers(0, 256, (50, 8, 8, 3)).astype(np.uint8), np.arange(50) % 2),
            )
        ),
    )
    for found in (load("shapes", 16), load(str(_written(tmp_path))), load(str(tmp_path / "own.npz"))):
        parts = [_keys(part) for part in (found.train, found.validation, found.test)]
        assert all(parts)
        assert sum(map(len, parts)) == len(set().union(*parts))


def test_class_folders_are_read_and_resized(tmp_path):
    found = load(str(_pictures(tmp_path)), side=16)
    assert found.classes == ("cat", "dog")
    assert found.train.images.shape[1:] == (3, 16, 16)


def test_a_table_takes_the_sets_images():
    spec = load("shapes", 24).fitted(archs.spec("mobilenet_v3_small"))
    assert (spec.input_shape, spec.rows[-1].channels) == (archs.Shape(1, 24, 24), 8)


def test_damaged_files_are_images_or_refused_in_one_line(tmp_path):
    """Bytes of each kind of file changed or cut away, by seed."""
    rng = np.random.default_rng(7)
    image = Image.fromarray(rng.integers(0, 256, (12, 12, 3)).astype(np.uint8))
    np.savez_compressed(tmp_path / "own.npz", x_train=np.zeros((40, 8, 8), np.uint8), y_train=np.arange(40) % 2)
    idx, pictures = tmp_path / "idx", _pictures(tmp_path)
    idx.mkdir()
    _written(idx)
    for suffix in ("png", "jpg", "webp", "bmp"):
        image.save(tmp_path / "cat" / f"damaged.{suffix}")
    (tmp_path / "0").mkdir()
    refusals = []
    for path, source in (
        *((path, pictures) for path in sorted((tmp_path / "cat").glob("damaged.*"))),
        (tmp_path / "own.npz", tmp_path / "own.npz"),
        (idx / "train-images-idx3-ubyte.gz", idx),
    ):
        whole = path.read_bytes()
        for _ in range(25):
            content = bytearray(whole[: rng.integers(4, len(whole))] if rng.random() < 0.3 else whole)
            for place in rng.integers(0, len(content), 4):
                content[place] = rng.integers(256)
            path.write_bytes(content)
            try:
                load(str(source), side=16)
            except ArchError as error:
                refusals.append(str(error))
        path.write_bytes(whole)
    assert len(refusals) > 30
    assert all(len(message.splitlines()) == 1 for message in refusals)


def test_bad_sources_are_refused_in_one_line(tmp_path, monkeypatch):
    monkeypatch.setattr(image_sets, "FASHION_MNIST", tmp_path / "none")
    one, broken, cut, npz = (tmp_path / name for name in ("one", "broken", "cut", "bad.npz"))
    for folder in (one, broken, cut):
        folder.mkdir()
    _pictures(one, ["cat"])
    _pictures(broken)
    (broken / "dog" / "7.png").write_bytes(b"no image")
    _written(cut)
    labels = cut / "train-labels-idx1-ubyte"
    labels.write_bytes(labels.read_bytes()[:-1])
    npz.write_bytes(b"PK nothing")
    np.savez(tmp_path / "floats.npz", x_train=np.zeros((30, 8, 8)), y_train=np.arange(30))
    np.savez(tmp_path / "pickled.npz", x_train=np.array([{}] * 30), y_train=np.arange(30))
    np.savez(tmp_path / "same.npz", x_train=np.zeros((30, 8, 8), np.uint8), y_train=np.zeros(30, int))
    for source, message in (
        ("fashion-mnist", "dataset-fashion-mnist"),
        (str(tmp_path / "nowhere"), "allowed: shapes"),
        (str(tmp_path), "0 class folders"),
        (str(one), "1 class folders"),
        (str(broken), "7.png is no image"),
        (str(cut), "cut short"),
        (str(npz), "is no .npz"),
        (str(tmp_path / "floats.npz"), "float64"),
        (str(tmp_path / "pickled.npz"), "is no .npz"),
        (str(tmp_path / "same.npz"), "1 class; allowed"),
    ):
        with pytest.raises(ArchError, match=message) as caught:
            load(source)
        assert len(str(caught.value).splitlines()) == 1
    with pytest.raises(ArchError, match="allowed: 8 to 512"):
        load("shapes", 4)
