"""Right and wrong answers to pool_windows."""

import math

import torch
import torch.nn.functional as F
from einops import rearrange

from bank import mistake, right


def cut(x, pool):
    """(K, R, S, …) → (K·windows, pool², …)."""
    x = x.unflatten(2, (-1, pool)).unflatten(1, (-1, pool)).transpose(2, 3)
    return x.flatten(3, 4).flatten(0, 2)


def attend(windows, seen, query, key, value, heads, asker=None, scale=None):
    windows = windows.masked_fill(~seen[..., None], 0)
    if asker is None:
        asker = windows.sum(1, keepdim=True) / seen.sum(1).clamp(min=1)[:, None, None]
    q, k, v = (
        (x @ w.T).unflatten(-1, (heads, -1)).transpose(1, 2)
        for x, w in ((asker, query), (windows, key), (windows, value))
    )
    scores = q @ k.mT * (q.shape[-1] ** -0.5 if scale is None else scale)
    scores = scores.masked_fill(~seen[:, None, None], torch.finfo(scores.dtype).min)
    pooled = (scores.softmax(-1) @ v).transpose(1, 2).flatten(1)
    return pooled * seen.any(1, keepdim=True)


@right("As the solutions write it.")
def master(features, picture, query, key, value, heads, pool):
    windows = rearrange(features, "k (r i) (s j) f -> (k r s) (i j) f", i=pool, j=pool)
    seen = rearrange(picture, "k (r i) (s j) -> (k r s) (i j)", i=pool, j=pool)
    windows = windows.masked_fill(~seen[..., None], 0)
    count = seen.sum(dim=1).clamp(min=1)
    mean = windows.sum(dim=1) / count[:, None]
    q = rearrange(mean @ query.T, "n (h d) -> n h 1 d", h=heads)
    k = rearrange(windows @ key.T, "n p (h d) -> n h p d", h=heads)
    v = rearrange(windows @ value.T, "n p (h d) -> n h p d", h=heads)
    scores = q @ k.mT / q.shape[-1] ** 0.5
    scores = scores.masked_fill(~seen[:, None, None], -1e30)
    pooled = rearrange(scores.softmax(dim=-1) @ v, "n h 1 d -> n (h d)")
    pooled = pooled * seen.any(dim=1, keepdim=True)
    return pooled.unflatten(0, (len(features), -1))


@right("Window by window, in loops, padding picked out.")
def by_loops(features, picture, query, key, value, heads, pool):
    images, rows, columns, _ = features.shape
    d = len(query) // heads
    result = []
    for image in range(images):
        for r in range(0, rows, pool):
            for s in range(0, columns, pool):
                seen = picture[image, r : r + pool, s : s + pool]
                some = features[image, r : r + pool, s : s + pool][seen]
                if len(some) == 0:
                    result.append(features.new_zeros(len(query)))
                    continue
                asks = query @ some.mean(0)
                parts = []
                for h in range(heads):
                    part = slice(h * d, h * d + d)
                    scores = (some @ key[part].T) @ asks[part] / math.sqrt(d)
                    parts.append(scores.softmax(0) @ (some @ value[part].T))
                result.append(torch.cat(parts))
    return torch.stack(result).unflatten(0, (images, -1))


@right("torch's kernel with a mask; windows without picture put to zero with where.")
def by_kernel(features, picture, query, key, value, heads, pool):
    seen, windows = cut(picture, pool), cut(features, pool)
    windows = torch.where(seen[..., None], windows, torch.zeros_like(windows))
    mean = windows.sum(1, keepdim=True) / seen.sum(1).clamp(min=1)[:, None, None]
    q, k, v = (
        rearrange(F.linear(x, w), "n t (h d) -> n h t d", h=heads)
        for x, w in ((mean, query), (windows, key), (windows, value))
    )
    some = seen | ~seen.any(1, keepdim=True)  # a window without picture: all, then none
    out = F.scaled_dot_product_attention(q, k, v, attn_mask=some[:, None, None])
    out = rearrange(out, "n h 1 d -> n (h d)")
    out = torch.where(seen.any(1, keepdim=True), out, torch.zeros_like(out))
    return out.reshape(len(features), -1, len(query))


@right("With unfold and einsum.")
def by_unfold(features, picture, query, key, value, heads, pool):
    windows = features.unfold(1, pool, pool).unfold(2, pool, pool)  # K r s F i j
    windows = windows.flatten(-2).flatten(1, 2).transpose(2, 3)  # K n p F
    seen = picture.unfold(1, pool, pool).unfold(2, pool, pool).flatten(-2).flatten(1, 2)
    windows = windows.masked_fill(~seen[..., None], 0)
    mean = windows.sum(2) / seen.sum(2, keepdim=True).clamp(min=1)
    q = (mean @ query.T).unflatten(-1, (heads, -1))
    k = (windows @ key.T).unflatten(-1, (heads, -1))
    v = (windows @ value.T).unflatten(-1, (heads, -1))
    scores = torch.einsum("knhd,knphd->knhp", q, k) / math.sqrt(q.shape[-1])
    weights = scores.masked_fill(~seen[:, :, None], -1e9).softmax(-1)
    weights = weights * seen[:, :, None]
    return torch.einsum("knhp,knphd->knhd", weights, v).flatten(-2)


@mistake(
    "A reshape alone: patches in a row, not in a square.",
    fails="pool-which, pool-attention, pool-heads, pool-padding, pool-gradient",
    says="patches that lie one after the other in a row were pooled",
)
def in_a_row(features, picture, query, key, value, heads, pool):
    windows = features.reshape(-1, pool * pool, features.shape[-1])
    seen = picture.reshape(-1, pool * pool)
    return attend(windows, seen, query, key, value, heads).unflatten(0, (len(features), -1))


@mistake(
    "Windows column by column.",
    fails="pool-which, pool-attention, pool-heads, pool-padding, pool-gradient",
    says="the squares stand column by column",
)
def column_by_column(features, picture, query, key, value, heads, pool):
    windows, seen = cut(features.transpose(1, 2), pool), cut(picture.transpose(1, 2), pool)
    return attend(windows, seen, query, key, value, heads).unflatten(0, (len(features), -1))


@mistake(
    "The first patch asks.",
    fails="pool-attention, pool-heads, pool-padding, pool-gradient",
    says="the query is the first patch's",
)
def first_asks(features, picture, query, key, value, heads, pool):
    windows, seen = cut(features, pool), cut(picture, pool)
    windows = windows.masked_fill(~seen[..., None], 0)
    first = seen.int().argmax(1)
    asker = windows[torch.arange(len(windows)), first][:, None]
    out = attend(windows, seen, query, key, value, heads, asker)
    return out.unflatten(0, (len(features), -1))


@mistake(
    "The sum asks.",
    fails="pool-attention, pool-heads, pool-padding, pool-gradient",
    says="the query is that of the patches' sum",
)
def sum_asks(features, picture, query, key, value, heads, pool):
    windows, seen = cut(features, pool), cut(picture, pool)
    windows = windows.masked_fill(~seen[..., None], 0)
    out = attend(windows, seen, query, key, value, heads, windows.sum(1, keepdim=True))
    return out.unflatten(0, (len(features), -1))


@mistake(
    "A plain mean of the values.",
    fails="pool-attention, pool-heads, pool-padding, pool-gradient",
    says="every patch has the same weight",
)
def plain_mean(features, picture, query, key, value, heads, pool):
    windows, seen = cut(features, pool), cut(picture, pool)
    windows = windows.masked_fill(~seen[..., None], 0)
    mean = windows.sum(1) / seen.sum(1).clamp(min=1)[:, None]
    return ((mean + 0 * windows.sum(1)) @ value.T).unflatten(0, (len(features), -1)) + 0 * (
        key.sum() + query.sum()
    )


@mistake(
    "The softmax runs over the heads.",
    fails="pool-which, pool-attention, pool-heads, pool-padding, pool-gradient",
    says="the softmax runs over the heads",
)
def over_heads(features, picture, query, key, value, heads, pool):
    windows, seen = cut(features, pool), cut(picture, pool)
    windows = windows.masked_fill(~seen[..., None], 0)
    mean = windows.sum(1, keepdim=True) / seen.sum(1).clamp(min=1)[:, None, None]
    q, k, v = (
        (x @ w.T).unflatten(-1, (heads, -1)).transpose(1, 2)
        for x, w in ((mean, query), (windows, key), (windows, value))
    )
    weights = (q @ k.mT / q.shape[-1] ** 0.5).softmax(1)
    out = (weights @ v).transpose(1, 2).flatten(1)
    return out.unflatten(0, (len(features), -1))


@mistake(
    "The scores are not divided.",
    fails="pool-attention, pool-heads, pool-padding, pool-gradient",
    says="the scores are not divided by √d",
)
def no_scale(features, picture, query, key, value, heads, pool):
    windows, seen = cut(features, pool), cut(picture, pool)
    out = attend(windows, seen, query, key, value, heads, scale=1.0)
    return out.unflatten(0, (len(features), -1))


@mistake(
    "Divided by the root of the whole width.",
    fails="pool-heads, pool-padding, pool-gradient",
    says="the scores are divided by √W: d is the width of ONE head",
)
def whole_width(features, picture, query, key, value, heads, pool):
    windows, seen = cut(features, pool), cut(picture, pool)
    out = attend(windows, seen, query, key, value, heads, scale=len(query) ** -0.5)
    return out.unflatten(0, (len(features), -1))


@mistake(
    "Heads cut crosswise.",
    fails="pool-heads, pool-padding, pool-gradient",
    says="the heads were cut wrongly",
)
def crosswise(features, picture, query, key, value, heads, pool):
    order = torch.arange(len(query)).view(-1, heads).T.flatten()
    windows, seen = cut(features, pool), cut(picture, pool)
    out = attend(windows, seen, query[order], key[order], value[order], heads)
    back = torch.empty_like(order)
    back[order] = torch.arange(len(order))
    return out[:, back].unflatten(0, (len(features), -1))


@mistake("Padding is not left out.", fails="pool-padding", says="patches of padding take part")
def padding_in(features, picture, query, key, value, heads, pool):
    windows, seen = cut(features, pool), cut(picture, pool)
    out = attend(windows, torch.ones_like(seen), query, key, value, heads)
    return out.unflatten(0, (len(features), -1))


@mistake(
    "Padding is left out of the mean and not of the softmax.",
    fails="pool-padding",
    says="attention gives them a share",
)
def padding_answers(features, picture, query, key, value, heads, pool):
    windows, seen = cut(features, pool), cut(picture, pool)
    windows = windows.masked_fill(~seen[..., None], 0)
    mean = windows.sum(1, keepdim=True) / seen.sum(1).clamp(min=1)[:, None, None]
    out = attend(windows, torch.ones_like(seen), query, key, value, heads, mean)
    return (out * seen.any(1, keepdim=True)).unflatten(0, (len(features), -1))


@mistake(
    "The mean is over all patches, zeros included.",
    fails="pool-padding",
    says="the mean is divided by ALL patches of the square",
)
def mean_of_all(features, picture, query, key, value, heads, pool):
    windows, seen = cut(features, pool), cut(picture, pool)
    windows = windows.masked_fill(~seen[..., None], 0)
    out = attend(windows, seen, query, key, value, heads, windows.mean(1, keepdim=True))
    return out.unflatten(0, (len(features), -1))


@mistake(
    "Padding is multiplied by zero: nan stays nan.",
    fails="pool-padding",
    says="the pooled vectors hold nan",
)
def times_zero(features, picture, query, key, value, heads, pool):
    features = features * picture[..., None]
    windows, seen = cut(features, pool), cut(picture, pool)
    mean = windows.sum(1, keepdim=True) / seen.sum(1).clamp(min=1)[:, None, None]
    q, k, v = (
        (x @ w.T).unflatten(-1, (heads, -1)).transpose(1, 2)
        for x, w in ((mean, query), (windows, key), (windows, value))
    )
    scores = (q @ k.mT / q.shape[-1] ** 0.5).masked_fill(~seen[:, None, None], -1e9)
    out = (scores.softmax(-1) @ v).transpose(1, 2).flatten(1) * seen.any(1, keepdim=True)
    return out.unflatten(0, (len(features), -1))


@mistake(
    "A window without picture is a softmax over nothing.",
    fails="pool-padding",
    says="the pooled vectors hold nan",
)
def over_nothing(features, picture, query, key, value, heads, pool):
    windows, seen = cut(features, pool), cut(picture, pool)
    windows = windows.masked_fill(~seen[..., None], 0)
    mean = windows.sum(1, keepdim=True) / seen.sum(1)[:, None, None]
    q, k, v = (
        (x @ w.T).unflatten(-1, (heads, -1)).transpose(1, 2)
        for x, w in ((mean, query), (windows, key), (windows, value))
    )
    scores = (q @ k.mT / q.shape[-1] ** 0.5).masked_fill(~seen[:, None, None], -torch.inf)
    return (scores.softmax(-1) @ v).transpose(1, 2).flatten(1).unflatten(0, (len(features), -1))


@mistake(
    "Everything in float32.",
    fails="pool-heads",
    says="torch.float64 went in, torch.float32 came out",
)
def in_float32(features, picture, query, key, value, heads, pool):
    given = (one.float() for one in (query, key, value))
    return master(features.float(), picture, *given, heads, pool)


@mistake(
    "Computed without gradients.", fails="pool-gradient", says="no gradient reaches the features"
)
def without_gradients(features, picture, query, key, value, heads, pool):
    with torch.no_grad():
        return master(features, picture, query, key, value, heads, pool)


@mistake(
    "The query is detached.", fails="pool-gradient", says="no gradient reaches the query's matrix"
)
def query_detached(features, picture, query, key, value, heads, pool):
    return master(features, picture, query.detach(), key, value, heads, pool)


@mistake(
    "The windows are pooled over the images as well.",
    fails="pool-which, pool-attention, pool-heads, pool-padding",
    says="images, squares, the width",
)
def one_image(features, picture, query, key, value, heads, pool):
    return master(features, picture, query, key, value, heads, pool).flatten(0, 1)[None]


@mistake(
    "The features that were passed are changed.",
    fails="pool-padding",
    says="changed its first argument",
)
def in_place(features, picture, query, key, value, heads, pool):
    out = master(features, picture, query, key, value, heads, pool)
    with torch.no_grad():
        features += 1
    return out


@mistake("Windows are always 2×2.", fails="pool-heads", says="images, squares, the width")
def two_by_two(features, picture, query, key, value, heads, pool):
    features, picture = (
        x[:, : x.shape[1] // 2 * 2, : x.shape[2] // 2 * 2] for x in (features, picture)
    )
    return master(features, picture, query, key, value, heads, 2)


@mistake(
    "The largest value of each number.",
    fails="pool-which, pool-attention, pool-heads, pool-padding, pool-gradient",
    says="the pooled vectors are not",
)
def largest(features, picture, query, key, value, heads, pool):
    windows, seen = cut(features, pool), cut(picture, pool)
    v = windows.masked_fill(~seen[..., None], 0) @ value.T
    return v.amax(1).unflatten(0, (len(features), -1)) + 0 * (key.sum() + query.sum())


@mistake(
    "Padding is put to zero in what was passed.",
    fails="pool-padding",
    says="changed its first argument",
)
def zeros_written(features, picture, query, key, value, heads, pool):
    with torch.no_grad():
        features[~picture] = 0
    return master(features, picture, query, key, value, heads, pool)


@mistake(
    "The score of padding is -100.", fails="pool-padding", says="-100 is a high one where those"
)
def minus_hundred(features, picture, query, key, value, heads, pool):
    windows, seen = cut(features, pool), cut(picture, pool)
    windows = windows.masked_fill(~seen[..., None], 0)
    mean = windows.sum(1, keepdim=True) / seen.sum(1).clamp(min=1)[:, None, None]
    q, k, v = (
        (x @ w.T).unflatten(-1, (heads, -1)).transpose(1, 2)
        for x, w in ((mean, query), (windows, key), (windows, value))
    )
    scores = (q @ k.mT / q.shape[-1] ** 0.5).masked_fill(~seen[:, None, None], -100)
    out = (scores.softmax(-1) @ v).transpose(1, 2).flatten(1) * seen.any(1, keepdim=True)
    return out.unflatten(0, (len(features), -1))
