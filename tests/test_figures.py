"""Figures and moving figures: alt text, determinism, HTML that stands alone."""

import re
from html.parser import HTMLParser

import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch
from PIL import Image

import mvlm
from mvlm.show import figures, widgets


def a_figure(value: float = 1.0):
    drawn, axes = figures.figure(3.0, 2.0)
    axes[0, 0].plot([0, value])
    return drawn


def test_a_figure_is_the_same_bytes_every_time():
    first, second = (figures.encode(a_figure()) for _ in range(2))
    assert first == second
    assert first[0] == "image/png"
    assert first[1].startswith(b"\x89PNG")
    assert first != figures.encode(a_figure(2.0))


def test_a_photograph_becomes_a_jpeg():
    noise = np.random.default_rng(0).integers(0, 256, (150, 250, 3), dtype=np.uint8)
    drawn, axes = figures.figure(3.0, 2.0)
    figures.draw_image(axes[0, 0], Image.fromarray(noise).resize((600, 400)))
    kind, content = figures.encode(drawn)
    assert kind == "image/jpeg"
    assert content.startswith(b"\xff\xd8")


def test_encoding_closes_the_figure():
    drawn = a_figure()
    figures.encode(drawn)
    assert not plt.fignum_exists(drawn.number)


def test_show_stores_alt_text_and_width(monkeypatch):
    shown = {}
    monkeypatch.setattr(
        figures, "display", lambda data, metadata, raw: shown.update(metadata, **data)
    )
    figures.show(a_figure(), alt="A rising line.")
    assert shown["text/plain"] == "[Figure: A rising line.]"
    assert "A rising line." in str(shown)


def test_show_without_alt_text():
    with pytest.raises(ValueError, match="alt is empty: say"):
        figures.show(a_figure(), alt="  ")


@pytest.mark.parametrize(
    "image",
    [Image.new("RGB", (6, 4)), torch.zeros(3, 4, 6), np.zeros((4, 6, 3)), torch.zeros(4, 6)],
)
def test_any_picture_can_be_drawn(image):
    assert figures.as_pixels(image).shape[:2] == (4, 6)
    drawn, axes = figures.figure()
    figures.draw_grid(axes[0, 0], image, 2, numbers=True)
    assert [text.get_text() for text in axes[0, 0].texts] == list("012345")
    plt.close(drawn)


def test_image_row_fills_rows():
    drawn = figures.image_row([torch.zeros(3, 4, 4)] * 5, list("abcde"), columns=3)
    assert len(drawn.axes) == 6
    assert [axes.get_title(loc="center") for axes in drawn.axes][:5] == list("abcde")
    plt.close(drawn)


def test_similarity_matrix_writes_each_number():
    drawn, axes = figures.figure()
    figures.similarity_matrix(
        axes[0, 0], torch.tensor([[0.25, 1.0]]), rows=["a"], columns=["b", "c"]
    )
    assert [text.get_text() for text in axes[0, 0].texts] == ["0.25", "1.00"]
    plt.close(drawn)


def test_a_token_strip_shows_each_token_and_its_label():
    drawn = figures.token_strip(
        ["p0", "a", "dog", "<pad>"],
        labels=[None, "a", "dog", None],
        kinds=["image", "text", "text", "padding"],
        title="A strip",
    )
    written = [text.get_text() for text in drawn.axes[0].texts]
    assert written == ["p0", "–", "a", "a", "dog", "dog", "<pad>", "–"]
    keys = [text.get_text() for text in drawn.axes[0].get_legend().get_texts()]
    assert keys == ["image", "text", "padding", "below: label, – no loss"]
    plt.close(drawn)


def test_kinds_of_tokens_differ_without_colour():
    looks = [(look["hatch"], look["linestyle"]) for look in figures.KINDS.values()]
    assert len(set(looks)) == len(looks)


def test_a_long_token_strip_grows_downwards():
    short, long = (
        figures.token_strip(["a"] * n, labels=[None] * n, kinds=["text"] * n) for n in (3, 33)
    )
    assert short.get_figwidth() == long.get_figwidth()
    assert long.get_figheight() > short.get_figheight()
    plt.close("all")


def test_bad_token_strips():
    with pytest.raises(ValueError, match="2 tokens, 1 labels and 2 kinds"):
        figures.token_strip(["a", "b"], labels=["a"], kinds=["text", "text"])
    with pytest.raises(ValueError, match="at least one"):
        figures.token_strip([], labels=[], kinds=[])
    with pytest.raises(ValueError, match=r"kinds hold \['word'\]: wanted only"):
        figures.token_strip(["a"], labels=[None], kinds=["word"])


def two_states() -> list[widgets.Frame]:
    return [
        widgets.Frame(label=str(n), drawn=a_figure(n), alt=f'A line to "{n}"', text=f"N < {n}")
        for n in (1, 2)
    ]


class Tags(HTMLParser):
    def __init__(self, html: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict]] = []
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self.found.append((tag, dict(attrs)))

    def all(self, name: str) -> list[dict]:
        return [attrs for tag, attrs in self.found if tag == name]


def test_frames_are_radio_buttons_with_labels_and_alt_text():
    shown = widgets.frames("Patch size", two_states(), first=1)
    tags = Tags(shown.html)
    buttons, labels, pictures = tags.all("input"), tags.all("label"), tags.all("img")
    assert [button["type"] for button in buttons] == ["radio", "radio"]
    assert ["checked" in button for button in buttons] == [False, True]
    assert [label["for"] for label in labels] == [button["id"] for button in buttons]
    assert [picture["alt"] for picture in pictures] == ['A line to "1"', 'A line to "2"']
    assert "N &lt; 2" in shown.html
    for button, place in zip(buttons, range(2), strict=True):
        assert f"#{button['id']}:checked~.frame-{place}" in shown.html


def test_frames_need_no_script_and_no_other_host():
    html = widgets.frames("Patch size", two_states()).html
    assert "<script" not in html
    assert not re.search(r"https?://", html)


def test_two_figures_on_a_page_do_not_share_names():
    first, second = (widgets.frames(name, two_states()).html for name in ("One", "Two"))
    ids = [set(re.findall(r'id="([^"]+)"', html)) for html in (first, second)]
    assert not ids[0] & ids[1]
    assert widgets.frames("One", two_states()).html == first


def test_frames_in_plain_text_say_what_is_seen():
    bundle = widgets.frames("Patch size", two_states())._repr_mimebundle_()
    assert "[Patch size 1: A line to" in bundle["text/plain"]


SENTENCE = {
    "tokens": ["it", "p0", "p1", "p2", "p3", "is", "</s>"],
    "labels": [None] * 5 + ["is", "</s>"],
    "kinds": ["text", *["image"] * 4, "text", "text"],
}


def test_token_frames_say_patch_token_and_label():
    picture = Image.new("RGB", (4, 4))
    shown = widgets.token_frames(picture, 2, positions=[0, 3, 5], **SENTENCE)
    unlabelled, patch, word = [picture["alt"] for picture in Tags(shown.html).all("img")]
    assert "Position 0 holds “it”. It has no label" in unlabelled
    assert "made from patch 2: row 1, column 0" in patch
    assert "“is” is its label: the model must say it after the 5 before it" in word


def test_token_frames_want_a_position_for_each_patch():
    with pytest.raises(ValueError, match="4 positions are images and the picture has 9 patches"):
        widgets.token_frames(Image.new("RGB", (6, 6)), 2, positions=[0], **SENTENCE)


def test_crop_frames_follow_molmos_tiling():
    """Molmo's own cases: 316 tokens for one crop, 740 for a 480×640 picture."""
    html = widgets.crop_frames(Image.new("RGB", (64, 48)), [(336, 336), (480, 640)]).html
    one, six = re.findall("<p>(.*?)</p>", html)
    assert "one crop and the whole make 2 images of 336×336" in one
    assert "316 tokens" in one
    assert "2×3 crops and the whole make 7 images" in six
    assert "740 tokens" in six


def test_crops_are_divided_by_lines_in_the_middle_of_what_they_share():
    drawn, axes = figures.figure()
    sizing = {"size": (14, 20), "window": 6, "overlap": 2}
    figures.draw_crops(axes[0, 0], Image.new("RGB", (20, 14)), (2, 3), **sizing)
    lines = {tuple(line.get_xydata().flatten()) for line in axes[0, 0].lines}
    assert lines == {(0, 7, 1, 7), (7, 0, 7, 1), (13, 0, 13, 1)}
    plt.close(drawn)


def test_bad_frames():
    with pytest.raises(ValueError, match="at least two"):
        widgets.frames("Patch size", two_states()[:1])
    bad = [*two_states(), widgets.Frame(label="3", drawn=a_figure(), alt="")]
    with pytest.raises(ValueError, match="frame '3' has no alt text"):
        widgets.frames("Patch size", bad)


def test_start_says_one_line_and_seeds(capsys):
    device = mvlm.start()
    first = torch.rand(3)
    mvlm.start()
    assert torch.equal(first, torch.rand(3))
    assert device.type in ("cpu", "cuda")
    assert len(capsys.readouterr().out.splitlines()) == 2
