"""The ViT: published sizes, equation by equation, bad input, and learning."""

import pytest
import torch
import torch.nn.functional as F

from mvlm.vit import SIZES, ViT, ViTConfig

TINY = {"image_size": 8, "patch_size": 4, "width": 12, "depth": 2, "heads": 3, "mlp_width": 20}

# Parameters with 1000 classes at 224 pixels, as timm 1.0 builds the models of these names.
# The papers round: 86 M, 307 M, 632 M (ViT, table 1); 1011 M and 1843 M for g and G, which end in
# another head there (Scaling Vision Transformers, table 2).
PUBLISHED = {
    "Ti/16": 5_717_416,
    "S/16": 22_050_664,
    "S/32": 22_878_952,
    "B/16": 86_567_656,
    "B/32": 88_224_232,
    "L/16": 304_326_632,
    "L/32": 306_535_400,
    "H/14": 632_045_800,
    "g/14": 1_012_611_432,
    "G/14": 1_844_440_680,
}


def count(model: torch.nn.Module) -> int:
    return sum(parameter.numel() for parameter in model.parameters())


@pytest.mark.parametrize("variant", PUBLISHED)
def test_parameters_are_the_published_ones(variant):
    with torch.device("meta"):
        model = ViT.from_variant(variant, num_classes=1000)
    assert count(model) == PUBLISHED[variant]


@pytest.mark.parametrize("size", SIZES)
def test_parameters_equal_transformers(size):
    transformers = pytest.importorskip("transformers")
    shape = SIZES[size]
    config = transformers.ViTConfig(
        hidden_size=shape["width"],
        num_hidden_layers=shape["depth"],
        num_attention_heads=shape["heads"],
        intermediate_size=shape["mlp_width"],
        patch_size=14,
        num_labels=1000,
    )
    with torch.device("meta"):
        theirs = transformers.ViTForImageClassification(config)
        ours = ViT.from_variant(f"{size}/14", num_classes=1000)
    assert count(ours) == count(theirs)


def test_the_lectures_example():
    """120×120 pixels in patches of 40: 9 tokens of 4800 numbers, W is 1024×4800."""
    vit = ViT(ViTConfig(image_size=120, patch_size=40, width=1024, depth=1, heads=16))
    assert vit.config.grid == (3, 3)
    assert tuple(vit.patches.projection.weight.shape) == (1024, 4800)
    assert vit.patches.projection.weight.numel() == 4_915_200
    assert tuple(vit.embed(torch.zeros(1, 3, 120, 120)).shape) == (1, 10, 1024)


def test_encode_returns_every_depth_as_data():
    vit = ViT(ViTConfig(**TINY))
    encoding = vit.encode(torch.randn(7, 3, 8, 8), attentions=True)
    assert [tuple(h.shape) for h in encoding.hidden_states] == [(7, 5, 12)] * 3
    assert [tuple(a.shape) for a in encoding.attentions] == [(7, 3, 5, 5)] * 2
    assert torch.equal(encoding.tokens, vit.norm(encoding.hidden_states[-1]))
    assert vit.encode(torch.randn(1, 3, 8, 8)).attentions == ()


def test_last_but_one_hidden_state_is_what_enters_the_last_block():
    """LLaVA reads hidden_states[-2]; reading [-1] is a known bug (LLaVA issue 1613)."""
    vit = ViT(ViTConfig(**TINY))
    states = vit.encode(torch.randn(2, 3, 8, 8)).hidden_states
    assert torch.equal(vit.transformer.blocks[-1](states[-2]), states[-1])
    assert (states[-2] - states[-1]).abs().max() > 0.01


@pytest.mark.parametrize("batch", [1, 7])
def test_logits_are_the_head_of_the_class_token(batch):
    vit = ViT(ViTConfig(**TINY, num_classes=5))
    torch.nn.init.normal_(vit.head.weight)
    images = torch.randn(batch, 3, 8, 8)
    want = vit.head(vit.encode(images).tokens[:, 0])
    torch.testing.assert_close(vit(images), want, atol=1e-5, rtol=1e-5)


def test_a_batch_equals_its_images_one_by_one():
    vit, images = ViT(ViTConfig(**TINY)), torch.randn(7, 3, 8, 8)
    alone = torch.cat([vit(image[None]) for image in images])
    torch.testing.assert_close(vit(images), alone, atol=1e-5, rtol=1e-5)


def test_without_a_head_the_class_token_comes_out():
    assert ViT(ViTConfig(**TINY))(torch.randn(2, 3, 8, 8)).shape == (2, 12)


def assert_a_patch_reaches_its_own_token(embed):
    """Pixels of the patch in row 1, column 0 of a 2×3 grid are those of token 1 + 3."""
    image = torch.zeros(1, 3, 8, 12)
    touched = image.clone()
    touched[:, :, 4:8, 0:4] = 1.0
    changed = (embed(touched) - embed(image)).abs().amax(dim=-1)[0] > 0
    assert changed.tolist() == [False, False, False, False, True, False, False]


def test_bug_patches_cut_with_a_reshape():
    """Pixel shuffle confused with reshape (InternVL issue 962): rows of pixels, not squares."""
    vit = ViT(ViTConfig(**TINY | {"image_size": (8, 12)}))
    assert_a_patch_reaches_its_own_token(vit.embed)

    def reshaped(images):
        patches = vit.patches.projection(images.reshape(1, 6, 48))
        return torch.cat((vit.class_token.expand(1, 1, -1), patches), 1) + vit.positions

    with pytest.raises(AssertionError):
        assert_a_patch_reaches_its_own_token(reshaped)


def assert_token_count(tokens: int, height: int, width: int, patch_size: int):
    assert tokens - 1 == (height // patch_size) * (width // patch_size)


def test_bug_class_token_counted_as_a_patch():
    """One token off in the patch count (transformers PR 34447)."""
    vit = ViT(ViTConfig(**TINY | {"image_size": (8, 12)}))
    assert_token_count(len(vit.positions), 8, 12, 4)
    assert_token_count(vit.embed(torch.zeros(1, 3, 8, 12)).shape[1], 8, 12, 4)
    with pytest.raises(AssertionError):
        assert_token_count(len(vit.positions) - 1, 8, 12, 4)


def test_a_new_model_starts_as_the_papers():
    vit = ViT(ViTConfig(**TINY | {"width": 96}, num_classes=5))
    assert vit.class_token.abs().max() == 0
    assert vit(torch.randn(2, 3, 8, 8)).abs().max() == 0
    assert abs(vit.positions.std().item() - 0.02) < 0.005
    bound = (6 / (96 + 96)) ** 0.5  # Glorot's, of ONE of the three square matrices
    for part in vit.transformer.blocks[0].attention.qkv.weight.split(96):
        assert 0.9 * bound < part.abs().max().item() <= bound


def test_bug_an_mlp_three_times_as_wide_was_drawn_as_if_it_were_queries_keys_and_values():
    """It was told from the shape of the matrix; its draws came out √2 too large."""
    vit = ViT(ViTConfig(**TINY | {"width": 96, "mlp_width": 3 * 96}))
    bound = (6 / (96 + 3 * 96)) ** 0.5  # Glorot's, of the whole 96×288 matrix
    assert 0.9 * bound < vit.transformer.blocks[0].mlp.up.weight.abs().max().item() <= bound


def test_shared_keys_are_drawn_by_themselves():
    vit = ViT(ViTConfig(**TINY | {"width": 96, "heads": 4, "kv_heads": 2}))
    for part in vit.transformer.blocks[0].attention.qkv.weight.split([96, 48, 48]):
        bound = (6 / (96 + len(part))) ** 0.5
        assert 0.9 * bound < part.abs().max().item() <= bound


@pytest.mark.parametrize("grid", [(2, 3), (4, 4), (1, 5)])
def test_resize_fits_the_model_to_other_images(grid):
    vit = ViT(ViTConfig(**TINY))
    before = vit.positions.detach().clone()
    assert vit.resize_((grid[0] * 4, grid[1] * 4)) is vit
    assert vit.config.grid == grid
    assert torch.equal(vit.positions[0], before[0])  # the class row is untouched
    picture = before[1:].T.reshape(1, 12, 2, 2)
    want = F.interpolate(picture, size=grid, mode="bicubic").flatten(2)[0].T
    torch.testing.assert_close(vit.positions[1:].detach(), want)
    assert vit(torch.randn(2, 3, grid[0] * 4, grid[1] * 4)).shape == (2, 12)
    assert "positions" in dict(vit.named_parameters())


def test_resize_to_the_same_size_is_an_identity():
    vit = ViT(ViTConfig(**TINY))
    before = vit.positions.detach().clone()
    assert torch.equal(vit.resize_(8).positions, before)


def test_it_overfits_one_batch():
    vit = ViT(ViTConfig(**TINY, num_classes=4))
    images, labels = torch.randn(8, 3, 8, 8), torch.arange(8) % 4
    optimiser = torch.optim.AdamW(vit.parameters(), lr=3e-3)
    for _ in range(150):
        loss = F.cross_entropy(vit(images), labels)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    assert loss < 0.05
    assert torch.equal(vit(images).argmax(1), labels)
    assert all(p.grad is not None and p.grad.abs().max() > 0 for p in vit.parameters())


@pytest.mark.parametrize(
    ("shape", "message"),
    [
        ((1, 3, 8, 12), r"8×12 pixels, this model was made for 8×8: resize them, or fit"),
        ((1, 1, 8, 8), r"1 channels .* made for 3"),
        ((3, 8, 8), r"images is .* add the batch with images\[None\]"),
        ((0, 3, 8, 8), r"\(0, 3, 8, 8\), wanted .* with B ≥ 1"),
    ],
)
def test_wrong_images_are_refused(shape, message):
    with pytest.raises(ValueError, match=message):
        ViT(ViTConfig(**TINY))(torch.zeros(shape))


def test_integer_images_are_refused():
    with pytest.raises(TypeError, match="scale them first"):
        ViT(ViTConfig(**TINY))(torch.zeros(1, 3, 8, 8, dtype=torch.uint8))


@pytest.mark.parametrize("variant", ["B", "B/", "X/16", "B-16", "b/16", "B/16.5", "/16"])
def test_unknown_variants_are_refused(variant):
    with pytest.raises(ValueError, match=r"is not known: pass a size of Ti, S, B, L, H, g, G"):
        ViT.from_variant(variant)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"patch_size": 3}, r"patch_size 3 does not divide 8×8: crop to 6×6 or pad to 9×9"),
        ({"heads": 5}, r"width 12 does not divide into 5 heads"),
        ({"num_classes": 0}, r"num_classes is 0: pass at least 1, or None for no head"),
    ],
)
def test_config_says_what_is_wrong(change, message):
    with pytest.raises(ValueError, match=message):
        ViTConfig(**TINY | change)
