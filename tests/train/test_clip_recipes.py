"""CLIP's further stages, and the ViT that it teaches."""

from dataclasses import replace

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from mvlm import weights
from mvlm.clip import CLIP
from mvlm.data.dice import Dice
from mvlm.evaluation import clip as evaluation
from mvlm.images import CLIP_MEAN, CLIP_STD, normalise
from mvlm.training.loop import TrainConfig, make_optimiser
from mvlm.training.recipes.clip import CLIPRecipe, Word, drawing_table, text_for, vocabulary
from mvlm.training.recipes.hands import other_hands
from mvlm.training.recipes.hybrid import (
    HybridData,
    HybridObjective,
    HybridRecipe,
    TextData,
    TextObjective,
    mean_vectors,
)
from mvlm.training.recipes.views import on_white
from mvlm.training.recipes.vit import (
    VIEW,
    MixedData,
    ViTData,
    ViTObjective,
    ViTRecipe,
    classes,
    vit_config,
)
from mvlm.vit import ViT

SMALL = CLIPRecipe(
    width=16,
    depth=1,
    heads=2,
    text_width=16,
    text_depth=1,
    text_heads=2,
    embed_dim=8,
    artists=("noto", "twemoji"),
    train=TrainConfig(batch_size=10),
)
HYBRID = HybridRecipe(
    stem=(8, 8, 8), width=16, depth=1, heads=2, clip=SMALL, texts=TrainConfig(batch_size=300)
)


def small_clip():
    torch.manual_seed(0)
    return CLIP(SMALL.model(weights.tokenizer())).eval()


def means():
    torch.manual_seed(1)
    return F.normalize(torch.randn(len(vocabulary()), 8), dim=1)


@pytest.mark.parametrize("names", [0.0, 0.6, 0.95, 1.0])
def test_the_share_of_names_is_the_one_asked_for(names):
    word = Word(emoji="x", name="NAME", everyday="WORD", keywords=("k", "kk"), group="GROUP")
    texts = [text_for(Dice(f"share {i}"), word, names) for i in range(2000)]
    named = [("NAME" in text or "WORD" in text) and "GROUP" not in text for text in texts]
    assert np.mean(named) == pytest.approx(names, abs=0.03)
    assert names == 1 or {"k", "kk"} & set(texts)


def test_texts_alone_aim_at_their_own_thing_and_a_pass_holds_all():
    data = TextData(HYBRID, weights.tokenizer(), means())
    for examples in (range(300), range(1000, 1300)):
        things = [data.thing(example) for example in examples]
        assert torch.equal(data(examples)["aims"], means()[things])
    first, second = ([data.thing(i + 1112 * turn) for i in range(1112)] for turn in (0, 1))
    assert sorted(first) == sorted(second) == list(range(1112))
    assert first != second
    again = TextData(HYBRID, weights.tokenizer(), means())(range(300, 600))
    assert torch.equal(again["ids"], data(range(300, 600))["ids"])


def test_the_mean_of_a_things_pictures():
    """Without views beside it, it is that of the artists' drawings on white."""
    clip = small_clip()
    table = drawing_table(SMALL.artists)
    seen = [clip.encode_image(normalise(on_white(a), CLIP_MEAN, CLIP_STD)) for a in table]
    expected = F.normalize(seen[0] + seen[1], dim=1)
    made = mean_vectors(clip, replace(HYBRID, looks=0))
    torch.testing.assert_close(made, expected.detach(), atol=1e-5, rtol=1e-4)
    with_views = mean_vectors(clip, replace(HYBRID, looks=2))
    torch.testing.assert_close(with_views.norm(dim=1), torch.ones(1112))
    assert not torch.allclose(with_views, made, atol=1e-3)


def test_texts_alone_leave_the_picture_tower_as_it_is():
    clip = small_clip()
    objective = TextObjective(clip)
    data = TextData(HYBRID, weights.tokenizer(), means())
    before = {name: value.clone() for name, value in clip.state_dict().items()}
    optimiser = make_optimiser(objective, HYBRID.texts)
    losses = []
    for step in range(12):
        total, count = objective(data(range(300 * (step % 3), 300 * (step % 3) + 300)))
        (total / count).backward()
        optimiser.step()
        optimiser.zero_grad()
        losses.append(float(total.detach() / count))
    after = clip.state_dict()
    for name, value in before.items():
        still = name.startswith("image") or name == "logit_scale"
        assert torch.equal(value, after[name]) == still, name
    assert np.mean(losses[-3:]) < np.mean(losses[:3])


def test_the_hybrids_loss_by_hand():
    recipe = replace(HYBRID, words=0.5)
    learnt, tokenizer = small_clip(), weights.tokenizer()
    model = recipe.model(learnt).eval()
    for name, value in learnt.text.state_dict().items():
        assert torch.equal(value, model.text.state_dict()[name])
    objective = HybridObjective(model, tokenizer, recipe)
    batch = HybridData(recipe, tokenizer)(range(10))
    total, count = objective(batch)
    with torch.no_grad():
        features = model.encode_image(torch.cat((batch["first"], batch["second"]))).numpy()
    scale, names = model.logit_scale.exp().item(), objective.names.numpy()
    words, usual = vocabulary(), objective.usual.numpy()

    def wrong(row, table, right):
        scores = scale * (table @ row)
        return np.log(np.exp(scores - scores.max()).sum()) + scores.max() - scores[right]

    things = batch["things"].tolist() * 2
    by_name = np.mean([wrong(f, names, t) for f, t in zip(features, things, strict=True)])
    place = {words.index(word): i for i, word in enumerate(w for w in words if w.everyday)}
    by_word = sum(
        wrong(f, usual, place[t]) for f, t in zip(features, things, strict=True) if t in place
    )
    first, second = features[:10], features[10:]
    by_view = np.mean(
        [wrong(first[i], second, i) / 2 + wrong(second[i], first, i) / 2 for i in range(10)]
    )
    expected = by_name + 0.5 * by_word / 20 + SMALL.view_weight * by_view
    assert float(total.detach() / count) == pytest.approx(expected, rel=1e-4)
    total.backward()
    assert all(weight.grad is None for weight in model.text.parameters())
    assert model.image.patches.first.weight.grad.abs().sum() > 0


TAUGHT = ViTRecipe(
    width=16,
    depth=2,
    heads=2,
    middle=1,
    artists=("noto", "twemoji"),
    train=TrainConfig(batch_size=12),
)


@pytest.fixture(scope="module")
def lesson():
    torch.manual_seed(0)
    teacher = HYBRID.model(small_clip()).eval()
    return ViTObjective(ViT(vit_config(TAUGHT)), teacher, TAUGHT)


def test_the_student_is_to_say_and_to_see_what_the_teacher_does(lesson):
    """Against the loss put together from numpy and the towers' public outputs."""
    batch = MixedData(TAUGHT)(range(12))
    assert batch.keys() == {"images"}
    total, count = lesson(batch)
    vit, teacher = lesson.vit, lesson.teacher
    own, theirs = vit.encode(batch["images"]), teacher.image.encode(batch["images"])

    def words(scores):
        scores = scores.detach().double().numpy()
        scores = np.exp(scores - scores.max(axis=1, keepdims=True))
        return scores / scores.sum(axis=1, keepdims=True)

    def far(scores, aim):
        own, theirs = words(scores), words(aim)
        return (theirs * np.log(theirs / own)).sum(axis=1).mean()

    def even(tokens):
        tokens = tokens.detach().double().numpy()
        spread = np.sqrt(tokens.var(axis=-1, keepdims=True) + 1e-5)
        return (tokens - tokens.mean(axis=-1, keepdims=True)) / spread

    def apart(layer, tokens, aim):
        weight, bias = (w.detach().double().numpy() for w in (layer.weight, layer.bias))
        return ((tokens @ weight.T + bias - even(aim)) ** 2).mean()

    said = 32.0 * teacher.encode_image(batch["images"]) @ lesson.means.T
    everyday = [i for i, word in enumerate(vocabulary()) if word.everyday]
    token = own.tokens[:, 0]
    expected = far(lesson.all_things(token), said) + far(vit.head(token), said[:, everyday])
    tokens = own.tokens.detach().double().numpy()
    stem = theirs.hidden_states[0] - teacher.image.positions
    middle = even(own.hidden_states[1])[:, 1:]
    expected += apart(lesson.in_the_middle, middle, stem[:, 1:])
    expected += apart(lesson.at_the_end, tokens[:, 1:], theirs.hidden_states[-1][:, 1:])
    expected += apart(lesson.in_the_class_token, tokens[:, 0], theirs.tokens[:, 0])
    assert float((total / count).detach()) == pytest.approx(expected, rel=1e-4)


def test_the_teacher_stays_and_everything_else_learns(lesson):
    lesson.zero_grad()
    total, count = lesson(MixedData(TAUGHT)(range(12)))
    (total / count).backward()
    assert all(weight.grad is None for weight in lesson.teacher.parameters())
    parts = (lesson.in_the_middle, lesson.at_the_end, lesson.in_the_class_token, lesson.all_things)
    for part in (lesson.vit.head, *parts):
        assert part.weight.grad.abs().sum() > 0
    assert next(lesson.vit.patches.parameters()).grad.abs().sum() > 0
    lesson.zero_grad()


def test_the_share_of_everyday_things_is_the_one_asked_for():
    data = ViTData(ViTRecipe(everyday=0.5))
    words = vocabulary()
    usual = [bool(words[data.thing(seed)].everyday) for seed in range(2000)]
    assert 0.46 < np.mean(usual) < 0.54
    drawn = {data.thing(seed) for seed in range(2000)} & set(data.everyday)
    assert len(drawn) == len(classes()) == 100


def test_every_artist_draws_everyday_things():
    """One seed for the thing and for its view let half of the artists draw all of them."""
    data = ViTData(ViTRecipe(everyday=0.5))
    usual = [i for i in range(800) if data.thing(i) in set(data.everyday)]
    first = [
        int(8 * torch.rand((), generator=torch.Generator().manual_seed(data.seed(i, VIEW))))
        for i in usual
    ]
    counts = np.bincount(first, minlength=8)
    assert counts.min() > 0.5 * len(usual) / 8


def test_mixed_views_hang_on_their_number_alone_but_for_the_neighbour():
    images = MixedData(TAUGHT)(range(12))["images"]
    assert images.shape == (12, 3, 40, 40)
    assert torch.equal(images, MixedData(TAUGHT)(range(12))["images"])
    assert not torch.allclose(images, MixedData(TAUGHT)(range(12, 24))["images"])


def test_other_hands_change_most_pictures_and_stay_pictures():
    plain = on_white(drawing_table(("noto",))[0, :200])
    changed = other_hands(plain, list(range(200)))
    assert changed.shape == plain.shape
    assert torch.isfinite(changed).all()
    assert changed.min() >= 0
    assert changed.max() <= 1
    same = (changed - plain).abs().amax(dim=(1, 2, 3)) < 1e-6
    # none of the eight changes: 0.6 · 0.6 · 0.92 · 0.7 · 0.92 · 0.85 · 0.6 · 0.85
    assert 0.05 < same.float().mean() < 0.2
    first = other_hands(plain[:1], [0])
    assert torch.equal(first, other_hands(plain[:1], [0]))


def test_thumbnails_never_look_up_the_artist_that_they_are_asked_about(monkeypatch):
    asked = []

    def noted(artists):
        asked.append(tuple(artists))
        return drawing_table(artists)

    monkeypatch.setattr(evaluation, "drawing_table", noted)
    lacking = "streamline-emojis"  # in one table, Fluent's drawings would stand in for its gaps
    evaluation.thumbnails(torch.arange(100), ("noto", lacking))
    assert sorted(asked) == sorted([("noto", lacking), evaluation.UNSEEN])
