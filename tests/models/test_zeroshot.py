"""Classifiers made of words, probes and retrieval, against arithmetic done another way."""

from functools import partial

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from mvlm.clip import CLIP, CLIPConfig, TextConfig, clip_vision_config
from mvlm.zeroshot import linear_probe, retrieval_recall, zero_shot_classifier

TEMPLATES = ("a {}", "no {} at all", "{}")


@pytest.fixture
def clip():
    image = clip_vision_config(image_size=8, patch_size=4, width=8, depth=1, heads=2)
    text = TextConfig(vocab_size=30, context_length=20, width=8, depth=1, heads=2, eot_id=29)
    return CLIP(CLIPConfig(image=image, text=text, embed_dim=6))


def letters(texts):
    """A tokenizer of letters: a is 1, anything else 0, and 29 ends a text."""
    rows = [[ord(c) - 96 if "a" <= c <= "z" else 0 for c in text] + [29] for text in texts]
    return torch.tensor([row + [0] * (20 - len(row)) for row in rows])


def test_classifier_is_the_normalised_mean_of_normalised_prompts(clip):
    weights = zero_shot_classifier(clip, letters, ["cat", "owl"], TEMPLATES)
    assert weights.shape == (6, 2)
    assert not weights.requires_grad
    for column, name in enumerate(["cat", "owl"]):
        raw = clip.text_projection(clip.text(letters([t.format(name) for t in TEMPLATES])))
        prompts = [vector / vector.square().sum().sqrt() for vector in raw]
        mean = sum(prompts) / len(prompts)
        torch.testing.assert_close(weights[:, column], mean / mean.square().sum().sqrt())


def test_bug_second_normalise_forgotten(clip):
    """CLIP_benchmark issue 90: the mean of unit vectors is shorter than 1."""
    weights = zero_shot_classifier(clip, letters, ["cat", "owl"], TEMPLATES)
    torch.testing.assert_close(weights.norm(dim=0), torch.ones(2))
    forgotten = clip.encode_text(letters([t.format("cat") for t in TEMPLATES])).mean(0)
    assert forgotten.norm() < 0.999


def with_specials(texts, *, pad):
    """`letters`, where "|" is the token that ends a text, as `<end>` is for the course's own."""
    rows = [[29 if c == "|" else ord(c) % 29 for c in text] + [29] for text in texts]
    return torch.tensor([row + [pad] * (20 - len(row)) for row in rows])


@pytest.mark.parametrize("pad", [0, 29])
@pytest.mark.parametrize("name", ["a|b", "|cat", "cat|"])
def test_a_name_that_ends_its_prompt_is_refused(clip, name, pad):
    """What follows an end is not read: all such names would have one vector."""
    tokenizer = partial(with_specials, pad=pad)
    with pytest.raises(ValueError, match=r"holds the token that ends a text.*: use words"):
        zero_shot_classifier(clip, tokenizer, ["dog", name], ("a {} too",))
    assert zero_shot_classifier(clip, tokenizer, ["dog", "a cat"], ("a {} too",)).shape == (6, 2)


def test_braces_in_a_name_are_only_a_name(clip):
    assert zero_shot_classifier(clip, letters, ["{}", "{0}"]).shape == (6, 2)


@pytest.mark.parametrize(
    ("names", "templates", "error", "message"),
    [
        ([], ["{}"], ValueError, "0 names and 1 templates came"),
        (["cat"], [], ValueError, "1 names and 0 templates came"),
        (["cat"], ["a photo"], ValueError, r"'a photo' has no \{\}: put it where"),
        (["cat", " "], ["{}"], ValueError, "the name ' ' is empty: pass a word"),
        ("cat", ["{}"], TypeError, "put a single one in brackets"),
        (["cat"], "{}", TypeError, "put a single one in brackets"),
    ],
)
def test_wrong_prompts_are_refused(clip, names, templates, error, message):
    with pytest.raises(error, match=message):
        zero_shot_classifier(clip, letters, names, templates)


def newton_logistic(features, labels, c):
    """Two classes by Newton's method on w = w_1 − w_0, where ½(‖w_0‖² + ‖w_1‖²) is ¼‖w‖²."""
    x = np.column_stack((features, np.ones(len(features))))
    penalty = np.diag([0.5] * features.shape[1] + [0.0])
    w = np.zeros(x.shape[1])
    for _ in range(50):
        p = 1 / (1 + np.exp(-x @ w))
        gradient = penalty @ w + c * x.T @ (p - labels)
        hessian = penalty + c * (x.T * (p * (1 - p))) @ x
        w -= np.linalg.solve(hessian, gradient)
    return w


@pytest.mark.parametrize("strength", [0.01, 0.316, 10.0])
def test_probe_is_logistic_regression(strength):
    features = torch.randn(80, 3)
    labels = (features @ torch.tensor([1.0, -2.0, 0.5]) + 0.7 + torch.randn(80) > 0).long()
    probe = linear_probe(features, labels, inverse_strength=strength)
    want = newton_logistic(features.double().numpy(), labels.numpy(), strength)
    got = torch.cat((probe.weight[1] - probe.weight[0], probe.bias[[1]] - probe.bias[[0]]))
    np.testing.assert_allclose(got.numpy(), want, atol=1e-4, rtol=1e-4)
    assert not probe.weight.requires_grad


def test_probe_separates_what_can_be_separated():
    labels = torch.arange(60) % 4
    features = F.one_hot(labels, 5).float() + 0.1 * torch.randn(60, 5)
    with torch.no_grad():  # as one calls it after encoding
        probe = linear_probe(features, labels, inverse_strength=10.0)
    assert torch.equal(probe(features).argmax(1), labels)


def test_a_probe_learns_where_a_model_is_being_measured():
    with torch.inference_mode():
        features = torch.randn(20, 3).double()
        inside = linear_probe(features, (features[:, 0] > 0).long())
    outside = linear_probe(features, (features[:, 0] > 0).long())
    torch.testing.assert_close(inside.weight, outside.weight)


@pytest.mark.parametrize(
    ("features", "labels", "message"),
    [
        (torch.randn(3, 2), torch.tensor([0, 1]), r"\(3, 2\), labels \(2,\)"),
        (torch.randn(2, 2), torch.tensor([0, 0]), "from 0 to 0, wanted whole numbers"),
        (torch.randn(2, 2), torch.tensor([-1, 1]), "from -1 to 1, wanted whole numbers"),
        (torch.randn(2, 2), torch.tensor([0.0, 1.0]), "wanted whole numbers"),
        (torch.zeros(0, 2), torch.zeros(0).long(), "no features came"),
        (torch.eye(2) / 0, torch.tensor([0, 1]), "hold NaN or infinity"),
    ],
)
def test_wrong_labels_are_refused(features, labels, message):
    with pytest.raises(ValueError, match=message):
        linear_probe(features, labels)


def test_recall_is_a_sort():
    images, texts = torch.randn(6, 4), torch.randn(15, 4)
    owner = torch.tensor([0, 1, 2, 3, 4, 5, 0, 1, 2, 3, 4, 5, 0, 0, 3])
    recall = retrieval_recall(images, texts, image_of_text=owner, ks=(1, 2, 5))
    scores = (images @ texts.T).numpy()
    for k in (1, 2, 5):
        found = [i in owner[np.argsort(-scores[i])[:k]].tolist() for i in range(6)]
        assert recall.image_to_text[k] == pytest.approx(np.mean(found))
        found = [owner[t].item() in np.argsort(-scores[:, t])[:k] for t in range(15)]
        assert recall.text_to_image[k] == pytest.approx(np.mean(found))


def test_perfect_features_recall_everything_and_collapsed_ones_nothing():
    perfect = retrieval_recall(torch.eye(5), torch.eye(5), ks=(1, 3))
    assert perfect.image_to_text == perfect.text_to_image == {1: 1.0, 3: 1.0}
    collapsed = retrieval_recall(torch.ones(5, 3), torch.ones(5, 3), ks=(1, 4))
    assert collapsed.image_to_text == collapsed.text_to_image == {1: 0.0, 4: 0.0}


@pytest.mark.parametrize(
    ("images", "texts", "owner", "message"),
    [
        (torch.eye(3), torch.eye(4)[:, :3], None, "3 images and 4 texts came: pass image_of_text"),
        (torch.eye(3), torch.eye(4), torch.tensor([0, 1, 2, 0]), r"\(3, 3\), text features"),
        (torch.eye(3), torch.eye(3), torch.tensor([0, 1]), r"image_of_text is \(2,\)"),
        (torch.eye(3), torch.eye(3), torch.tensor([0, 1, 1]), "image 2 has no text"),
        (torch.eye(3), torch.eye(3), torch.tensor([0, 1, 3]), "from 0 to 3, the images from 0"),
        (torch.eye(3) / 0, torch.eye(3), None, "hold NaN or infinity"),
        (torch.zeros(0, 3), torch.zeros(0, 3), None, "0 images and 0 texts came"),
    ],
)
def test_wrong_features_are_refused(images, texts, owner, message):
    with pytest.raises(ValueError, match=message):
        retrieval_recall(images, texts, image_of_text=owner)
