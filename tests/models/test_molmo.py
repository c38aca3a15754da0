"""Molmo: its worked cases to the token, its geometry over thousands of sizes, and the model."""

from collections import Counter

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from mvlm.chat import Chat
from mvlm.generation import stream
from mvlm.language import LanguageConfig, LanguageModel
from mvlm.molmo import (
    MOLMO,
    AttentionPool,
    Connector,
    CropConfig,
    Molmo,
    cell_order,
    choose_tiling,
    crop_image,
    image_tokens,
    write_pictures,
)
from mvlm.tokenizer import Tokenizer
from mvlm.vit import ViT, ViTConfig

SMALL = CropConfig(crop_size=32, patch_size=4, margin=2, max_crops=6)  # 8×8 patches, window 16
CONFIGS = [MOLMO, SMALL, CropConfig(crop_size=48, patch_size=8, margin=0, max_crops=4)]
sides = st.integers(1, 4000)


def paint(height: int, width: int) -> torch.Tensor:
    """A picture with a colour of its own at every place: red runs down, green to the right."""
    rows, columns = torch.linspace(0, 1, height), torch.linspace(0, 1, width)
    blue = torch.full((height, width), 0.5)
    return torch.stack((rows[:, None].expand(-1, width), columns.expand(height, -1), blue))


# ------------------------------------------------------------------------------- worked cases


@pytest.mark.parametrize(
    ("size", "tiling", "count", "tokens", "patches", "columns"),
    [
        ((336, 336), (1, 1), 2, 316, 288, 24),
        ((480, 640), (2, 3), 7, 740, 704, 32),
    ],
)
def test_worked_cases(size, tiling, count, tokens, patches, columns):
    crops = crop_image(torch.rand(3, *size))
    assert choose_tiling(*size) == crops.tiling == tiling
    assert crops.pixels.shape == (count, 3, 336, 336)
    assert crops.masks.shape == (count, 576)
    assert len(crops.tokens) == tokens
    assert Counter(crops.tokens) == {
        "<im_patch>": patches,
        "<im_col>": columns,
        "<im_start>": 2,
        "<im_end>": 2,
    }
    assert len(crops.order) == patches


def test_molmos_own_sizes():
    assert (MOLMO.patches, MOLMO.cells, MOLMO.window, MOLMO.overlap) == (24, 12, 224, 112)
    assert MOLMO.size((2, 3)) == (560, 784)
    assert MOLMO.grid((2, 3)) == (20, 28)


# ------------------------------------------------------------------------------------- tiling


def scale_of(height, width, tiling):
    return min(224 * tiling[0] / (height - 112), 224 * tiling[1] / (width - 112))


@settings(max_examples=1500, deadline=None)
@given(st.integers(113, 6000), st.integers(113, 6000), st.integers(1, 16))
def test_tiling_is_the_best_there_is(height, width, max_crops):
    """Against all alternatives, by the rule itself."""
    chosen = choose_tiling(height, width, max_crops)
    scale = scale_of(height, width, chosen)
    assert chosen[0] * chosen[1] <= max_crops
    for rows in range(1, max_crops + 1):
        for columns in range(1, max_crops // rows + 1):
            other = scale_of(height, width, (rows, columns))
            if scale < 1:  # every tiling shrinks, this one least
                assert other <= scale
            else:  # this one enlarges, and none enlarges less
                assert other < 1 or other >= scale
            if other == scale:
                assert chosen[0] * chosen[1] <= rows * columns


@settings(max_examples=500, deadline=None)
@given(sides, sides)
def test_tiling_of_the_turned_picture_has_as_many_crops(height, width):
    rows, columns = choose_tiling(height, width)
    turned = choose_tiling(width, height)
    assert turned[0] * turned[1] == rows * columns


@given(st.integers(1, 111), sides)
def test_a_side_under_the_overlap_takes_one_crop(short, long):
    assert choose_tiling(short, long) == choose_tiling(long, short) == (1, 1)


@pytest.mark.parametrize(
    ("size", "tiling"),
    [((1, 1), (1, 1)), ((112, 112), (1, 1)), ((3000, 3000), (3, 3)), ((300, 4000), (1, 12))],
)
def test_extreme_sizes(size, tiling):
    assert choose_tiling(*size) == tiling


# -------------------------------------------------------------------------------------- tokens


@settings(max_examples=1000, deadline=None)
@given(sides, sides, st.sampled_from(CONFIGS))
def test_every_pooled_cell_lands_once_and_in_raster_order(height, width, config):
    tiling = choose_tiling(height, width, config.max_crops, crops=config)
    order, tokens = cell_order(tiling, config), image_tokens(tiling, config)
    rows, columns = config.grid(tiling)
    cells = config.cells**2
    assert tokens.count("<im_patch>") == len(order) == cells + rows * columns
    assert tokens.count("<im_col>") == config.cells + rows
    assert len(tokens) == len(order) + config.cells + rows + 4
    assert order.unique().numel() == len(order)  # no cell twice
    assert order[:cells].tolist() == list(range(cells))  # the full image first
    # Where each cell lies in the picture, from its crop and its place there: raster order.
    crop, within = (order[cells:] - cells).div(cells, rounding_mode="floor"), order[cells:] % cells
    inner = config.window // (config.patch_size * config.pool)
    row = crop.div(tiling[1], rounding_mode="floor") * inner + within // config.cells
    column = crop % tiling[1] * inner + within % config.cells
    assert (row * columns + column).tolist() == list(range(rows * columns))


def test_cells_come_from_the_crop_whose_window_they_lie_in():
    order = cell_order((2, 2), SMALL)[16:].view(6, 6)  # 4×4 cells a crop, margin 1, window 2
    expected = [[1, 1, 1, 2, 2, 2]] * 3 + [[3, 3, 3, 4, 4, 4]] * 3
    assert (order // 16).tolist() == expected
    assert order[0].tolist() == [16, 17, 18, 33, 34, 35]


def test_layout_of_a_small_picture():
    tokens = image_tokens((1, 1), CropConfig(crop_size=8, patch_size=2, margin=0))
    row = ["<im_patch>", "<im_patch>", "<im_col>"]
    assert tokens == ["<im_start>", *row, *row, "<im_end>"] * 2


# --------------------------------------------------------------------------------------- crops


@pytest.mark.parametrize("size", [(70, 51), (32, 32), (9, 90), (100, 100), (1, 1)])
def test_each_cell_shows_the_place_it_stands_for(size):
    """Average each cell's pixels: red must grow down and green to the right, over the crops."""
    config = CropConfig(
        crop_size=32, patch_size=4, margin=2, max_crops=6, mean=(0,) * 3, std=(1,) * 3
    )
    crops = crop_image(paint(*size), config)
    cells = F.avg_pool2d(crops.pixels, 8).flatten(2)  # (K, 3, C·C)
    colours = cells.permute(1, 0, 2).flatten(1)[:, crops.order]  # (3, patch tokens)
    share = F.avg_pool2d(crops.masks.unflatten(1, (1, 8, 8)), 2).flatten()[crops.order]
    rows, columns = config.grid(crops.tiling)
    for part, (r, c) in ((slice(0, 16), (4, 4)), (slice(16, None), (rows, columns))):
        whole = share[part].view(r, c) == 1
        red, green = colours[:2, part].unflatten(1, (r, c))
        assert (red.diff(dim=0)[whole[1:] & whole[:-1]] > -1e-4).all()
        assert (green.diff(dim=1)[whole[:, 1:] & whole[:, :-1]] > -1e-4).all()


def test_neighbouring_crops_share_their_overlap():
    crops = crop_image(torch.rand(3, 560, 784))
    pixels = crops.pixels[1:].unflatten(0, crops.tiling)  # (2, 3, 3, 336, 336)
    assert torch.equal(pixels[0, 0, :, :, 224:], pixels[0, 1, :, :, :112])
    assert torch.equal(pixels[0, 0, :, 224:], pixels[1, 0, :, :112])


def test_a_picture_of_the_right_size_is_not_resampled():
    picture = torch.rand(3, 560, 784)
    crops = crop_image(picture, CropConfig(mean=(0, 0, 0), std=(1, 1, 1)))
    assert (crops.pixels[1] - picture[:, :336, :336]).abs().max() < 1e-6
    assert (crops.pixels[6] - picture[:, 224:, 448:]).abs().max() < 1e-6


def test_regression_masks_are_aligned_with_their_crops():
    """allenai/molmo #50: with the full image in front, its masks were one crop behind.

    A wide picture: the full image has padding above and below, the crops have less or none.
    """
    crops = crop_image(torch.ones(3, 120, 400))
    dark = F.avg_pool2d(crops.pixels.mean(1, keepdim=True), 14).flatten(1)
    black = dark.min()
    assert (crops.masks[0] == 0).any()
    assert not torch.equal(crops.masks[0], crops.masks[1])
    for pixels, masks in zip(dark, crops.masks, strict=True):
        assert torch.equal(pixels < black + 1e-3, masks == 0)
        assert torch.equal(pixels > dark.max() - 1e-3, masks == 1)


def test_padding_is_black_before_normalising():
    crops = crop_image(Image.new("RGB", (336, 100), (255, 255, 255)))
    corner = crops.pixels[0, :, 0, 0] * torch.tensor(MOLMO.std) + torch.tensor(MOLMO.mean)
    assert corner.abs().max() < 1e-6
    middle = crops.pixels[0, :, 168, 168] * torch.tensor(MOLMO.std) + torch.tensor(MOLMO.mean)
    assert (middle - 1).abs().max() < 1e-6


def test_masks_say_how_much_of_a_patch_is_picture():
    crops = crop_image(torch.ones(3, 330, 336))  # scaled to 330 of 336 rows: 3 rows of black
    mask = crops.masks[0].view(24, 24)
    assert torch.allclose(mask[0], torch.tensor(11 / 14))
    assert torch.allclose(mask[-1], torch.tensor(11 / 14))
    assert (mask[1:-1] == 1).all()


# ------------------------------------------------------------------------------------- pooling


@torch.no_grad()
def test_attention_pool_is_a_loop_over_windows():
    pool = AttentionPool(10, 12, 3)
    features = torch.randn(2, 4, 6, 10)
    pooled = pool(features)
    assert pooled.shape == (2, 6, 12)
    for image in range(2):
        for row in range(2):
            for column in range(3):
                patches = [
                    features[image, 2 * row + i, 2 * column + j] for i in (0, 1) for j in (0, 1)
                ]
                query = pool.query(sum(patches) / 4).view(3, 4)
                gathered = []
                for head in range(3):
                    here = slice(4 * head, 4 * head + 4)
                    scores = [float(query[head] @ pool.key(p)[here]) / 2 for p in patches]
                    weights = torch.tensor(scores).softmax(0)
                    gathered.append(
                        sum(w * pool.value(p)[here] for w, p in zip(weights, patches, strict=True))
                    )
                expected = pool.out(torch.cat(gathered))
                assert torch.allclose(pooled[image, 3 * row + column], expected, atol=1e-5)


def test_regression_pooling_is_not_a_reshape():
    """InternVL #962: a window is 2×2 neighbours, not four in a row."""
    pool = AttentionPool(4, 4, 1)
    features = torch.randn(1, 4, 4, 4)
    changed = features.clone()
    changed[0, 0, 2] += 1  # belongs to the second window of the first row
    difference = (pool(features) - pool(changed)).abs().sum(-1)[0]
    assert difference.nonzero()[:, 0].tolist() == [1]


def test_padding_vectors_tell_whole_from_part():
    connector = Connector(6, pool_width=8, heads=2, mlp_width=10, width=7)
    features, ones = torch.randn(1, 2, 2, 6), torch.ones(1, 4)
    before = connector(features, ones)
    torch.nn.init.normal_(connector.padding)
    assert torch.equal(connector(features, ones), before)
    part, whole = (connector(features, ones * torch.tensor([1, 1, 1, s])) for s in (0.5, 0.0))
    assert not torch.allclose(part, before)
    assert not torch.allclose(part, whole)


# --------------------------------------------------------------------------------------- model

CROPS = CropConfig(crop_size=16, patch_size=4, margin=0, max_crops=2)  # 4×4 patches, 2×2 cells
PATCH = 50


def tiny() -> Molmo:
    vision = ViT(ViTConfig(image_size=16, patch_size=4, width=24, depth=3, heads=2))
    language = LanguageModel(
        LanguageConfig(vocab_size=60, width=32, depth=2, heads=4, kv_heads=2, mlp_width=48)
    )
    connector = Connector(48, pool_width=24, heads=2, mlp_width=40, width=32)
    return Molmo(vision, connector, language, patch_id=PATCH, feature_layers=(-2, -3)).eval()


def prompt(crops, text=(1, 2, 3)):
    ids = {"<im_patch>": PATCH, "<im_start>": 51, "<im_end>": 52, "<im_col>": 53}
    return [*(ids[token] for token in crops.tokens), *text]


def test_pictures_are_added_to_the_embeddings_of_their_patch_tokens():
    molmo = tiny()
    crops = crop_image(torch.rand(3, 16, 30), CROPS)
    ids = torch.tensor([prompt(crops)])
    added = molmo.embed([crops], ids) - molmo.language.embed(ids)
    patches = ids[0] == PATCH
    assert (added[0, ~patches] == 0).all()
    assert torch.allclose(added[0, patches], molmo.features([crops]), atol=1e-6)


def test_features_are_two_layers_joined_without_the_class_token():
    molmo = tiny()
    crops = crop_image(torch.rand(3, 16, 30), CROPS)
    states = molmo.vision.encode(crops.pixels).hidden_states
    assert len(states) == 4
    joined = torch.cat((states[2][:, 1:], states[1][:, 1:]), -1)  # (K, 16, 48)
    cells = molmo.connector(joined.view(-1, 4, 4, 48), crops.masks).flatten(0, 1)
    assert torch.allclose(molmo.features([crops]), cells[crops.order], atol=1e-6)


def test_for_24_layers_the_features_are_those_of_blocks_22_and_15():
    states = [f"block {i}" for i in range(25)]
    layers = Molmo.__init__.__kwdefaults__["feature_layers"]
    assert [states[layer] for layer in layers] == ["block 22", "block 15"]


def test_a_batch_of_pictures_equals_each_alone():
    molmo = tiny()
    pictures = [crop_image(torch.rand(3, *size), CROPS) for size in ((16, 30), (16, 16), (30, 10))]
    alone = torch.cat([molmo.features([crops]) for crops in pictures])
    assert torch.allclose(molmo.features(pictures), alone, atol=1e-5)
    prompts = [
        prompt(crops, text) for crops, text in zip(pictures, ((1,), (2, 3), (4,)), strict=True)
    ]
    together = molmo.generate(pictures, prompts, max_new_tokens=6)
    each = [
        molmo.generate([crops], [row], max_new_tokens=6)[0]
        for crops, row in zip(pictures, prompts, strict=True)
    ]
    assert together == each
    assert [list(step) for step in molmo.stream(pictures, prompts, max_new_tokens=6)] == [
        list(step) for step in zip(*together, strict=True)
    ]


def test_cached_generation_equals_reading_everything_again():
    molmo = tiny()
    for parameter in molmo.parameters():
        parameter.data.add_(0.2 * torch.randn_like(parameter))
    crops = crop_image(torch.rand(3, 16, 30), CROPS)
    row = prompt(crops)
    (made,) = molmo.generate([crops], [row], max_new_tokens=10)
    for token in made:
        with torch.no_grad():
            assert int(molmo([crops], torch.tensor([row])).logits[0, -1].argmax()) == token
        row = [*row, token]


def test_text_alone_needs_no_picture():
    molmo, ids = tiny(), torch.tensor([[1, 2, 3]])
    assert torch.equal(molmo([], ids).logits, molmo.language(ids))
    assert next(molmo.stream([], [[1, 2]], max_new_tokens=1)) == next(
        stream(molmo.language, [[1, 2]], max_new_tokens=1)
    )


def test_pictures_are_written_into_a_chat():
    tokenizer = Tokenizer.train(["where is the cat?"], vocab_size=300)
    chat = Chat(tokenizer=tokenizer)
    crops = crop_image(torch.rand(3, 16, 30), CROPS)
    before = chat.example([("<image>where?", "here")])
    after = write_pictures(before, [crops], tokenizer)
    at = before.ids.index(-200)
    written = slice(at, at + len(crops.tokens))
    shown = tokenizer.decode(after.ids[written], skip_special=False)
    assert shown == "".join(crops.tokens)
    assert after.ids[:at] + after.ids[written.stop :] == [t for t in before.ids if t != -200]
    assert set(after.labels[written]) == {-100}
    assert after.labels[written.stop :] == before.labels[at + 1 :]
    with pytest.raises(ValueError, match="2 pictures came for 1 image markers"):
        write_pictures(before, [crops, crops], tokenizer)


def test_overfits_one_batch():
    molmo = tiny().train()
    pictures = [crop_image(torch.rand(3, 16, 16), CROPS) for _ in range(4)]
    ids = torch.tensor([prompt(crops, (1, 10 + i, 20 + i)) for i, crops in enumerate(pictures)])
    labels = ids.clone()
    labels[:, :-2] = -100
    optimiser = torch.optim.AdamW(molmo.parameters(), lr=3e-3)
    for _ in range(80):
        loss = molmo(pictures, ids, labels).loss
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    assert loss.item() < 0.2  # log 60 = 4.1 at the start
    assert molmo.connector.pool.query.weight.grad.abs().sum() > 0
    answers = molmo.eval().generate(pictures, ids[:, :-2].tolist(), max_new_tokens=2)
    assert answers == ids[:, -2:].tolist()


# ----------------------------------------------------------------------------------- bad input


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"crop_size": 340}, "crop_size 340 is no multiple of 14·2"),
        ({"margin": 3}, "margin 3 is no multiple of pool 2"),
        ({"margin": 12}, "two margins of 12 patches leave no window in a crop of 336 pixels"),
        ({"max_crops": 0}, "max_crops is 0: pass at least 1"),
    ],
)
def test_bad_configs(changes, message):
    with pytest.raises(ValueError, match=message):
        CropConfig(**changes)


def test_bad_pictures_and_sizes():
    with pytest.raises(ValueError, match="the picture is 0×5 pixels"):
        choose_tiling(0, 5)
    with pytest.raises(ValueError, match="max_crops is 0"):
        choose_tiling(5, 5, 0)
    with pytest.raises(ValueError, match=r"the picture is \(1, 5, 5\), wanted \(3, H, W\)"):
        crop_image(torch.zeros(1, 5, 5))
    with pytest.raises(ValueError, match="3×4 patches do not divide into windows of 2×2"):
        AttentionPool(4, 4, 1)(torch.zeros(1, 3, 4, 4))
    with pytest.raises(ValueError, match="width 5 does not divide into 2 heads"):
        AttentionPool(4, 5, 2)


def test_bad_prompts():
    molmo = tiny()
    crops = crop_image(torch.rand(3, 16, 16), CROPS)
    row = prompt(crops)
    with pytest.raises(ValueError, match="8 patch tokens came for 2 pictures, which take 16"):
        molmo([crops, crops], torch.tensor([row]))
    with pytest.raises(ValueError, match="8 patch tokens came for 0 pictures"):
        molmo([], torch.tensor([row]))
    with pytest.raises(ValueError, match="a prompt is empty"):
        molmo.generate([crops], [row, []], max_new_tokens=1)
    with pytest.raises(ValueError, match="patch_id 60 is outside the vocabulary"):
        Molmo(molmo.vision, molmo.connector, molmo.language, patch_id=60)
