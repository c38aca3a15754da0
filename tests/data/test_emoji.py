import hashlib
import json
import subprocess
import sys
from importlib.resources import files

import numpy as np
import pyarrow as pa
import pytest
from datasets import ClassLabel, Image

import mvlm.data
from mvlm.data.emojis import ARTISTS, MORE_ARTISTS, drawings, emoji_table, words

PARQUET = files("mvlm.data") / "emoji.parquet"
CARD = (files("mvlm.data") / "CARD.md").read_text(encoding="utf-8")


@pytest.mark.parametrize(("name", "most"), [("emoji", 8_000_000), ("more_emoji", 5_500_000)])
def test_parquet_is_small_and_has_the_recorded_checksum(name, most):
    content = (files("mvlm.data") / f"{name}.parquet").read_bytes()
    recorded = (files("mvlm.data") / f"{name}.sha256").read_text().strip()
    assert hashlib.sha256(content).hexdigest() == recorded
    assert recorded[:12] in CARD
    assert len(content) <= most


def test_truncated_parquet_names_the_mend(tmp_path):
    broken = tmp_path / "emoji.parquet"
    broken.write_bytes(PARQUET.read_bytes()[:-1000])
    (tmp_path / "emoji.sha256").write_text((files("mvlm.data") / "emoji.sha256").read_text())
    with pytest.raises(ValueError, match=r"emoji\.parquet .* checksum .* --force-reinstall"):
        emoji_table(broken)


def test_rows_are_as_declared():
    rows = mvlm.data.emoji()
    assert isinstance(rows.features["image"], Image)
    assert isinstance(rows.features["group"], ClassLabel)
    assert rows.features["artist"].names == ["noto", "twemoji", "fluent"]
    row = rows[0]
    assert (row["image"].size, row["image"].mode) == ((40, 40), "RGB")
    assert row["keywords"]
    assert all(isinstance(word, str) for word in row["keywords"])


def test_every_name_is_drawn_by_every_artist():
    rows = mvlm.data.emoji()
    names = [set(mvlm.data.emoji(artists=artist)["name"]) for artist in mvlm.data.ARTISTS]
    assert names[0] == names[1] == names[2]
    assert len(names[0]) > 1000
    assert len(rows) == 3 * len(names[0])


def test_names_are_unicodes_own():
    character_to_name = dict(
        zip(emoji_table()["emoji"].to_pylist(), emoji_table()["name"].to_pylist(), strict=True)
    )
    # From the Unicode charts, by hand.
    for character, name in {
        "🐙": "octopus",
        "🍌": "banana",
        "🚲": "bicycle",
        "😀": "grinning face",
    }.items():
        assert character_to_name[character] == name


def test_no_symbols_flags_or_clock_faces():
    rows = emoji_table().to_pylist()
    assert not {"Symbols", "Flags", "Component"} & {row["group"] for row in rows}
    assert not [row["name"] for row in rows if "o’clock" in row["name"]]
    assert {len(row["emoji"]) for row in rows} == {1}


def test_name_splits_share_no_name():
    train, test = (set(mvlm.data.emoji(split=split)["name"]) for split in ("train", "test"))
    assert not train & test
    assert train | test == set(mvlm.data.emoji()["name"])
    assert 0.05 < len(test) / len(train | test) < 0.15


def test_artist_split_shares_no_drawing():
    pixels = [
        {drawing.tobytes() for artist in artists for drawing in drawings(artist).values()}
        for artists in (("noto", "twemoji"), ("fluent",))
    ]
    assert not pixels[0] & pixels[1]


def test_everyday_vocabulary():
    names = mvlm.data.everyday_vocabulary()
    assert len(names) == 100
    assert all(name.isalpha() and name.islower() for name in names)
    assert 8 <= sum(map(mvlm.data.held_out, names)) <= 12
    assert set(names) <= set(mvlm.data.full_vocabulary())
    assert len(set(words().values())) == len(words())  # no two names share a drawing


def test_drawings_fill_their_square_at_16_pixels_too():
    for artist in mvlm.data.ARTISTS:
        for drawing in drawings(artist).values():
            painted = drawing[:, :, 3] > 24
            assert drawing.shape == (40, 40, 4)
            assert max(np.ptp(np.nonzero(painted.any(axis))[0]) for axis in (0, 1)) >= 36


@pytest.mark.parametrize("artist", MORE_ARTISTS)
def test_further_artists_draw_emoji_of_the_first_file(artist):
    mine = drawings(artist)
    assert set(mine) <= set(drawings("noto"))
    assert f"| {len(mine):,} |" in next(line for line in CARD.splitlines() if f"`{artist}`" in line)
    for drawing in mine.values():
        assert (drawing.shape, drawing.dtype) == ((40, 40, 4), np.uint8)
        painted = drawing[:, :, 3] > 24
        assert max(np.ptp(np.nonzero(painted.any(axis))[0]) for axis in (0, 1)) >= 36


def on_white(drawing):
    alpha = drawing[:, :, 3:] / 255
    return drawing[:, :, :3] * alpha + 255 * (1 - alpha)


@pytest.mark.parametrize("artist", MORE_ARTISTS)
def test_further_artists_are_not_fluent_in_disguise(artist):
    """The hands differ: no drawing is as near to Fluent's as a copy would be (0 to 5 of 255)."""
    mine, fluent = drawings(artist), drawings("fluent")
    apart = [np.abs(on_white(mine[e]) - on_white(fluent[e])).mean() for e in mine]
    assert min(apart) > 6


def test_further_artists_stay_out_of_the_emoji_rows_and_the_scenes():
    assert not set(MORE_ARTISTS) & set(ARTISTS)
    assert mvlm.data.emoji().unique("artist") == [0, 1, 2]
    with pytest.raises(ValueError, match="unknown artist 'openmoji': choose one of noto, twemoji"):
        mvlm.data.emoji(artists="openmoji")


def test_unknown_artist_or_split_lists_what_exists():
    with pytest.raises(
        ValueError, match="unknown artist 'apple': choose one of noto, twemoji, fluent"
    ):
        mvlm.data.emoji(artists=("noto", "apple"))
    with pytest.raises(ValueError, match="unknown split 'dev': choose one of all, train, test"):
        mvlm.data.emoji(split="dev")


def test_importing_data_is_light_and_writes_nothing(tmp_path):
    """`import mvlm.data` loads no datasets; drawing leaves no data in the cache or the folder."""
    script = (
        "import sys, mvlm.data\n"
        "assert 'datasets' not in sys.modules\n"
        "mvlm.data.emoji(artists='noto'); mvlm.data.scenes(count=5)\n"
        "print(next(iter(mvlm.data.stream_scenes(count=5)))['caption'] != '')\n"
    )
    environment = {"HF_HOME": str(tmp_path / "hf"), "HF_HUB_OFFLINE": "1", "PATH": ""}
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
    )
    assert done.stdout.strip() == "True", done.stderr
    # `datasets` leaves an empty lock beside where a generator's rows could have been kept.
    assert not [path for path in tmp_path.rglob("*") if path.is_file() and path.stat().st_size]


def test_unknown_attribute_lists_what_the_module_has():
    with pytest.raises(AttributeError, match=r"mvlm\.data has no 'cifar'; it has .*scenes"):
        mvlm.data.cifar  # noqa: B018


def test_baselines_file_is_valid():
    assert json.loads((files("mvlm.data") / "baselines.json").read_text()) == (
        mvlm.data.blind_baselines()
    )


def test_table_is_arrow():
    assert isinstance(emoji_table(), pa.Table)
