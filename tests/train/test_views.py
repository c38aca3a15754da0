"""Views: their seed decides them, strength 0 leaves the drawing; no batch holds a thing twice."""

import pytest
import torch

from mvlm import weights
from mvlm.training.loop import TrainConfig
from mvlm.training.recipes.clip import CLIPData, CLIPRecipe, vocabulary
from mvlm.training.recipes.views import ViewConfig, on_white, premultiplied, views, weaker

DRAWINGS = premultiplied(torch.rand(2, 3, 4, 40, 40, generator=torch.Generator().manual_seed(1)))


def test_a_view_depends_on_its_seed_alone():
    config = ViewConfig()
    together = views(DRAWINGS, [5, 6, 7], config)
    for i in range(3):
        alone = views(DRAWINGS[:, i : i + 1], [5 + i], config)
        torch.testing.assert_close(together[i : i + 1], alone, atol=1e-5, rtol=0)
    assert not torch.equal(together, views(DRAWINGS, [8, 9, 10], config))
    assert together.min() >= 0
    assert together.max() <= 1


def test_no_strength_is_the_drawing_on_white():
    config = weaker(ViewConfig(mix=0, mirror=0), 0)
    seen = views(DRAWINGS[:1], [1, 2, 3], config)
    inside = (slice(None), slice(None), slice(14, 26), slice(14, 26))
    # Only the place still differs, by up to 0.12 of half a side: compare the mean colour.
    expected = on_white(DRAWINGS[0], 1.0)
    torch.testing.assert_close(
        seen[inside].mean((2, 3)), expected[inside].mean((2, 3)), atol=0.1, rtol=0
    )


def test_no_batch_holds_a_thing_twice_and_a_pass_holds_all():
    recipe = CLIPRecipe(everyday=0.2, train=TrainConfig(batch_size=100))
    data = CLIPData(recipe, weights.tokenizer())
    batches = [[data.thing(step * 100 + i) for i in range(100)] for step in range(24)]
    assert all(len(set(batch)) == 100 for batch in batches)
    everyday = {i for i, word in enumerate(vocabulary()) if word.everyday}
    assert all(len(everyday & set(batch)) == 20 for batch in batches)
    assert {thing for batch in batches[:5] for thing in batch[:20]} == everyday
    others = [thing for batch in batches[:12] for thing in batch[20:]]
    assert len(set(others)) == len(others) == 960
    assert batches[0][20:] != batches[12][20:]


def test_a_batch_larger_than_the_vocabulary_is_refused():
    with pytest.raises(ValueError, match="batch_size 300 takes 120 things of 100: pass less"):
        CLIPData(CLIPRecipe(everyday=0.4, train=TrainConfig(batch_size=300)), weights.tokenizer())
