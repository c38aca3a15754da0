"""Right and wrong answers to grouped_attention."""

import math

import torch
import torch.nn.functional as F

from bank import mistake, right


def attend(query, key, value, seen):
    scores = query @ key.mT / math.sqrt(query.shape[-1])
    return scores.masked_fill(~seen, -torch.inf).softmax(dim=-1) @ value


def corner(query, key):
    queries, keys = query.shape[2], key.shape[2]
    return torch.ones(queries, keys, dtype=torch.bool).tril(keys - queries)


def spread(query, x):
    return x.repeat_interleave(query.shape[1] // x.shape[1], dim=1)


@right("As the solutions write it.")
def master(query, key, value):
    return attend(query, spread(query, key), spread(query, value), corner(query, key))


@right("The queries of a group as an axis of their own; no key is copied.")
def by_groups(query, key, value):
    grouped = query.unflatten(1, (key.shape[1], -1))
    scores = torch.einsum("bkgtd,bksd->bkgts", grouped, key) / query.shape[-1] ** 0.5
    scores = scores.masked_fill(~corner(query, key), float("-inf"))
    return torch.einsum("bkgts,bksd->bkgtd", scores.softmax(-1), value).flatten(1, 2)


@right("torch's kernel, with its own sharing.")
def torchs(query, key, value):
    mask = corner(query, key)
    return F.scaled_dot_product_attention(query, key, value, attn_mask=mask, enable_gqa=True)


@right("A loop over the heads, and indices in place of a mask.")
def by_loops(query, key, value):
    batch, heads, queries, width = query.shape
    kv_heads, keys = key.shape[1:3]
    output = []
    for head in range(heads):
        asked = head // (heads // kv_heads)
        rows = []
        for t in range(queries):
            end = keys - queries + t + 1
            scores = (key[:, asked, :end] * query[:, head, t, None]).sum(-1) / width**0.5
            rows.append((scores.softmax(-1)[..., None] * value[:, asked, :end]).sum(1))
        output.append(torch.stack(rows, 1))
    return torch.stack(output, 1)


@mistake(
    "The keys are tiled, 0 1 0 1, and not 0 0 1 1.",
    fails="group-heads, group-causal, group-past, group-edges, group-gradient",
    says="head h asks key head h % K: keys or values were laid out as 0 1 0 1",
)
def tiled(query, key, value):
    times = query.shape[1] // key.shape[1]
    key, value = key.repeat(1, times, 1, 1), value.repeat(1, times, 1, 1)
    return attend(query, key, value, corner(query, key))


@mistake(
    "Every head asks the first key head.",
    fails="group-heads, group-causal, group-past, group-edges, group-gradient",
    says="every head asks key head 0",
)
def first_head(query, key, value):
    key, value = key[:, :1], value[:, :1]
    return attend(query, key, value, corner(query, key))


@mistake(
    "The scores are not divided at all.",
    fails="group-causal, group-past, group-edges, group-gradient",
    says="the scores are not divided by √d",
)
def unscaled(query, key, value):
    root = math.sqrt(query.shape[-1])
    return attend(query * root, spread(query, key), spread(query, value), corner(query, key))


@mistake(
    "Divided by the root of H·d.",
    fails="group-causal, group-past, group-edges, group-gradient",
    says="the scores are divided by the root of H·d: d is the width of ONE head",
)
def by_whole_width(query, key, value):
    less = query * query.shape[1] ** -0.5
    return attend(less, spread(query, key), spread(query, value), corner(query, key))


@mistake(
    "No mask at all.",
    fails="group-causal, group-past, group-edges, group-gradient",
    says="every query sees every key, those after it as well",
)
def no_mask(query, key, value):
    seen = torch.ones(query.shape[2], key.shape[2], dtype=torch.bool)
    return attend(query, spread(query, key), spread(query, value), seen)


@mistake(
    "The triangle is not moved where there is a past.",
    fails="group-past, group-edges, group-gradient",
    says="query t sees keys 0 to t: but the LAST query stands at the LAST key",
)
def unmoved(query, key, value):
    seen = torch.ones(query.shape[2], key.shape[2], dtype=torch.bool).tril()
    return attend(query, spread(query, key), spread(query, value), seen)


@mistake(
    "The mask is the wrong way round.",
    fails="group-heads, group-causal, group-past, group-edges, group-gradient",
    says="a query does not see its own token",
)
def inverted(query, key, value):
    seen = ~corner(query, key)
    return attend(query, spread(query, key), spread(query, value), seen).nan_to_num(0)


@mistake(
    "The softmax runs over the queries.",
    fails="group-causal, group-past, group-edges, group-gradient",
    says="the softmax runs over the queries: each query shares 1 among keys",
)
def over_queries(query, key, value):
    scores = query @ spread(query, key).mT / math.sqrt(query.shape[-1])
    weights = scores.masked_fill(~corner(query, key), -torch.inf).softmax(dim=-2)
    return weights.nan_to_num(0) @ spread(query, value)


@mistake(
    "A query does not see its own token.",
    fails="group-heads, group-causal, group-past, group-edges, group-gradient",
    says="a query does not see its own token",
)
def strictly_before(query, key, value):
    queries, keys = query.shape[2], key.shape[2]
    seen = torch.ones(queries, keys, dtype=torch.bool).tril(keys - queries - 1)
    return attend(query, spread(query, key), spread(query, value), seen).nan_to_num(0)


@mistake(
    "Hidden scores are 0, which is a score like another.",
    fails="group-causal, group-past, group-edges, group-gradient",
    says="What is a hidden score before the softmax?",
)
def filled_with_0(query, key, value):
    scores = query @ spread(query, key).mT / math.sqrt(query.shape[-1])
    scores = scores * corner(query, key)
    return scores.softmax(-1) @ spread(query, value)


@mistake(
    "Weights are set to 0 after the softmax and no longer sum to 1.",
    fails="group-causal, group-past, group-edges, group-gradient",
    says="What is a hidden score before the softmax?",
)
def after_softmax(query, key, value):
    scores = query @ spread(query, key).mT / math.sqrt(query.shape[-1])
    return scores.softmax(-1).masked_fill(~corner(query, key), 0) @ spread(query, value)


@mistake(
    "Hidden scores are -10,000, and true ones can be lower.",
    fails="group-edges",
    says="A fill of -10,000 is no -inf",
)
def low_fill(query, key, value):
    scores = query @ spread(query, key).mT / math.sqrt(query.shape[-1])
    return scores.masked_fill(~corner(query, key), -1e4).softmax(-1) @ spread(query, value)


@mistake(
    "exp by hand overflows or is 0.",
    fails="group-edges",
    says="softmax subtracts the largest first",
)
def exp_by_hand(query, key, value):
    scores = query @ spread(query, key).mT / math.sqrt(query.shape[-1])
    weights = scores.exp().masked_fill(~corner(query, key), 0)
    return weights / weights.sum(-1, keepdim=True) @ spread(query, value)


@mistake(
    "One output for each key head: the queries of a group are averaged.",
    fails="group-heads, group-causal, group-past, group-edges, group-gradient",
    says="which is that of the queries",
)
def averaged(query, key, value):
    grouped = query.unflatten(1, (key.shape[1], -1)).mean(2)
    return attend(grouped, key, value, corner(query, key))


@mistake(
    "The keys are repeated, the values tiled.",
    fails="group-heads, group-causal, group-past, group-edges, group-gradient",
    says="head h asks key head h % K",
)
def values_tiled(query, key, value):
    times = query.shape[1] // key.shape[1]
    return attend(query, spread(query, key), value.repeat(1, times, 1, 1), corner(query, key))


@mistake(
    "Works in float32 whatever comes.",
    fails="group-edges",
    says="the numbers went through float32 on the way: some digits are lost",
)
def through_float(query, key, value):
    asked, key, value = query.float(), key.float(), value.float()
    return attend(asked, spread(query, key), spread(query, value), corner(query, key)).to(
        query.dtype
    )


@mistake(
    "Keys and values are used without their gradient.",
    fails="group-gradient",
    says="no gradient reaches the keys",
)
def no_gradient(query, key, value):
    key, value = key.detach(), value.detach()
    return attend(query, spread(query, key), spread(query, value), corner(query, key))


@mistake(
    "Scales the queries in place.",
    fails="group-gradient",
    says="its first argument: after the call it is not what was passed",
)
def in_place(query, key, value):
    query /= math.sqrt(query.shape[-1])
    scores = query @ spread(query, key).mT
    return scores.masked_fill(~corner(query, key), -torch.inf).softmax(-1) @ spread(query, value)


@mistake(
    "Two heads to a key head, always.",
    fails="group-heads, group-edges",
    says="RuntimeError: The size of tensor a",
)
def pairs_always(query, key, value):
    key, value = key.repeat_interleave(2, 1), value.repeat_interleave(2, 1)
    key, value = key[:, : query.shape[1]], value[:, : query.shape[1]]
    return attend(query, key, value, corner(query, key))


@mistake(
    "Comes back as float32.",
    fails="group-edges",
    says="torch.float16 went in, torch.float32 came out; attention keeps the kind",
)
def comes_back_wide(query, key, value):
    wide = torch.float64 if query.dtype == torch.float64 else torch.float32
    query, key, value = query.to(wide), key.to(wide), value.to(wide)
    return attend(query, spread(query, key), spread(query, value), corner(query, key))


@mistake(
    "The mask is the wrong way round, and nan is left.",
    fails="group-heads, group-causal, group-past, group-edges, group-gradient",
    says="the output holds nan: the softmax of a query that sees no key is 0/0",
)
def inverted_nan(query, key, value):
    return attend(query, spread(query, key), spread(query, value), ~corner(query, key))
