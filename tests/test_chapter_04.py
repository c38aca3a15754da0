"""What chapter 04 says in words must be what its stored outputs say in numbers."""

import re
from pathlib import Path

import nbformat

CELLS = nbformat.read(
    Path(__file__).parents[1] / "notebooks/04_inside_vit.ipynb", as_version=4
).cells
NUMBER = re.compile(r"(?<![\w.])[+-]?\d[\d,]*(?:\.\d+)?(?![\w.])")


def printed(source: str) -> str:
    """What the one cell that holds this code prints."""
    (cell,) = [cell for cell in CELLS if cell.cell_type == "code" and source in cell.source]
    return "".join(output.text for output in cell.outputs if output.output_type == "stream")


def row(text: str, name: str) -> list[float]:
    """The numbers of the line that begins with this name, percent as they stand."""
    (line,) = [line for line in text.splitlines() if line.strip().startswith(name)]
    rest = line.strip().removeprefix(name)
    return [float(number.replace(",", "")) for number in NUMBER.findall(rest)]


def test_filters_are_smooth_and_their_space_is_that_of_patches():
    text = printed("neighbour_correlation(")
    trained, untrained, shuffled = (row(text, n) for n in ("trained", "untrained", "shuffled"))
    assert min(trained[:2]) > 0.5 > 0.3 > trained[2]
    assert max(map(abs, untrained[:3] + shuffled[:3])) < 0.1
    text = printed("def overlap(")
    assert row(text, "first 28")[0] > 50 > row(text, "first  5")[2] > row(text, "first  5")[0]


def test_positions_hang_on_distance():
    text = printed("share_explained(")
    trained, untrained, shuffled = (row(text, n) for n in ("Trained", "Untrained", "Shuffled"))
    assert trained[1] > 80 > 20 > trained[0]
    assert max(untrained[1], shuffled[1]) < 10


def test_rollout_beats_chance_and_not_the_lucky_twins():
    text = printed("def spread(")
    uneven = [row(text, f"twin {seed}")[0] for seed in range(5)]
    assert min(uneven) < row(text, "trained")[0] < max(uneven)
    text = printed("area = {")
    rollout = row(text, "rollout")[0]
    assert row(text, "random")[0] > rollout + 0.05
    assert all(abs(row(text, f"twin {seed}")[0] - rollout) < 0.02 for seed in (2, 3, 4))
    assert row(text, "ink, no model")[0] < rollout
    text = printed("ranks(ink)")
    gap, error = row(text, "rollout")[1:]
    assert gap < -2 * error
    others = ("random", "next picture's", *(f"twin {seed}" for seed in range(5)))
    assert all(row(text, name)[1] > -row(text, name)[2] for name in others)
    text = printed("for residual in (0.0, 0.5")
    none, once, twice = (row(text, count) for count in ("0.0", "1.0", "2.0"))
    assert none[4] < 0 < none[2]
    assert once[2] > 0 > twice[2]


def test_black_hurts_where_nothing_is_hidden():
    everywhere, empty = row(printed("by_fill ="), "black")
    assert empty > 0.8 * everywhere


def test_heads_of_layer_3_look_one_step():
    text = printed("head by head, layer 3")
    assert row(text, "trained")[2] < 10
    assert row(text, "untrained")[6] < 1 > row(text, "shuffled")[6]
    assert max(row(text, "head by head, layer 3:")) < 10
    text = printed("def to_neighbours(")
    percent = {
        head: [int(n) for n in re.findall(r"(\d+)%", line)]
        for head, line in re.findall(r"(head 3.\d)(.*)", text)
    }
    assert percent["head 3.2"][1] > 75
    assert sum(percent["head 3.3"][3:]) > 90
    assert 45 < percent["head 3.1"][2] < 60
    assert 25 < percent["head 3.4"][2] < 40
    edge, inside, bottom, above = map(int, re.findall(r"(\d+)%", printed("looks.diagonal(")))
    assert edge > 60
    assert inside < 5
    assert 50 > bottom > 2 * above
    patches = printed("falls_in_words(")
    assert row(patches, "mean look")[0] < 0.01
    assert row(patches, "same steps")[0] < 0.03
    assert row(patches, "even look")[0] > 0.08


def test_outliers_lie_in_empty_corners():
    text = printed("planted[:, 7]")
    count, in_corners, longest, to_class, to_empty, head = row(text, "trained")
    assert (count, in_corners, head) == (13, 13, 1.2)
    assert longest < 2
    twins = [row(text, f"twin {seed}") for seed in range(5)]
    assert max(twin[3] for twin in twins) < to_class < 15
    assert to_empty > 12
    assert max(twin[4] for twin in twins) < 5.5


def test_the_fault_of_keepdim_changes_shares_and_not_the_order():
    text = printed("def pruned_rollout(")
    share, difference = NUMBER.findall(text.splitlines()[0])
    assert 0.3 < float(difference) / float(share) < 0.5
    assert row(text, "rank correlation of the two maps")[0] > 0.95


def test_hybrids_win_and_ours_is_ahead_of_them():
    text = printed("print_row(")
    lines = {name: [] for name in ("ViT", "CNN", "hybrid", "ours")}
    for line in text.splitlines()[1:]:
        if (name := line.split()[0]) in lines:
            lines[name].append([float(n.replace(",", "")) for n in re.findall(r"[\d,]+", line)])
    for vit, cnn, hybrid in list(zip(lines["ViT"], lines["CNN"], lines["hybrid"], strict=True))[1:]:
        assert hybrid[1] > max(vit[1], cnn[1]) + 8
    assert all(
        cnn[3] > vit[3] + 8 for vit, cnn in zip(lines["ViT"][3:], lines["CNN"][3:], strict=True)
    )
    (ours,) = lines["ours"]
    assert ours[1] > lines["hybrid"][-1][1]
    assert 1.45 < ours[0] / lines["hybrid"][-1][0] < 1.55
