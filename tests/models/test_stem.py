"""The convolutional stem: a ViT's tokens from convolutions, on the course's own ViT."""

import pytest
import torch
import torch.nn.functional as F

from mvlm import weights
from mvlm.clip import CLIP, CLIPConfig, TextConfig, clip_vision_config
from mvlm.small.stem import Residual, Stem, with_stem_
from mvlm.vit import ViT, ViTConfig


def vit(**changes):
    shape = {"image_size": 40, "patch_size": 8, "width": 16, "depth": 2, "heads": 2} | changes
    torch.manual_seed(0)
    return ViT(ViTConfig(**shape))


def test_one_token_for_each_eight_pixels_in_reading_order():
    torch.manual_seed(0)
    stem = Stem(12, (8, 8, 16)).eval()
    images = torch.randn(16, 3, 24, 40)
    before = stem(images)
    assert before.shape == (16, 15, 12)
    for place, (top, left) in {0: (0, 0), 7: (8, 16), 14: (16, 32)}.items():
        changed = images.clone()
        changed[:, :, top : top + 8, left : left + 8] = torch.randn(16, 3, 8, 8)
        # Norms let every place hear a little of every other; the square's own token hears most.
        difference = (stem(changed) - before).norm(dim=2).mean(dim=0)  # 15
        assert difference.argmax() == place


def test_a_picture_does_not_depend_on_its_batch():
    torch.manual_seed(0)
    stem, images = Stem(12, (8, 16, 16)), torch.randn(5, 3, 40, 40)
    alone = torch.cat([stem(image[None]) for image in images])
    torch.testing.assert_close(stem(images), alone, atol=1e-5, rtol=1e-5)


def test_a_residual_block_against_sums_over_neighbours():
    """Both convolutions as loops over the nine neighbours of each place."""
    torch.manual_seed(0)
    block, x = Residual(8, 16), torch.randn(1, 8, 6, 6)

    def convolved(x, weight, stride):
        padded, side = F.pad(x, (1, 1, 1, 1)), x.shape[2] // stride
        out = torch.zeros(1, weight.shape[0], side, side)
        for i in range(side):
            for j in range(side):
                around = padded[0, :, i * stride : i * stride + 3, j * stride : j * stride + 3]
                out[0, :, i, j] = (weight * around).sum(dim=(1, 2, 3))
        return out

    def normed(x, norm):
        groups = x.reshape(8, -1)
        groups = (groups - groups.mean(1, keepdim=True)) / (
            groups.var(1, unbiased=False, keepdim=True) + 1e-5
        ).sqrt()
        return groups.reshape(x.shape) * norm.weight[:, None, None] + norm.bias[:, None, None]

    way = normed(convolved(x, block.first.weight, 2), block.first_norm).clamp(min=0)
    way = normed(convolved(way, block.second.weight, 1), block.second_norm)
    means = x.reshape(1, 8, 3, 2, 3, 2).mean(dim=(3, 5))
    beside = torch.einsum("oi,bihw->bohw", block.shortcut.weight[:, :, 0, 0], means)
    torch.testing.assert_close(block(x), (way + beside).clamp(min=0), atol=1e-5, rtol=1e-4)


def test_the_vit_stays_a_vit():
    model = with_stem_(vit(num_classes=7), (8, 8, 16)).eval()
    images = torch.randn(3, 3, 40, 40)
    encoding = model.encode(images, attentions=True)
    assert model(images).shape == (3, 7)
    assert [state.shape for state in encoding.hidden_states] == [(3, 26, 16)] * 3
    assert [weights.shape for weights in encoding.attentions] == [(3, 2, 26, 26)] * 2


@pytest.mark.parametrize("patch_size", [4, 10, 20])
def test_other_patches_than_the_stems_are_refused(patch_size):
    with pytest.raises(ValueError, match=f"patches of {patch_size} pixels.*patch_size=8"):
        with_stem_(vit(patch_size=patch_size), (8, 8, 16))


@pytest.mark.parametrize("shape", [(3, 40, 40), (1, 4, 40, 40), (1, 3, 40, 44), (1, 3, 37, 40)])
def test_pictures_that_do_not_fit_are_refused(shape):
    with pytest.raises(ValueError, match="multiples of 8"):
        Stem(12, (8, 8, 16))(torch.zeros(shape))


def test_channels_that_cannot_be_normalised_in_groups_are_refused():
    with pytest.raises(ValueError, match=r"\(8, 12, 16\).*multiples of 8"):
        Stem(12, (8, 12, 16))


def test_a_clip_with_a_stem_is_written_and_read_again(tmp_path):
    from dataclasses import asdict

    image = clip_vision_config(image_size=40, patch_size=8, width=16, depth=1, heads=2)
    text = TextConfig(vocab_size=20, context_length=6, width=16, depth=1, heads=2, eot_id=1)
    clip = CLIP(CLIPConfig(image=image, text=text, embed_dim=8)).eval()
    with_stem_(clip.image, (8, 8, 16))
    path = tmp_path / "clip.safetensors"
    made_of = asdict(clip.config) | {"stem": [8, 8, 16]}
    path.write_bytes(weights.to_file(clip.state_dict(), {"model": made_of}))
    images = torch.randn(2, 3, 40, 40)
    again = weights.clip(path).encode_image(images)
    torch.testing.assert_close(again, clip.encode_image(images), atol=5e-3, rtol=0)
