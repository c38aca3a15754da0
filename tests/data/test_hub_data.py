import json

import datasets
import numpy as np
import pytest
from datasets import ClassLabel, Dataset, Features, Image, Value
from PIL import Image as PILImage

from mvlm.data import hub_images, hub_pairs


def picture(shade: int) -> PILImage.Image:
    return PILImage.new("RGB", (32, 24), (shade, shade, 0))


@pytest.fixture
def folder(tmp_path):
    """A data set as `save_to_disk` leaves it: with labels and with captions."""
    rows = {
        "img": [picture(shade) for shade in (0, 100, 200)],
        "image": [picture(shade) for shade in (0, 100, 200)],
        "caption": ["black", "grey", "yellow"],
        "label": [0, 1, 1],
        "size": [3, 4, 5],
    }
    features = Features(
        {
            "img": Image(),
            "image": Image(),
            "caption": Value("string"),
            "label": ClassLabel(names=["dark", "light"]),
            "size": Value("int64"),
        }
    )
    path = tmp_path / "set"
    Dataset.from_dict(rows, features).save_to_disk(str(path))
    return str(path)


def test_pairs_from_a_folder(folder):
    pairs = hub_pairs(folder, image_column="img")
    assert list(pairs.features) == ["image", "caption"]
    rows = list(pairs)
    assert [row["caption"] for row in rows] == ["black", "grey", "yellow"]
    assert [np.asarray(row["image"])[0, 0, 0] for row in rows] == [0, 100, 200]


def test_images_from_a_folder(folder):
    images = hub_images(folder, count=2)
    assert images.features["label"].names == ["dark", "light"]
    assert [row["label"] for row in images] == [0, 1]


def test_image_folder_with_captions(tmp_path):
    (tmp_path / "train").mkdir()
    for shade in (0, 100):
        picture(shade).save(tmp_path / "train" / f"{shade}.png")
    (tmp_path / "train" / "metadata.jsonl").write_text(
        '{"file_name": "0.png", "caption": "black"}\n{"file_name": "100.png", "caption": "grey"}\n'
    )
    assert [row["caption"] for row in hub_pairs(str(tmp_path))] == ["black", "grey"]
    with pytest.raises(ValueError, match="unknown split 'test': choose one of train"):
        hub_pairs(str(tmp_path), "test")


def test_splits_of_a_folder(tmp_path, folder):
    parts = datasets.load_from_disk(folder)
    splits = datasets.DatasetDict({"train": parts, "test": parts.select([2])})
    splits.save_to_disk(str(tmp_path / "two"))
    assert [row["caption"] for row in hub_pairs(str(tmp_path / "two"), "test")] == ["yellow"]


def test_wrong_columns_are_named(folder):
    with pytest.raises(
        ValueError, match=r"no column 'photo': pass image_column=, one of img, image"
    ):
        hub_pairs(folder, image_column="photo")
    with pytest.raises(
        ValueError, match=r"column 'size' .*int64.*, not the text that .* text_column="
    ):
        hub_pairs(folder, text_column="size")
    with pytest.raises(
        ValueError, match=r"column 'caption' .*, not the class label that .* label_column="
    ):
        hub_images(folder, label_column="caption")


def test_unknown_names_list_what_exists():
    with pytest.raises(ValueError, match=r"unknown data set 'imagenet': choose one of cifar10, "):
        hub_images("imagenet")
    with pytest.raises(ValueError, match=r"unknown data set 'mnist': choose one of coco, flickr8k"):
        hub_pairs("mnist")


@pytest.mark.parametrize(
    ("read", "name"), [(hub_pairs, "flickr8k"), (hub_pairs, "coco"), (hub_images, "cifar10")]
)
def test_unreachable_hub_names_the_offline_choice(read, name, monkeypatch):
    def offline(*arguments, **keywords):
        raise OSError("no network")

    monkeypatch.setattr("mvlm.data.hub_data.HfApi.dataset_info", offline)
    with pytest.raises(
        ConnectionError, match=r"cannot be reached .*mvlm\.data\.scenes\(\) or a loc"
    ):
        read(name)


# ------------------------------------------------------------------------- rows that are broken


@pytest.fixture
def pairs_with(tmp_path):
    """A folder of six pictures, some of them replaced by other bytes."""

    def write(broken: dict[int, bytes]) -> str:
        (tmp_path / "train").mkdir()
        lines = []
        for i in range(6):
            path = tmp_path / "train" / f"{i}.png"
            picture(i * 40).save(path)
            path.write_bytes(broken.get(i, path.read_bytes()))
            lines.append(json.dumps({"file_name": path.name, "caption": f"shade {i}"}))
        (tmp_path / "train" / "metadata.jsonl").write_text("\n".join(lines))
        return str(tmp_path)

    return write


@pytest.mark.parametrize("junk", [b"", b"<html>", b"\x89PNG\r\n\x1a\nrubbish"])
@pytest.mark.parametrize("count", [None, 3])
def test_broken_pictures_are_left_out_by_name(pairs_with, junk, count):
    with pytest.warns(
        UserWarning, match=r"row 1 is left out: its image, 1.png, is damaged"
    ) as said:
        rows = list(hub_pairs(pairs_with({1: junk, 4: junk}), count=count))
    assert [row["caption"] for row in rows] == [f"shade {i}" for i in (0, 2, 3, 5)][:count]
    assert len(said) == (2 if count is None else 1)


def test_many_broken_pictures_are_counted(pairs_with):
    with (
        pytest.warns(UserWarning, match="is left out") as said,
        pytest.raises(ValueError, match="none of 6 rows is whole"),
    ):
        list(hub_pairs(pairs_with(dict.fromkeys(range(6), b"x"))))
    assert sum("is left out" in str(warning.message) for warning in said) == 5


@pytest.mark.parametrize("column", ["image", "caption"])
def test_a_row_that_lacks_something_is_left_out(tmp_path, column):
    rows = {"image": [picture(i) for i in (0, 9, 90)], "caption": ["a", "b", "c"]}
    rows[column][1] = None
    features = Features({"image": Image(), "caption": Value("string")})
    Dataset.from_dict(rows, features).save_to_disk(str(tmp_path / "set"))
    with pytest.warns(UserWarning, match=f"row 1 is left out: its {column} is missing"):
        assert [row["caption"] for row in hub_pairs(str(tmp_path / "set"))] == ["a", "c"]


def test_an_image_without_its_class_is_left_out(tmp_path):
    features = Features({"image": Image(), "label": ClassLabel(names=["x", "y"])})
    rows = {"image": [picture(0), picture(9)], "label": [None, 1]}
    Dataset.from_dict(rows, features).save_to_disk(str(tmp_path / "set"))
    with pytest.warns(UserWarning, match="row 0 is left out: its label is missing"):
        assert [row["label"] for row in hub_images(str(tmp_path / "set"))] == [1]


def test_an_empty_folder_says_what_belongs_there(tmp_path):
    with pytest.raises(ValueError, match="is empty: pass a folder of save_to_disk, or one that"):
        hub_pairs(str(tmp_path))
    (tmp_path / "notes.txt").write_text("hello")
    with pytest.raises(ValueError, match=r"pass a folder of save_to_disk, or one|column"):
        hub_pairs(str(tmp_path))


def test_a_folder_in_the_home_folder(folder, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    assert len(list(hub_pairs("~/set"))) == 3
