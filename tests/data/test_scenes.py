import hashlib

import numpy as np
import pytest
import torch
from datasets import Dataset, Image, IterableDataset
from torch.utils.data import DataLoader

import mvlm.data
from mvlm.data.questions import KEPT_FOR_TESTING, KINDS, PHRASINGS
from mvlm.data.scene import combination, draw

SPLITS = tuple(mvlm.data.SPLITS)


def fingerprint(scenes: mvlm.data.Scenes) -> str:
    digest = hashlib.sha256()
    for i in range(len(scenes)):
        scene = scenes.scene(i)
        digest.update(repr(scene).encode())
        digest.update(draw(scene).tobytes())
    return digest.hexdigest()


# Bytes recorded on Linux, x86-64, Python 3.11, NumPy 2.4, Pillow 13. Another machine must agree.
CHECKSUMS = {
    ("train", 0): "e16c9c1bfd3c4bdfc0610916ccd797f1ed60db7e526583fa5ec80927b804f33f",
    ("train", 1): "8a5c47766211b977761d51d57929c3182ed7b6cc81fc36e9df2043a76e4e9369",
    ("test", 0): "b25a4e15fe43fa689a0cc061903cf37fdbcaf4232d2908aa0a7fc717cdb707a3",
    ("artist", 0): "3ce1cbfecec00932b0a42cdd0f97c463b62b2054225fcd2494eb8b566c812725",
}


@pytest.mark.parametrize(("split", "seed"), CHECKSUMS)
def test_same_seed_same_bytes(split, seed):
    assert fingerprint(mvlm.data.Scenes(split, 100, seed)) == CHECKSUMS[split, seed]


def test_high_resolution_bytes():
    scenes = mvlm.data.Scenes("train", 30, 0, canvas=mvlm.data.HIGH_RESOLUTION)
    assert fingerprint(scenes) == "e953accf31ed7a90b30e26c390d135fc595dc58ce622cbaf57695a4be7c77ba5"


def test_seeds_and_splits_differ():
    assert len(set(CHECKSUMS.values())) == len(CHECKSUMS)


def collate(items):
    return torch.stack([pixels for pixels, _ in items]), [scene for _, scene in items]


@pytest.mark.parametrize("workers", [0, 1, 3])
def test_any_number_of_workers_gives_the_same_scenes(workers):
    scenes = mvlm.data.Scenes("train", 24)
    loader = DataLoader(scenes, batch_size=8, num_workers=workers, collate_fn=collate)
    pixels, facts = scenes.batch(range(24))
    assert torch.equal(torch.cat([batch for batch, _ in loader]), pixels)
    assert [scene for _, batch in loader for scene in batch] == facts


def test_tensors_rows_and_stream_are_the_same_scenes():
    scenes = mvlm.data.Scenes("validation", 12, seed=5)
    rows = mvlm.data.scenes("validation", 12, seed=5)
    stream = mvlm.data.stream_scenes("validation", 12, seed=5)
    assert isinstance(rows, Dataset)
    assert isinstance(stream, IterableDataset)
    for i, (row, streamed) in enumerate(zip(rows, stream, strict=True)):
        pixels, scene = scenes[i]
        assert np.array_equal(np.asarray(row["image"]), pixels.permute(1, 2, 0))
        assert np.array_equal(np.asarray(streamed["image"]), np.asarray(row["image"]))
        assert row["caption"] == streamed["caption"] == scene.caption
        assert row["questions"] == [question._asdict() for question in scene.questions]


def test_stream_is_the_same_with_workers():
    stream = mvlm.data.stream_scenes(count=40).select_columns(["caption"])
    alone = [row["caption"] for row in stream]
    shared = [row["caption"][0] for row in DataLoader(stream, num_workers=3)]
    assert sorted(alone) == sorted(shared)


def test_later_scenes_do_not_depend_on_count():
    few, many = mvlm.data.Scenes("test", 10), mvlm.data.Scenes("test", 200_000)
    assert few.scene(9) == many.scene(9)
    assert many.scene(199_999).caption


def test_rows_are_as_declared():
    rows = mvlm.data.scenes(count=3)
    assert isinstance(rows.features["image"], Image)
    assert set(rows.features) == {"image", "objects", "caption", "questions"}
    row = rows[0]
    assert (row["image"].size, row["image"].mode) == ((120, 120), "RGB")
    assert set(row["objects"][0]) == {"name", "artist", "box"}
    assert all(set(question) == {"kind", "question", "answer"} for question in row["questions"])


def things_of(split: str, count: int = 1500, **kinds) -> list:
    scenes = mvlm.data.Scenes(split, count, **kinds)
    return [scenes.scene(i).things for i in range(count)]


@pytest.fixture(scope="module")
def drawn() -> dict[str, list]:
    return {split: things_of(split) for split in SPLITS}


def test_splits_share_no_combination_of_objects(drawn):
    combinations = {
        split: {tuple(sorted(thing.name for thing in things)) for things in scenes}
        for split, scenes in drawn.items()
    }
    learnt = combinations["train"] | combinations["vision"]
    for split in ("validation", "test", "artist", "names"):
        assert not learnt & combinations[split], split
    assert not combinations["validation"] & combinations["test"]


def test_combination_ignores_order():
    assert combination(["dog", "cat", "dog"]) == combination(["cat", "dog", "dog"])
    assert combination(["dog", "cat"]) != combination(["dog", "cat", "cat"])


def test_artist_split_is_the_unseen_artist_alone(drawn):
    artists = {
        split: {thing.artist for things in scenes for thing in things}
        for split, scenes in drawn.items()
    }
    assert artists.pop("artist") == {"fluent"}
    assert all(seen == {"noto", "twemoji"} for seen in artists.values())


def test_names_split_is_the_unseen_names_alone(drawn):
    names = {
        split: {thing.name for things in scenes for thing in things}
        for split, scenes in drawn.items()
    }
    seen = {name for name in mvlm.data.everyday_vocabulary() if not mvlm.data.held_out(name)}
    assert names["names"] == set(mvlm.data.everyday_vocabulary()) - seen
    assert names["vision"] == set(mvlm.data.everyday_vocabulary())
    for split in ("train", "validation", "test", "artist"):
        assert names[split] == seen


def test_held_out_names_are_never_said_in_training():
    held_out = {name for name in mvlm.data.everyday_vocabulary() if mvlm.data.held_out(name)}
    scenes = mvlm.data.Scenes("train", 2000)
    for i in range(2000):
        scene = scenes.scene(i)
        said = scene.caption + " ".join(question.question for question in scene.questions)
        assert not held_out & set(said.replace(".", " ").replace("?", " ").split())


def test_kept_phrasings_are_only_in_test_splits():
    def beginnings(phrasings):
        return {phrasing.split("{")[0] for kind in KINDS for phrasing in phrasings[kind]}

    assert all(len(PHRASINGS[kind]) >= 12 and len(KEPT_FOR_TESTING[kind]) >= 3 for kind in KINDS)
    assert not {p for kind in KINDS for p in PHRASINGS[kind]} & {
        p for kind in KINDS for p in KEPT_FOR_TESTING[kind]
    }
    kept = {start for start in beginnings(KEPT_FOR_TESTING) if start} - beginnings(PHRASINGS)
    used = {}
    for split in SPLITS:
        scenes = mvlm.data.Scenes(split, 300)
        asked = [q.question for i in range(300) for q in scenes.scene(i).questions]
        used[split] = sum(any(text.startswith(start) for start in kept) for text in asked)
    assert used["train"] == used["vision"] == used["validation"] == 0
    assert min(used["test"], used["artist"], used["names"]) > 100


def test_boxes_hold_the_drawings():
    """Independent of the drawing code: pixels differ from a scene without things only in boxes."""
    scenes = mvlm.data.Scenes("train", 60)
    for i in range(60):
        scene = scenes.scene(i)
        picture = draw(scene).astype(int)
        bare = draw(type(scene)(**{**vars(scene), "things": ()})).astype(int)
        painted = (picture != bare).any(2)
        inside = np.zeros_like(painted)
        for thing in scene.things:
            x0, y0, x1, y1 = thing.box
            assert 0 <= x0 < x1 <= 120
            assert 0 <= y0 < y1 <= 120
            assert not inside[y0:y1, x0:x1].any()  # boxes do not overlap
            inside[y0:y1, x0:x1] = True
            assert painted[y0:y1, x0:x1].mean() > 0.1
            assert (x0 // 40, (x1 - 1) // 40) == (thing.column, thing.column)
            assert (y0 // 40, (y1 - 1) // 40) == (thing.row, thing.row)
        assert not (painted & ~inside).any()


def test_high_resolution_things_are_small_in_large_pictures():
    rows = mvlm.data.high_resolution("train", 40)
    assert {row["image"].size for row in rows} == {(360, 360), (480, 240), (200, 600)}
    for row in rows:
        width, height = row["image"].size
        for thing in row["objects"]:
            x0, y0, x1, y1 = thing["box"]
            assert 14 <= max(x1 - x0, y1 - y0) <= 24
            assert 0 <= x0 < x1 <= width
            assert 0 <= y0 < y1 <= height


def test_wider_vocabulary():
    names = mvlm.data.full_vocabulary()
    used = {thing.name for things in things_of("train", 400, vocabulary=names) for thing in things}
    assert len(used) > 500


def test_bad_input_says_what_exists():
    with pytest.raises(ValueError, match="unknown split 'dev': choose one of train, vision, valid"):
        mvlm.data.scenes("dev", 1)
    with pytest.raises(ValueError, match=r"no drawing is named 'dgo': .*full_vocabulary"):
        mvlm.data.scenes("train", 1, vocabulary=["dgo"])
    with pytest.raises(ValueError, match="needs 9 to choose from: give a wider vocabulary"):
        mvlm.data.scenes("train", 1, vocabulary=["dog", "cat"])
    with pytest.raises(IndexError, match="scene 5 of 5: count from 0 to 4"):
        mvlm.data.Scenes("train", 5).scene(5)
