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


def test_positions_depend_on_distance():
    text = printed("share_explained(")
    trained, untrained, shuffled = (row(text, n) for n in ("Trained", "Untrained", "Shuffled"))
    assert trained[1] > 80 > 20 > trained[0]
    assert max(untrained[1], shuffled[1]) < 10


def differ(gap: float, error: float) -> bool:
    """The chapter's rule for one mean and its error, as printed."""
    return abs(gap) > 2 * error


def test_rollout_beats_chance_and_not_the_lucky_twins():
    text = printed("def spread(")
    uneven = [row(text, f"twin {seed}")[0] for seed in range(5)]
    assert min(uneven) < row(text, "trained")[0] < max(uneven)
    text = printed("area = {")
    rollout = row(text, "rollout")[0]
    assert row(text, "random")[0] > rollout + 0.05
    for name in ("untrained twin's rollout", "random", "twin 1", "ink and noise"):
        gap, error = row(text, name)[2:]
        assert gap < 0
        assert differ(gap, error)
    for name in ("twin 2", "twin 3", "twin 4", "ink, no model"):
        assert not differ(*row(text, name)[2:])
    text = printed("+ ranks(one)")
    gap, error = row(text, "rollout")[1:]
    assert gap < -2 * error
    for name in ("random", "next picture's", "twin 0", "twin 1", "twin 2"):
        gap, error = row(text, name)[1:]
        assert gap > 0
        assert differ(gap, error)
    assert not any(differ(*row(text, name)[1:]) for name in ("twin 3", "twin 4"))
    text = printed("for residual in (0.0, 0.5")
    none, once, twice = (row(text, count) for count in ("0.0", "1.0", "2.0"))
    assert none[4] < 0 < none[2]
    assert not differ(*once[2:4])
    assert twice[2] < 0
    assert differ(*twice[2:4])


def test_one_patch_of_rollout_is_not_told_apart_from_the_inks():
    text = printed("picked = {")
    assert differ(*row(text, "mean of all patches")[2:])
    assert not differ(*row(text, "ink, no model")[2:])


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
    patches, class_token = printed("falls_in_words(").split("class token  ")
    mean, error, even, _, steps, _ = row(patches, "3  ")
    assert not differ(mean, error)
    assert steps < 0.03
    assert even > 0.08
    assert max(row(patches, f"{layer}  ")[2] for layer in (1, 2, 4, 5, 6)) < 0.03
    falls = [row(class_token, f"{layer}  ") for layer in range(1, 7)]
    assert not differ(*falls[0][:2])
    assert all(0.02 < fall[0] < 0.09 and differ(*fall[:2]) for fall in falls[3:])
    assert falls[0][2] > 0.35 > max(fall[2] for fall in falls[1:])
    single = dict(re.findall(r"head 1.(\d).* alone +(-?[\d.]+)", class_token))
    assert float(single.pop("2")) > 0.35
    assert max(map(float, single.values())) < 0.002


def test_outliers_lie_in_empty_corners():
    text = printed("planted[:, 7]")
    *before, count, in_corners, longest, to_class, to_empty, head = row(text, "trained")
    assert (before[0], before[1], count, in_corners, head) == (4, 4, 13, 13, 1.2)
    assert longest < 2
    twins = [row(text, f"twin {seed}") for seed in range(5)]
    assert max(twin[0] for twin in twins) == 7
    assert all(twin[1] == twin[4] == 0 for twin in twins)
    assert max(twin[6] for twin in twins) < to_class < 15
    assert to_empty > 12
    assert max(twin[7] for twin in twins) < 5.5


def test_head_1_2_makes_the_corners_bright():
    text = printed("def rollout_without(")
    whole, without = row(text, "all heads"), row(text, "without 1.2")
    assert whole[0] > 1
    assert whole[1] == 13
    assert without[0] < min(row(text, "without another head"))
    assert without[1] == 0
    gaps = re.findall(r"minus .*? ([+-][\d.]+) ± ([\d.]+)", text)
    (rollout, error), ink = [tuple(map(float, gap)) for gap in gaps]
    assert rollout < 0
    assert differ(rollout, error)
    assert not differ(*ink)


def test_the_fault_of_keepdim_changes_shares_and_not_the_order():
    text = printed("def pruned_rollout(")
    share, difference = NUMBER.findall(text.splitlines()[0])
    assert 0.3 < float(difference) / float(share) < 0.5
    assert row(text, "rank correlation of the two maps")[0] > 0.95


def test_hybrids_win_and_ours_is_ahead_of_them():
    text = printed("print_row(")
    lines = {name: [] for name in ("ViT", "CNN", "hybrid", "ours")}
    for line in text.splitlines()[1:]:
        if (name := line.split()[0]) in lines and "before" not in line:
            lines[name].append([float(n.replace(",", "")) for n in re.findall(r"[\d,]+", line)])
    for vit, cnn, hybrid in list(zip(lines["ViT"], lines["CNN"], lines["hybrid"], strict=True))[1:]:
        assert hybrid[1] > max(vit[1], cnn[1]) + 8
    assert all(
        cnn[3] > vit[3] + 10 for vit, cnn in zip(lines["ViT"][3:], lines["CNN"][3:], strict=True)
    )
    leads = {}
    for one, other, rest in re.findall(r"(\w+) before (\w+): (.*)", text):
        pairs = re.findall(r"([+-]\d+)% \((\d+)%\)", rest)
        leads[one, other] = [int(lead) / int(limit) for lead, limit in pairs]
    assert all(min(leads["hybrid", other][1:]) > 1 for other in ("ViT", "CNN"))
    assert [lead > 1 for lead in leads["CNN", "ViT"]] == [False, False, True, False, False]
    (ours,) = lines["ours"]
    assert ours[1] > lines["hybrid"][-1][1]
    assert 1.45 < ours[0] / lines["hybrid"][-1][0] < 1.55
