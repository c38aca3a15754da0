"""CLIP's further stages, and the ViT that it teaches."""

from dataclasses import replace

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from mvlm import weights
from mvlm.clip import CLIP
from mvlm.data.dice import Dice
from mvlm.training.loop import TrainConfig, make_optimiser
from mvlm.training.recipes.clip import (
    CLIPRecipe,
    TextData,
    TextObjective,
    Word,
    text_for,
    vocabulary,
)
from mvlm.training.recipes.hybrid import HybridData, HybridObjective, HybridRecipe
from mvlm.training.recipes.vit import ViTData, ViTObjective, ViTRecipe, classes, vit_config
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
    texts=TrainConfig(batch_size=300),
)


def small_clip():
    torch.manual_seed(0)
    return CLIP(SMALL.model(weights.tokenizer())).eval()


def vectors(looks=4):
    torch.manual_seed(1)
    return F.normalize(torch.randn(looks, len(vocabulary()), 8), dim=2)


@pytest.mark.parametrize("names", [0.0, 0.6, 0.95, 1.0])
def test_the_share_of_names_is_the_one_asked_for(names):
    word = Word(emoji="x", name="NAME", everyday="WORD", keywords=("k", "kk"), group="GROUP")
    texts = [text_for(Dice(f"share {i}"), word, names) for i in range(2000)]
    named = [("NAME" in text or "WORD" in text) and "GROUP" not in text for text in texts]
    assert np.mean(named) == pytest.approx(names, abs=0.03)
    assert names == 1 or {"k", "kk"} & set(texts)


def test_texts_alone_meet_pictures_of_their_own_thing_and_no_thing_twice():
    seen = vectors()
    data = TextData(SMALL, weights.tokenizer(), seen)
    for step in (0, 2, 3, 7):
        examples = range(step * 300, (step + 1) * 300)
        things = [data.thing(example) for example in examples]
        assert len(set(things)) == 300
        batch = data(examples)
        for one in ("first", "second"):
            cosines = torch.einsum("be,lbe->lb", batch[one], seen[:, things])
            torch.testing.assert_close(cosines.amax(dim=0), torch.ones(300))
    whole_pass = [data.thing(example) for example in range(900)]
    assert len(set(whole_pass)) == 900
    again = TextData(SMALL, weights.tokenizer(), seen)(range(300, 600))
    assert torch.equal(again["ids"], data(range(300, 600))["ids"])


def test_more_texts_a_batch_than_there_are_things_are_refused():
    recipe = replace(SMALL, texts=TrainConfig(batch_size=1200))
    with pytest.raises(ValueError, match="1200 texts holds a thing twice, there are only 1112"):
        TextData(recipe, weights.tokenizer(), vectors())


def test_texts_alone_leave_the_picture_tower_as_it_is():
    clip = small_clip()
    objective = TextObjective(clip)
    data = TextData(SMALL, weights.tokenizer(), vectors())
    before = {name: value.clone() for name, value in clip.state_dict().items()}
    optimiser = make_optimiser(objective, SMALL.texts)
    losses = []
    for step in range(12):
        total, _ = objective(data(range(300 * (step % 3), 300 * (step % 3) + 300)))
        total.backward()
        optimiser.step()
        optimiser.zero_grad()
        losses.append(total.item())
    after = clip.state_dict()
    for name, value in before.items():
        same = torch.equal(value, after[name])
        assert same == name.startswith("image"), name
    assert np.mean(losses[-3:]) < np.mean(losses[:3])


def test_the_hybrids_loss_by_hand():
    recipe = HybridRecipe(stem=(8, 8, 8), width=16, depth=1, heads=2, words=0.5, clip=SMALL)
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
    assert float(total / count) == pytest.approx(expected, rel=1e-4)
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
