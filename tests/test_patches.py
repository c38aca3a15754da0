"""Patches, their embedding and positions, against independent sources."""

import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st

from mvlm.patches import (
    PatchEmbedding,
    grid_size,
    patchify,
    resize_positions,
    sincos_positions,
    unpatchify,
)


def random_images(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def test_the_lectures_numbers():
    patches = patchify(random_images(1, 3, 120, 120), 40)
    assert patches.shape == (1, 9, 4800)
    embedding = PatchEmbedding(40, 1024, bias=False)
    assert embedding.projection.weight.shape == (1024, 4800)
    assert sum(p.numel() for p in embedding.parameters()) == 4_915_200
    assert embedding(random_images(1, 3, 120, 120)).shape == (1, 9, 1024)


@given(
    batch=st.integers(1, 3),
    channels=st.integers(1, 4),
    rows=st.integers(1, 4),
    columns=st.integers(1, 4),
    patch_size=st.integers(1, 5),
)
def test_patchify_equals_slicing_and_unpatchify_undoes_it(
    batch, channels, rows, columns, patch_size
):
    images = random_images(batch, channels, rows * patch_size, columns * patch_size)
    patches = patchify(images, patch_size)
    assert patches.shape == (batch, rows * columns, channels * patch_size**2)
    for row in range(rows):
        for column in range(columns):
            top, left = row * patch_size, column * patch_size
            cut = images[:, :, top : top + patch_size, left : left + patch_size]
            assert torch.equal(patches[:, row * columns + column], cut.flatten(1))
    size = (rows * patch_size, columns * patch_size)
    assert torch.equal(unpatchify(patches, patch_size, size), images)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.uint8, torch.int64])
def test_patchify_takes_any_dtype(dtype):
    images = (random_images(2, 3, 8, 12) * 50).to(dtype)
    assert torch.equal(unpatchify(patchify(images, 4), 4, (8, 12)), images)


def test_patchify_takes_a_transposed_view_and_leaves_it_alone():
    images = random_images(2, 3, 8, 12).transpose(2, 3)
    before = images.clone()
    assert torch.equal(unpatchify(patchify(images, 4), 4, (12, 8)), images)
    assert torch.equal(images, before)


def test_patchify_under_autograd():
    images = random_images(1, 2, 4, 6).double().requires_grad_()
    assert torch.autograd.gradcheck(lambda x: patchify(x, 2), images)
    assert torch.autograd.gradcheck(lambda x: unpatchify(patchify(x, 2), 2, (4, 6)), images)


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("size", [(120, 120), (80, 160)])
def test_embedding_equals_a_strided_convolution(size, bias):
    images = random_images(2, 3, *size)
    embedding = PatchEmbedding(40, 64, bias=bias)
    tokens = embedding(images)
    convolution = embedding.as_convolution()(images)
    torch.testing.assert_close(tokens, convolution.flatten(2).transpose(1, 2), atol=1e-5, rtol=0)
    # The same numbers by torch's functional convolution, without our reshaping of the weight.
    weight = embedding.projection.weight.unflatten(1, (3, 40, 40))
    expected = F.conv2d(images, weight, embedding.projection.bias, stride=40)
    torch.testing.assert_close(tokens, expected.flatten(2).mT, atol=1e-5, rtol=0)


def test_embedding_equals_transformers_vit():
    from transformers import ViTConfig
    from transformers.models.vit.modeling_vit import ViTPatchEmbeddings

    torch.manual_seed(0)
    theirs = ViTPatchEmbeddings(ViTConfig(image_size=48, patch_size=16, hidden_size=32))
    ours = PatchEmbedding(16, 32)
    ours.projection.weight.data = theirs.projection.weight.data.flatten(1)
    ours.projection.bias.data = theirs.projection.bias.data
    images = random_images(2, 3, 48, 48)
    torch.testing.assert_close(ours(images), theirs(images), atol=1e-5, rtol=0)


def test_embedding_equals_transformers_clip():
    from transformers import CLIPVisionConfig, CLIPVisionModel

    torch.manual_seed(0)
    config = CLIPVisionConfig(
        image_size=48,
        patch_size=16,
        hidden_size=32,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=8,
    )
    model = CLIPVisionModel(config)
    embeddings = getattr(model, "vision_model", model).embeddings
    ours = PatchEmbedding(16, 32, bias=False)
    ours.projection.weight.data = embeddings.patch_embedding.weight.data.flatten(1)
    images = random_images(2, 3, 48, 48)
    theirs = embeddings(images)[:, 1:] - embeddings.position_embedding.weight[1:]
    torch.testing.assert_close(ours(images), theirs, atol=1e-5, rtol=0)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_patches_and_embedding_agree_on_the_gpu():
    images = random_images(2, 3, 120, 80)
    assert torch.equal(patchify(images.cuda(), 40).cpu(), patchify(images, 40))
    embedding = PatchEmbedding(40, 64)
    tokens = embedding(images)
    torch.testing.assert_close(embedding.cuda()(images.cuda()).cpu(), tokens, atol=1e-4, rtol=0)


# --- positions ---------------------------------------------------------------------------------


@pytest.mark.parametrize("grid", [(3, 3), (14, 14), (2, 5)])
def test_sincos_positions_equal_transformers_mae(grid):
    mae = pytest.importorskip("transformers.models.vit_mae.modeling_vit_mae")
    theirs = mae.build_2d_sinusoidal_position_embedding(*grid, embed_dim=64)
    torch.testing.assert_close(sincos_positions(*grid, 64), theirs, atol=1e-6, rtol=0)


def test_sincos_positions_by_hand():
    table = sincos_positions(2, 5, 8)
    assert table.shape == (10, 8)
    row, column, frequency = 1, 3, 10000 ** (-1 / 2)
    assert table[row * 5 + column, 3] == pytest.approx(math.cos(row * frequency), abs=1e-6)
    assert table[row * 5 + column, 5] == pytest.approx(math.sin(column * frequency), abs=1e-6)


def test_resize_positions_equals_transformers_vit():
    from transformers import ViTConfig
    from transformers.models.vit.modeling_vit import ViTEmbeddings

    torch.manual_seed(0)
    theirs = ViTEmbeddings(ViTConfig(image_size=64, patch_size=16, hidden_size=8))
    torch.nn.init.normal_(theirs.position_embeddings)
    ours = resize_positions(theirs.position_embeddings[0], (4, 4), (6, 3), class_rows=1)
    expected = theirs.interpolate_pos_encoding(torch.zeros(1, 1 + 18, 8), 6 * 16, 3 * 16)[0]
    torch.testing.assert_close(ours, expected, atol=1e-6, rtol=0)


@given(rows=st.integers(1, 9), columns=st.integers(1, 9))
def test_resize_positions_to_any_grid(rows, columns):
    """A constant table stays constant, and the class row is not touched."""
    table = torch.cat([torch.full((1, 4), 7.0), torch.ones(6, 4)])
    resized = resize_positions(table, (2, 3), (rows, columns), class_rows=1)
    assert resized.shape == (1 + rows * columns, 4)
    assert torch.equal(resized[0], table[0])
    torch.testing.assert_close(resized[1:], torch.ones(rows * columns, 4))


def test_resize_positions_same_grid_is_an_identity():
    table = torch.randn(6, 4)
    assert torch.equal(resize_positions(table, (2, 3), (2, 3)), table)
    assert resize_positions(table.half(), (2, 3), (4, 4)).dtype == torch.float16


def test_resize_positions_by_size_never_by_scale_factor():
    """A known bug: 7·(10/7) computed in floats can round down to 9 rows."""
    for old in range(2, 17):
        for new in range(1, 25):
            table = torch.zeros(old * old, 4)
            assert len(resize_positions(table, (old, old), (new, new))) == new * new


# --- bad input ---------------------------------------------------------------------------------

IMAGES = torch.zeros(1, 3, 128, 128)


@pytest.mark.parametrize(
    ("patch_size", "error", "message"),
    [
        (
            40,
            ValueError,
            "patch_size 40 does not divide 128×128: crop to 120×120 or pad to 160×160",
        ),
        (200, ValueError, "does not divide 128×128: pad to 200×200"),
        (0, ValueError, "patch_size is 0: pass at least 1 pixel"),
        (-4, ValueError, "patch_size is -4"),
        (4.0, TypeError, "patch_size is 4.0, a float: pass a whole number"),
        ("4", TypeError, "patch_size is '4', a str"),
        (None, TypeError, "patch_size is None"),
    ],
)
def test_bad_patch_size(patch_size, error, message):
    with pytest.raises(error, match=message):
        patchify(IMAGES, patch_size)


def test_patch_size_may_be_a_numpy_integer():
    assert patchify(IMAGES, np.int64(32)).shape == (1, 16, 3072)


@pytest.mark.parametrize(
    ("images", "error", "message"),
    [
        (
            IMAGES[0],
            ValueError,
            r"\(3, 128, 128\), wanted .*: add the batch with images\[None\]",
        ),
        (IMAGES[0, 0], ValueError, r"images is \(128, 128\), wanted \(B, C, H, W\)"),
        (IMAGES[:0], ValueError, r"images is \(0, 3, 128, 128\), wanted .* with B ≥ 1"),
        (IMAGES[..., :0], ValueError, "128×0 pixels"),
        (IMAGES.numpy(), TypeError, "images is a ndarray: pass a torch tensor"),
    ],
)
def test_bad_images(images, error, message):
    with pytest.raises(error, match=message):
        patchify(images, 32)


def test_bad_unpatchify():
    with pytest.raises(ValueError, match=r"6 patches do not make a square grid: pass image_size"):
        unpatchify(torch.zeros(1, 6, 48), 4)
    with pytest.raises(ValueError, match=r"has 2×2 = 4 patches of 4 pixels, but 6 came"):
        unpatchify(torch.zeros(1, 6, 48), 4, (8, 8))
    with pytest.raises(ValueError, match=r"50 numbers is not C·4·4"):
        unpatchify(torch.zeros(1, 4, 50), 4)
    with pytest.raises(ValueError, match=r"patches is \(4, 48\), wanted \(B, N, C·P·P\)"):
        unpatchify(torch.zeros(4, 48), 4)


def test_bad_embedding_input():
    embedding = PatchEmbedding(4, 8)
    with pytest.raises(TypeError, match=r"torch.uint8 numbers.*images.float\(\) / 255"):
        embedding(torch.zeros(1, 3, 8, 8, dtype=torch.uint8))
    with pytest.raises(ValueError, match="1 channels .* made for 3"):
        embedding(torch.zeros(1, 1, 8, 8))


def test_bad_positions():
    with pytest.raises(ValueError, match="multiple of 4"):
        sincos_positions(2, 2, 6)
    with pytest.raises(ValueError, match=r"3×3 grid has 9 places, the table is \(8, 4\)"):
        resize_positions(torch.zeros(8, 4), (3, 3), (2, 2))
    with pytest.raises(ValueError, match="class_rows=1 if a class token's row stands before"):
        resize_positions(torch.zeros(10, 4), (3, 3), (2, 2))
    with pytest.raises(ValueError, match="at least one row"):
        resize_positions(torch.zeros(9, 4), (3, 3), (0, 2))


def test_grid_size_of_common_models():
    assert grid_size(336, 336, 14) == (24, 24)
    assert grid_size(224, 224, 16) == (14, 14)
