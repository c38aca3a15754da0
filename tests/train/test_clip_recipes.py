"""CLIP's further stages, and the ViT that it teaches."""

from dataclasses import replace

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from mvlm import weights
from mvlm.clip import CLIP
from mvlm.data.dice import Dice
from mvlm.images import CLIP_MEAN, CLIP_STD, normalise
from mvlm.training.loop import TrainConfig, make_optimiser
from mvlm.training.recipes.clip import CLIPRecipe, Word, drawing_table, text_for, vocabulary
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
    MatchObjective,
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


@pytest.fixture(scope="module")
def lesson():
    recipe = ViTRecipe(
        width=16, depth=1, heads=2, artists=("noto", "twemoji"), train=TrainConfig(batch_size=12)
    )
    torch.manual_seed(0)
    return recipe, ViTObjective(ViT(vit_config(recipe)), small_clip(), recipe)


@pytest.mark.parametrize("trust", [0.0, 0.3, 1.0])
def test_the_aim_is_the_truth_mixed_with_the_teachers_word(lesson, trust):
    recipe, objective = lesson
    objective.recipe = replace(recipe, trust=trust)
    batch = ViTData(recipe)(range(12))
    aim = objective.aim(batch["images"], batch["things"])
    assert aim.shape == (12, 1112)
    torch.testing.assert_close(aim.sum(dim=1), torch.ones(12))
    assert aim.min() >= 0
    # What CLIP says never adds to more than its share, and the truth has at least the rest.
    right = aim.gather(1, batch["things"][:, None])[:, 0]
    assert (right >= 1 - trust - 1e-6).all()
    assert trust < 1 or (right < 0.5).all()
    objective.recipe = recipe


def test_things_without_a_class_teach_the_second_head_alone(lesson):
    recipe, objective = lesson
    batch = ViTData(replace(recipe, everyday=0.0))(range(12))
    assert all(not vocabulary()[thing].everyday for thing in batch["things"].tolist())
    total, count = objective(batch)
    (total / count).backward()
    assert torch.isfinite(total)
    assert objective.vit.head.weight.grad.abs().sum() == 0
    assert objective.all_things.weight.grad.abs().sum() > 0
    assert all(weight.grad is None for weight in objective.teacher.parameters())
    objective.zero_grad()


def test_the_share_of_everyday_things_is_the_one_asked_for():
    data = ViTData(ViTRecipe(everyday=0.5))
    words = vocabulary()
    usual = [bool(words[data.thing(seed)].everyday) for seed in range(2000)]
    assert 0.46 < np.mean(usual) < 0.54
    drawn = {data.thing(seed) for seed in range(2000)} & set(data.everyday)
    assert len(drawn) == len(classes()) == 100


def test_the_second_run_matches_the_teacher_and_knows_no_names(lesson):
    recipe, objective = lesson
    batch = MixedData(recipe)(range(12))
    assert batch.keys() == {"images"}
    total, count = MatchObjective(objective)(batch)
    said = 32.0 * objective.teacher.encode_image(batch["images"]) @ objective.means.T
    vit = objective.vit
    token = vit.encode(batch["images"]).tokens[:, 0]
    every = [i for i, word in enumerate(vocabulary()) if word.everyday]
    expected = F.cross_entropy(objective.all_things(token), said.softmax(dim=1))
    expected = expected + F.cross_entropy(vit.head(token), said[:, every].softmax(dim=1))
    torch.testing.assert_close(total / count, expected, atol=1e-4, rtol=1e-4)


def test_mixed_views_hang_on_their_number_alone_but_for_the_neighbour(lesson):
    recipe, _ = lesson
    images = MixedData(recipe)(range(12))["images"]
    again = MixedData(recipe)(range(12))["images"]
    assert torch.equal(images, again)
    assert not torch.allclose(images, MixedData(recipe)(range(12, 24))["images"])
