"""Chapter 00's figure of the splits follows `SPLITS`."""

import matplotlib.pyplot as plt

from mvlm.data.scene import SPLITS
from mvlm.show.splits import draw_splits, pieces, splits_in_words


def used(split, panel):
    return sum(piece.length for piece in pieces(SPLITS[split])[panel] if piece.used)


def test_lengths_are_the_splits_own():
    assert [used("train", panel) for panel in pieces(SPLITS["train"])] == [90, 2, 80, 12]
    assert used("vision", "names") == 100
    assert used("names", "names") == 10
    assert used("artist", "artists") == 1
    for name, split in SPLITS.items():
        assert used(name, "combinations") == len(split.combinations)
        assert used(name, "wordings") == (16 if split.kept_phrasings else 12)


def test_nothing_of_train_is_new_to_it():
    assert all(
        piece.trained == piece.used for row in pieces(SPLITS["train"]).values() for piece in row
    )


def test_figure_and_words_name_every_split():
    drawn = draw_splits()
    labels = [text.get_text() for text in drawn.axes[0].get_yticklabels()]
    assert labels == list(SPLITS)
    assert all(f"{name}: " in splits_in_words() for name in SPLITS)
    plt.close(drawn)
