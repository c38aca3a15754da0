"""Figures of chapter 03: what they say must be what the numbers are."""

import re

import torch
from matplotlib.text import Text

from mvlm.show import vit


def words(drawn) -> list[str]:
    return [text.get_text() for text in drawn.findobj(Text) if text.get_text()]


def test_weights_are_written_row_by_row():
    weights = torch.tensor([[0.75, 0.25], [0.125, 0.875]])
    drawn = vit.draw_weights({"Looks": (["left cat", "tree"], weights)})
    written = words(drawn)
    assert [number for number in written if re.fullmatch(r"0\.\d\d", number)] == [
        "0.75",
        "0.25",
        "0.12",
        "0.88",
    ]
    assert "left\ncat" in written
    said = vit.weights_in_words(["cat", "tree"], weights)
    assert said == "cat: 0.75 to cat, 0.25 to tree; tree: 0.12 to cat, 0.88 to tree"


def test_a_block_has_two_norms_and_two_sums():
    written = words(vit.draw_block())
    assert written.count("norm") == 2
    assert written.count("+") == 2
    assert {"attention", "MLP", "$x$", "$x'$", "$x''$"} <= set(written)


def test_look_frames_say_the_largest_weight_of_each_block():
    attentions = [torch.full((2, 5, 5), 0.2) for _ in range(2)]
    attentions[1][:, 3, 2] = torch.tensor([0.5, 0.75])
    attentions[1][:, 3, 0] = 0.99  # to the class token, which is no place
    html = vit.look_frames(
        torch.rand(3, 8, 8, generator=torch.Generator().manual_seed(0)),
        attentions,
        tokens={"class token": 0, "bottom left": 3},
        patch_size=4,
        name="cat",
    ).html
    first, second = re.findall(r"<p>(.*?)</p>", html)
    said = "The most that one of the 2 heads gives a patch: 0.20 in block 1, 0.20 in block 2."
    assert first == f"Token: class token. {said}"
    assert second.endswith("gives a patch: 0.20 in block 1, 0.75 in block 2.")
