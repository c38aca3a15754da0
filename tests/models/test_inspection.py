"""What is planted must be found; hand-made cases must give hand-made answers."""

import math
from functools import partial

import pytest
import torch

from mvlm.inspection import (
    attention_distance,
    attention_rollout,
    by_steps,
    deletion_curve,
    filter_components,
    neighbour_correlation,
    position_similarity,
    rank_correlation,
    ranks,
    share_explained,
    unit_range,
    with_attention,
)
from mvlm.vit import ViT, ViTConfig


def planted(filters: int = 200, strengths=(9.0, 4.0, 1.0)):
    """Filters that vary along three known pictures only, around a large common mean."""
    pictures = torch.linalg.qr(torch.randn(48, len(strengths))).Q.T  # 3 48, orthonormal
    amounts = torch.randn(filters, len(strengths)) * torch.tensor(strengths)
    amounts -= amounts.mean(0)
    amounts = torch.linalg.qr(amounts).Q * torch.tensor(strengths)  # uncorrelated
    return pictures, amounts @ pictures + 100 * torch.randn(48)


def assert_components_found(find):
    pictures, weight = planted()
    found = find(weight, 3).flatten(1)
    assert found.shape == (3, 48)
    cosines = (found * pictures).sum(1).abs()
    torch.testing.assert_close(cosines, torch.ones(3), atol=1e-3, rtol=0)


def test_planted_components_are_found():
    assert_components_found(lambda weight, k: filter_components(weight, components=k))


def test_bug_components_of_the_transpose():
    def transposed(weight, k):
        return torch.linalg.svd((weight.T - weight.T.mean(0)).T, full_matrices=False).Vh[:k]

    with pytest.raises(AssertionError):
        assert_components_found(transposed)


def test_bug_components_without_centring():
    def uncentred(weight, k):
        return torch.linalg.svd(weight, full_matrices=False).Vh[:k]

    with pytest.raises(AssertionError):
        assert_components_found(uncentred)


def test_components_are_28_pictures_of_length_1_with_a_fixed_sign():
    vit = ViT(ViTConfig(image_size=8, patch_size=4, width=60, depth=1, heads=3))
    weight = vit.patches.projection.weight
    found = filter_components(weight)
    assert found.shape == (28, 3, 4, 4)
    assert not found.requires_grad
    torch.testing.assert_close(found.flatten(1).norm(dim=1), torch.ones(28))
    flat = found.flatten(1)
    assert (flat.amax(1) >= -flat.amin(1)).all()
    torch.testing.assert_close(filter_components(-weight), found, atol=1e-4, rtol=0)


def test_unit_range():
    pictures = torch.stack((torch.randn(3, 4, 4), torch.full((3, 4, 4), 5.0)))
    scaled = unit_range(pictures)
    assert scaled[0].min() == 0
    assert scaled[0].max() == 1
    assert scaled[1].abs().max() == 0


@pytest.mark.parametrize(
    ("shape", "options", "message"),
    [
        ((10, 47), {}, r"47 numbers is no square of 3 channels"),
        ((10, 48), {"components": 11}, r"11 components of a 10×48 matrix: ask for 1 to 10"),
        ((10, 3, 4, 4), {}, r"wanted \(D, C·P·P\): flatten\(1\) it"),
    ],
)
def test_wrong_weights_are_refused(shape, options, message):
    with pytest.raises(ValueError, match=message):
        filter_components(torch.randn(shape), **options)


@pytest.mark.parametrize("class_rows", [0, 1])
def test_position_similarity_is_a_double_loop_of_cosines(class_rows):
    table = torch.randn(class_rows + 6, 5)
    similarity = position_similarity(table, (2, 3))
    assert similarity.shape == (2, 3, 2, 3)
    for i in range(6):
        for j in range(6):
            a, b = table[class_rows + i], table[class_rows + j]
            want = torch.dot(a, b) / a.norm() / b.norm()
            torch.testing.assert_close(similarity[i // 3, i % 3, j // 3, j % 3], want)
        assert similarity[i // 3, i % 3, i // 3, i % 3].item() == pytest.approx(1, abs=1e-6)


def test_a_table_of_another_grid_is_refused():
    with pytest.raises(ValueError, match=r"2×3 grid has 6 places, the table is \(8, 5\)"):
        position_similarity(torch.randn(8, 5), (2, 3))


# Two layers, two heads, a class token and two patches, small enough to do on paper.
# Heads average to A1 and A2; (A + I)/2 is already row-stochastic.
A1 = [[0.2, 0.8, 0.0], [0.0, 1.0, 0.0], [0.5, 0.0, 0.5]]
A2 = [[0.0, 0.4, 0.6], [1.0, 0.0, 0.0], [0.0, 0.0, 1.0]]


def two_layers():
    shift = torch.tensor([[0.1, -0.1, 0.0], [0.0, 0.0, 0.0], [-0.2, 0.0, 0.2]])
    first, second = torch.tensor(A1), torch.tensor(A2)
    return [torch.stack((m + shift, m - shift))[None] for m in (first, second)]  # 1 2 3 3


def test_rollout_on_paper():
    # residual 1: class row of (A2+I)/2 = [.5, .2, .3]; times the rows of (A1+I)/2:
    # [.6, .4, 0], [0, 1, 0], [.25, 0, .75] -> patch 1: .5·.4 + .2·1 = .4; patch 2: .3·.75 = .225
    torch.testing.assert_close(
        attention_rollout(two_layers(), (1, 2)), torch.tensor([[[0.4, 0.225]]])
    )
    # residual 0: [0, .4, .6] times the rows of A1 -> patch 1: .4·1; patch 2: .6·.5
    without = attention_rollout(two_layers(), (1, 2), residual=0.0)
    torch.testing.assert_close(without, torch.tensor([[[0.4, 0.3]]]))


def assert_unequal_rows_are_normalised(rollout):
    """Rows stop summing to 1 where small attentions were thrown away before."""
    layers = [layer * torch.tensor([0.5, 2.0, 1.0])[:, None] for layer in two_layers()]
    torch.testing.assert_close(rollout(layers, (1, 2)), torch.tensor([[[0.4, 0.3]]]))


def test_bug_rollout_sums_without_keepdim():
    """vit-explain issue 16: a row of sums divides the columns. Whole rows do not show it."""
    assert_unequal_rows_are_normalised(partial(attention_rollout, residual=0.0))

    def without_keepdim(attentions, grid):
        first, second = (layer.mean(1) / layer.mean(1).sum(-1) for layer in attentions)
        return (second @ first)[:, 0, 1:].reshape(-1, *grid)

    with pytest.raises(AssertionError):
        assert_unequal_rows_are_normalised(without_keepdim)


def test_distance_of_looking_at_oneself_is_0():
    assert attention_distance([torch.eye(9).expand(2, 4, 9, 9)], (3, 3), 40).tolist() == [[0.0] * 4]


@pytest.mark.parametrize("class_tokens", [0, 1])
def test_distance_of_looking_everywhere_alike(class_tokens):
    tokens = 196 + class_tokens
    uniform = torch.full((1, 1, tokens, tokens), 1 / tokens)
    assert attention_distance([uniform], (14, 14), 16).item() == pytest.approx(116.492, abs=5e-4)


def test_distance_is_a_double_loop():
    attention = torch.rand(2, 3, 7, 7).softmax(-1)
    got = attention_distance([attention, attention.flip(1)], (2, 3), 8)
    for head in range(3):
        total = 0.0
        for image in range(2):
            for q in range(6):
                row = attention[image, head, 1 + q, 1:]
                for k in range(6):
                    steps = math.hypot(q // 3 - k // 3, q % 3 - k % 3)
                    total += 8 * steps * (row[k] / row.sum()).item()
        assert got[0, head].item() == pytest.approx(total / 12, rel=1e-5)
        assert got[1, 2 - head].item() == pytest.approx(total / 12, rel=1e-5)


def test_distance_of_a_head_that_sees_only_the_class_token_is_0():
    attention = torch.zeros(1, 1, 5, 5)
    attention[..., 0] = 1
    assert attention_distance([attention], (2, 2), 4).item() == 0


def test_a_models_own_attentions_go_in():
    vit = ViT(ViTConfig(image_size=(8, 12), patch_size=4, width=12, depth=2, heads=3))
    attentions = vit.encode(torch.randn(2, 3, 8, 12), attentions=True).attentions
    assert attention_distance(attentions, vit.config.grid, 4).shape == (2, 3)
    assert attention_rollout(attentions, vit.config.grid).shape == (2, 2, 3)


@pytest.mark.parametrize("measure", [attention_rollout, lambda a, g: attention_distance(a, g, 4)])
def test_wrong_attentions_are_refused(measure):
    with pytest.raises(ValueError, match=r"ask for them, vit.encode\(images, attentions=True\)"):
        measure((), (2, 2))
    with pytest.raises(ValueError, match=r"attention is \(1, 1, 7, 7\), .* for a 2×2 grid"):
        measure([torch.zeros(1, 1, 7, 7)], (2, 2))
    with pytest.raises(ValueError, match=r"attention is \(1, 1, 4, 5\), wanted"):
        measure([torch.zeros(1, 1, 4, 5)], (2, 2))
    with pytest.raises(ValueError, match=r"attention is \(5, 5\), wanted"):
        measure([torch.zeros(5, 5)], (2, 2))
    with pytest.raises(ValueError, match="are of 1 and of 2 images: pass those of one batch"):
        measure([torch.ones(1, 1, 5, 5), torch.ones(2, 1, 5, 5)], (2, 2))


def two_by_three(batch: int = 3):
    """Pictures of 2×3 patches of 4 pixels, and a model of one matrix that reads every pixel."""
    images = torch.rand(batch, 3, 8, 12)
    matrix = torch.randn(3 * 8 * 12, 5) / 5
    ranking = torch.rand(batch, 6).argsort(dim=1)
    return images, ranking, lambda x: x.flatten(1) @ matrix


def test_deletion_curve_is_a_loop_over_pictures_and_patches():
    images, ranking, model = two_by_three()
    before = images.clone()
    counts = (0, 1, 4, 6)
    got = deletion_curve(model, images, ranking, 4, counts)
    assert got.shape == (4, 3)
    assert torch.equal(images, before)
    for b, image in enumerate(images):
        answer = model(image[None])[0].argmax()
        for row, count in enumerate(counts):
            hidden = image.clone()
            for place in ranking[b, :count].tolist():
                i, j = divmod(place, 3)
                for channel in range(3):
                    colour = image[channel].mean()
                    hidden[channel, 4 * i : 4 * i + 4, 4 * j : 4 * j + 4] = colour
            want = model(hidden[None]).softmax(dim=1)[0, answer]
            torch.testing.assert_close(got[row, b], want)


def test_deletion_curve_begins_with_the_answer_and_ends_with_one_colour():
    images, ranking, model = two_by_three()
    got = deletion_curve(model, images, ranking, 4, (0, 6))
    torch.testing.assert_close(got[0], model(images).softmax(dim=1).amax(dim=1))
    again = deletion_curve(model, images, ranking.flip(1), 4, (6,))
    torch.testing.assert_close(got[1:], again)


def test_deletion_curve_follows_the_ranking():
    """A model that reads one patch alone: hiding it, and no other, changes the answer."""
    images = torch.rand(1, 1, 4, 4)

    def model(x):
        return torch.stack((5 * x[:, 0, 2:, :2].std(dim=(1, 2)), x.new_zeros(len(x))), 1)

    first = torch.tensor([[2, 0, 1, 3]])
    curve = deletion_curve(model, images, first, 2, (0, 1, 2))[:, 0]
    assert curve[1] < curve[0]
    assert curve[2] == curve[1]
    last = deletion_curve(model, images, first.flip(1), 2, (0, 1, 2, 3, 4))[:, 0]
    assert last[0] == last[3] > last[4]


@pytest.mark.parametrize(
    ("ranking", "counts", "message"),
    [
        ([[0, 1, 2]], (0,), r"ranking is \(1, 3\), wanted \(1, 4\) with each of 0 to 3 once"),
        ([[0, 1, 2, 2]], (0,), "with each of 0 to 3 once in a row"),
        ([[0, 1, 2, 4]], (0,), "with each of 0 to 3 once in a row"),
        ([[0, 1, 2, 3]], (0, 5), "5 of 4 patches cannot be hidden: give 0 to 4"),
        ([[0, 1, 2, 3]], (-1,), "-1 of 4 patches cannot be hidden"),
    ],
)
def test_wrong_rankings_and_counts_are_refused(ranking, counts, message):
    with pytest.raises(ValueError, match=message):
        deletion_curve(
            lambda x: x.flatten(1), torch.rand(1, 1, 4, 4), torch.tensor(ranking), 2, counts
        )


def test_stripes_are_smooth_along_and_tint_does_not_count():
    picture = torch.zeros(3, 8, 8)
    picture[:, 2:4] = 1.0  # lying
    tinted = picture + torch.tensor([0.0, 5.0, -3.0])[:, None, None]
    noise = torch.randn(3, 8, 8)
    lying, standing, dyed, rough = neighbour_correlation(
        torch.stack([picture, picture.mT, tinted, noise])
    )
    torch.testing.assert_close(torch.stack([standing, dyed]), lying.repeat(2))
    # Across 1; down, in a column with two bright pixels of 8 that lie together, 0.3 by hand.
    assert lying.item() == pytest.approx((1 + 0.3) / 2, abs=1e-5)
    assert rough.abs() < 0.3


def test_share_explained_is_1_minus_what_is_left_in_groups():
    values = torch.tensor([1.0, 3.0, 7.0, 9.0])
    assert share_explained(values, torch.tensor([0, 0, 1, 1])) == pytest.approx(1 - 4 / 40)
    assert share_explained(values, torch.tensor([0.5, 1.5, 2.5, 3.5])) == pytest.approx(1)
    assert share_explained(values, torch.zeros(4)) == pytest.approx(0)


def test_ranks_of_two_maps():
    a = torch.tensor([[[0.1, 0.4], [0.2, 0.3]], [[5.0, 5.0], [1.0, 9.0]]])  # 2 2 2
    assert ranks(a).tolist() == [[0, 3, 1, 2], [1, 2, 0, 3]]
    torch.testing.assert_close(rank_correlation(a, 3 * a + 1), torch.ones(2))
    torch.testing.assert_close(rank_correlation(a[:1], -a[:1]), -torch.ones(1))
    assert rank_correlation(a[:1], torch.tensor([[0, 1, 2, 3.0]])).item() == pytest.approx(0.4)


def test_by_steps_is_a_loop_over_pairs():
    grid = (2, 3)
    look = torch.rand(2, 7, 7).softmax(dim=-1)
    places = [(row, column) for row in range(2) for column in range(3)]
    wanted = look.clone()
    for a, at in enumerate(places):
        for b, other in enumerate(places):
            step = (other[0] - at[0], other[1] - at[1])
            alike = [
                look[:, 1 + i, 1 + j]
                for i, one in enumerate(places)
                for j, two in enumerate(places)
                if (two[0] - one[0], two[1] - one[1]) == step
            ]
            wanted[:, 1 + a, 1 + b] = torch.stack(alike).mean(dim=0)
    wanted = wanted / wanted.sum(dim=-1, keepdim=True)
    torch.testing.assert_close(by_steps(look, grid), wanted)
    torch.testing.assert_close(by_steps(look[None], grid)[0], wanted)


def small_vit() -> ViT:
    config = ViTConfig(image_size=8, patch_size=4, width=12, depth=2, heads=3, num_classes=5)
    vit = ViT(config).eval()
    torch.nn.init.normal_(vit.head.weight)  # a new head answers 0 to everything
    return vit


def test_with_its_own_attention_a_model_answers_as_before():
    vit, images = small_vit(), torch.rand(4, 3, 8, 8)
    with torch.no_grad():
        wanted, seen = vit(images), vit.encode(images, attentions=True).attentions
    for layer, own in enumerate(seen):
        torch.testing.assert_close(with_attention(vit, images, layer, own), wanted)
        other = with_attention(vit, images, layer, own.roll(1, dims=-1))
        assert (other - wanted).abs().max() > 1e-3
    torch.testing.assert_close(vit(images), wanted)  # the hook is gone


def test_one_table_serves_all_pictures_and_a_hook_goes_with_an_error():
    vit, images = small_vit(), torch.rand(4, 3, 8, 8)
    table = torch.full((1, 3, 5, 5), 0.2)
    wanted = with_attention(vit, images, 0, table.expand(4, -1, -1, -1))
    torch.testing.assert_close(with_attention(vit, images, 0, table), wanted)
    with pytest.raises(RuntimeError):
        with_attention(vit, images, 0, torch.ones(1, 3, 4, 4))
    assert not vit.transformer.blocks[0].attention._forward_hooks
