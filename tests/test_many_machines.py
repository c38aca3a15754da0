"""The page on many machines: its code is run, its plan is computed, its formula is counted."""

import sys
from pathlib import Path

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def plan():
    sys.path.insert(0, str(ROOT / "benchmarks"))
    try:
        import plan
    finally:
        sys.path.pop(0)
    return plan


def test_the_page_is_what_the_plan_says(plan):
    assert plan.PAGE.read_text(encoding="utf-8") == plan.text(), "run: python benchmarks/plan.py"


def test_the_code_on_the_page_gives_each_process_its_own_scenes(plan, monkeypatch):
    def captions(rank, processes):
        monkeypatch.setenv("RANK", str(rank))
        monkeypatch.setenv("WORLD_SIZE", str(processes))
        names = {}
        exec(plan.CODE.replace("640", "128"), names)
        return names["captions"]

    whole = captions(0, 1)
    shares = [captions(rank, 2) for rank in range(2)]
    assert len(whole) == 128
    assert [len(share) for share in shares] == [64, 64]
    assert sorted(shares[0] + shares[1]) == sorted(whole)


def test_operations_are_those_that_torch_counts(plan):
    from mvlm.clip import CLIP, CLIPConfig, TextConfig, clip_vision_config

    image = clip_vision_config(image_size=32, patch_size=8, width=64, depth=3, heads=4)
    text = TextConfig(vocab_size=50, context_length=12, width=48, depth=2, heads=4, eot_id=49)
    config = CLIPConfig(image=image, text=text, embed_dim=16)
    clip, ids = CLIP(config), torch.full((1, 12), 49)
    ids[:, :-1] = 1
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        # Attention as plain products, which are counted, of every token at every depth.
        clip.image.encode(torch.randn(1, 3, 32, 32), attentions=True)
        clip.text.encode(ids, attentions=True)
    assert plan.forward_flops(config) == pytest.approx(counter.get_total_flops(), rel=0.01)
    assert plan.weights(plan.config_of("ViT-B/32")) == pytest.approx(151_277_313, rel=0.02)


def test_the_published_run_comes_out_as_published(plan):
    largest = plan.plan(plan.RUNS[3])
    assert largest["days"] == pytest.approx(plan.PUBLISHED["days"])
    assert 0.1 < plan.efficiency() < 0.5
