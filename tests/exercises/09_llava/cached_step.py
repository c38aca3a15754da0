"""Right and wrong answers to cached_step."""

import math

import einops
import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from bank import mistake, right


@mistake(
    "exp of the scores as they are, which is 0 for all of a row far below 0.",
    fails="step-mask",
    says="the output holds nan",
)
def naive_exp(query, key, value, past_keys, past_values, mask):
    tokens = past_keys.shape[2]
    keys = torch.zeros(*past_keys.shape[:2], tokens + 1, past_keys.shape[3])
    values = torch.zeros_like(keys)
    keys[:, :, :tokens], keys[:, :, tokens:] = past_keys, key
    values[:, :, :tokens], values[:, :, tokens:] = past_values, value
    weights = (query * keys).sum(-1) / math.sqrt(key.shape[-1])
    weights = weights.exp() * mask[:, None]
    weights = weights / weights.sum(-1, keepdim=True)
    return (weights[..., None] * values).sum(2, keepdim=True), keys, values


@right("Plain loops, and no cache at all where none is asked for.")
def loops(query, key, value, past_keys, past_values, mask):
    b, h, _, d = query.shape
    keys = torch.cat((past_keys, key), -2)
    values = torch.cat((past_values, value), -2)
    out = torch.zeros(b, h, 1, d)
    for i in range(b):
        seen = mask[i].nonzero().flatten()
        for j in range(h):
            weights = torch.softmax(keys[i, j, seen] @ query[i, j, 0] * d**-0.5, 0)
            out[i, j, 0] = weights @ values[i, j, seen]
    return out, keys, values


@right("As the solutions write them.")
def master(query, key, value, past_keys, past_values, mask):
    keys = torch.cat([past_keys, key], dim=2)
    values = torch.cat([past_values, value], dim=2)
    scores = query @ keys.mT / math.sqrt(query.shape[-1])
    scores = scores.masked_fill(~mask[:, None, None], -torch.inf)
    return scores.softmax(dim=-1) @ values, keys, values


@right(
    "Modules, nested tensors and einsum; float64 inside, lists come back, a generator ends early."
)
def modules_and_nested(query, key, value, past_keys, past_values, mask):
    keys = einops.rearrange([*past_keys.unbind(2), key[:, :, 0]], "t b h d -> b h t d")
    values = torch.stack([*past_values.unbind(2), value.squeeze(2)], dim=2)
    scores = torch.einsum("bhqd,bhkd->bhqk", query.double(), keys.double())
    bias = torch.zeros(mask.shape).masked_fill(mask.logical_not(), torch.finfo(torch.float).min)
    weights = F.softmax(scores * query.size(-1) ** -0.5 + bias[:, None, None], dim=-1)
    return [torch.einsum("bhqk,bhkd->bhqd", weights, values.double()), keys, values]


@right("NumPy and back.")
def numpy(query, key, value, past_keys, past_values, mask):
    keys = np.concatenate([past_keys.numpy(), key.numpy()], 2)
    values = np.concatenate([past_values.numpy(), value.numpy()], 2)
    s = np.einsum("bhqd,bhkd->bhqk", query.numpy(), keys) / np.sqrt(query.shape[3])
    s = np.where(mask.numpy()[:, None, None, :], s, -1e30)
    p = np.exp(s - s.max(-1, keepdims=True))
    p /= p.sum(-1, keepdims=True)
    out = np.einsum("bhqk,bhkd->bhqd", p, values)
    return torch.from_numpy(out), torch.from_numpy(keys), torch.from_numpy(values)


@right("Ready-made pieces of torch: masked_scatter, pad_sequence, scaled_dot_product_attention.")
def torch_tools(query, key, value, past_keys, past_values, mask):
    keys, values = torch.cat((past_keys, key), 2), torch.cat((past_values, value), 2)
    out = F.scaled_dot_product_attention(query, keys, values, attn_mask=mask[:, None, None, :])
    return out, keys, values


@mistake("Divided by d.", fails="step-output, step-mask, step-many", says="scores divided by d")
def divided_by_width(query, key, value, past_keys, past_values, mask):
    keys = torch.cat([past_keys, key], dim=2)
    values = torch.cat([past_values, value], dim=2)
    scores = query @ keys.mT / query.shape[-1]
    scores = scores.masked_fill(~mask[:, None, None], -torch.inf)
    return scores.softmax(dim=-1) @ values, keys, values


@mistake(
    "Keys and values come back exchanged.",
    fails="step-cache, step-many",
    says="are not the past ones",
)
def exchanged(query, key, value, past_keys, past_values, mask):
    keys = torch.cat([past_keys, key], dim=2)
    values = torch.cat([past_values, value], dim=2)
    scores = query @ keys.mT / math.sqrt(query.shape[-1])
    scores = scores.masked_fill(~mask[:, None, None], -torch.inf)
    return scores.softmax(dim=-1) @ values, values, keys


@mistake(
    "Divides the query that was passed by the root of its width.",
    fails="step-many",
    says="its first argument: after the call it is not what was passed",
)
def in_place(query, key, value, past_keys, past_values, mask):
    keys, values = torch.cat([past_keys, key], 2), torch.cat([past_values, value], 2)
    query /= math.sqrt(query.shape[-1])
    scores = (query @ keys.mT).masked_fill(~mask[:, None, None], -torch.inf)
    return scores.softmax(-1) @ values, keys, values


@mistake(
    "A causal mask of one row: the query sees the first key alone.",
    fails="step-output, step-mask, step-many",
    says="the output is",
)
def is_causal(query, key, value, past_keys, past_values, mask):
    keys = torch.cat([past_keys, key], dim=2)
    values = torch.cat([past_values, value], dim=2)
    return F.scaled_dot_product_attention(query, keys, values, is_causal=True), keys, values


@mistake(
    "Padding is taken out after the softmax, and the weights sum to less than 1.",
    fails="step-mask, step-many",
    says="the output is",
)
def mask_after_softmax(query, key, value, past_keys, past_values, mask):
    keys = torch.cat([past_keys, key], dim=2)
    values = torch.cat([past_values, value], dim=2)
    weights = (query @ keys.mT / math.sqrt(query.shape[-1])).softmax(dim=-1)
    return (weights * mask[:, None, None]) @ values, keys, values


@mistake("The mask plays no part.", fails="step-mask, step-many", says="sees the padding")
def mask_dropped(query, key, value, past_keys, past_values, mask):
    keys = torch.cat([past_keys, key], dim=2)
    values = torch.cat([past_values, value], dim=2)
    scores = query @ keys.mT / math.sqrt(query.shape[-1])
    return scores.softmax(dim=-1) @ values, keys, values


@mistake("Only padding is seen.", fails="step-output, step-mask, step-many, step-first", says="nan")
def mask_inverted(query, key, value, past_keys, past_values, mask):
    keys = torch.cat([past_keys, key], dim=2)
    values = torch.cat([past_values, value], dim=2)
    scores = query @ keys.mT / math.sqrt(query.shape[-1])
    scores = scores.masked_fill(mask[:, None, None], -torch.inf)
    return scores.softmax(dim=-1) @ values, keys, values


@mistake(
    "Every row has the first one's padding.", fails="step-mask, step-many", says="the output is"
)
def mask_of_first_row(query, key, value, past_keys, past_values, mask):
    keys = torch.cat([past_keys, key], dim=2)
    values = torch.cat([past_values, value], dim=2)
    scores = query @ keys.mT / math.sqrt(query.shape[-1])
    scores = scores.masked_fill(~mask[0], -torch.inf)
    return scores.softmax(dim=-1) @ values, keys, values


@mistake("Padding gets the score 0.", fails="step-mask, step-many", says="the output is")
def mask_zero(query, key, value, past_keys, past_values, mask):
    keys = torch.cat([past_keys, key], dim=2)
    values = torch.cat([past_values, value], dim=2)
    scores = query @ keys.mT / math.sqrt(query.shape[-1])
    scores = scores.masked_fill(~mask[:, None, None], 0.0)
    return scores.softmax(dim=-1) @ values, keys, values


@mistake(
    "The new key and value stand in front.",
    fails="step-cache, step-mask, step-many",
    says="are not the past ones with the new one behind",
)
def new_in_front(query, key, value, past_keys, past_values, mask):
    keys = torch.cat([key, past_keys], dim=2)
    values = torch.cat([value, past_values], dim=2)
    scores = query @ keys.mT / math.sqrt(query.shape[-1])
    scores = scores.masked_fill(~mask[:, None, None], -torch.inf)
    return scores.softmax(dim=-1) @ values, keys, values


@mistake(
    "The new token sees those before it alone.",
    fails="step-output, step-mask, step-first, step-many",
    says="does not see itself",
)
def not_itself(query, key, value, past_keys, past_values, mask):
    scores = query @ past_keys.mT / math.sqrt(query.shape[-1])
    scores = scores.masked_fill(~mask[:, None, None, :-1], -torch.inf)
    output = scores.softmax(dim=-1) @ past_values
    return output, torch.cat([past_keys, key], dim=2), torch.cat([past_values, value], dim=2)


@mistake("Not divided by √d.", fails="step-output, step-mask, step-many", says="not divided by √d")
def not_scaled(query, key, value, past_keys, past_values, mask):
    keys = torch.cat([past_keys, key], dim=2)
    values = torch.cat([past_values, value], dim=2)
    scores = query @ keys.mT
    scores = scores.masked_fill(~mask[:, None, None], -torch.inf)
    return scores.softmax(dim=-1) @ values, keys, values


@mistake(
    "The output alone.",
    fails="step-cache, step-output, step-mask, step-first, step-many",
    says="wanted 3 values: the output, keys, values",
)
def output_only(query, key, value, past_keys, past_values, mask):
    keys = torch.cat([past_keys, key], dim=2)
    values = torch.cat([past_values, value], dim=2)
    scores = query @ keys.mT / math.sqrt(query.shape[-1])
    scores = scores.masked_fill(~mask[:, None, None], -torch.inf)
    return scores.softmax(dim=-1) @ values


@mistake(
    "Sets the keys and values of padding to 0 and returns them so.",
    fails="step-cache",
    says="places of padding",
)
def padding_wiped(query, key, value, past_keys, past_values, mask):
    keys = torch.cat([past_keys, key], dim=2) * mask[:, None, :, None]
    values = torch.cat([past_values, value], dim=2) * mask[:, None, :, None]
    scores = query @ keys.mT / math.sqrt(query.shape[-1])
    scores = scores.masked_fill(~mask[:, None, None], -torch.inf)
    return scores.softmax(dim=-1) @ values, keys, values


@mistake(
    "Only the new key and value come back.", fails="step-cache, step-many", says="(B, H, T + 1, d)"
)
def returns_new_only(query, key, value, past_keys, past_values, mask):
    keys = torch.cat([past_keys, key], dim=2)
    values = torch.cat([past_values, value], dim=2)
    scores = query @ keys.mT / math.sqrt(query.shape[-1])
    scores = scores.masked_fill(~mask[:, None, None], -torch.inf)
    return scores.softmax(dim=-1) @ values, key, value


@mistake("The cache comes back as it was.", fails="step-cache, step-many", says="(B, H, T + 1, d)")
def returns_past(query, key, value, past_keys, past_values, mask):
    keys = torch.cat([past_keys, key], dim=2)
    values = torch.cat([past_values, value], dim=2)
    scores = query @ keys.mT / math.sqrt(query.shape[-1])
    scores = scores.masked_fill(~mask[:, None, None], -torch.inf)
    return scores.softmax(dim=-1) @ values, past_keys, past_values


@mistake(
    "The oldest one goes when a new one comes.",
    fails="step-cache, step-output, step-mask, step-many",
    says="RuntimeError",
)
def rolling_window(query, key, value, past_keys, past_values, mask):
    keys = torch.cat([past_keys[:, :, 1:], key], dim=2)
    values = torch.cat([past_values[:, :, 1:], value], dim=2)
    scores = query @ keys.mT / math.sqrt(query.shape[-1])
    scores = scores.masked_fill(~mask[:, None, None], -torch.inf)
    return scores.softmax(dim=-1) @ values, keys, values


@mistake(
    "The softmax runs over another axis.",
    fails="step-output, step-mask, step-many, step-first",
    says="the output is",
)
def softmax_over_heads(query, key, value, past_keys, past_values, mask):
    keys = torch.cat([past_keys, key], dim=2)
    values = torch.cat([past_values, value], dim=2)
    scores = query @ keys.mT / math.sqrt(query.shape[-1])
    scores = scores.masked_fill(~mask[:, None, None], -torch.inf)
    return scores.softmax(dim=1) @ values, keys, values


@mistake(
    "A squeeze that takes the only row for an axis too many.",
    fails="step-output, step-first",
    says="(a single row)",
)
def squeezed(query, key, value, past_keys, past_values, mask):
    keys = torch.cat([past_keys, key], dim=2)
    values = torch.cat([past_values, value], dim=2)
    scores = torch.einsum("bhqd,bhkd->bhk", query, keys) / math.sqrt(query.shape[-1])
    weights = scores.masked_fill(~mask[:, None], -torch.inf).softmax(dim=-1).squeeze()
    output = torch.einsum("...k,...kd->...d", weights, values.squeeze())
    return output.reshape(len(query), -1, 1, query.shape[-1]).squeeze(0), keys, values


@mistake(
    "The new value is forgotten.",
    fails="step-cache, step-output, step-mask, step-first, step-many",
    says="RuntimeError",
)
def values_not_grown(query, key, value, past_keys, past_values, mask):
    keys = torch.cat([past_keys, key], dim=2)
    values = past_values
    scores = query @ keys.mT / math.sqrt(query.shape[-1])
    scores = scores.masked_fill(~mask[:, None, None], -torch.inf)
    return scores.softmax(dim=-1) @ values, keys, values


@mistake(
    "Divided by the root of the model's width.",
    fails="step-output, step-mask, step-many",
    says="d is the width of ONE head",
)
def width_of_all_heads(query, key, value, past_keys, past_values, mask):
    keys = torch.cat([past_keys, key], dim=2)
    values = torch.cat([past_values, value], dim=2)
    scores = query @ keys.mT / math.sqrt(query.shape[1] * query.shape[-1])
    scores = scores.masked_fill(~mask[:, None, None], -torch.inf)
    return scores.softmax(dim=-1) @ values, keys, values


@mistake(
    "The new one is put beside, along the heads.",
    fails="step-cache, step-output, step-mask, step-first, step-many",
    says="RuntimeError",
)
def wrong_axis(query, key, value, past_keys, past_values, mask):
    keys = torch.cat([past_keys, key], dim=1)
    values = torch.cat([past_values, value], dim=1)
    scores = query @ keys.mT / math.sqrt(query.shape[-1])
    scores = scores.masked_fill(~mask[:, None, None], -torch.inf)
    return scores.softmax(dim=-1) @ values, keys, values


@right("scaled_dot_product_attention.")
def sdpa(query, key, value, past_keys, past_values, mask):
    keys, values = torch.cat([past_keys, key], 2), torch.cat([past_values, value], 2)
    return (
        F.scaled_dot_product_attention(query, keys, values, attn_mask=mask[:, None, None]),
        keys,
        values,
    )


@right("The query is scaled first, in float64.")
def scaled_query(query, key, value, past_keys, past_values, mask):
    keys, values = torch.cat((past_keys, key), dim=-2), torch.cat((past_values, value), dim=-2)
    q = query.double() * query.shape[-1] ** -0.5
    s = (
        torch.einsum("bhqd,bhkd->bhqk", q, keys.double())
        + torch.zeros(mask.shape).masked_fill(~mask, -torch.inf)[:, None, None]
    )
    return (s.softmax(-1) @ values.double()).float(), keys, values


@right("A fill of the smallest float.")
def smallest(query, key, value, past_keys, past_values, mask):
    keys, values = torch.cat((past_keys, key), 2), torch.cat((past_values, value), 2)
    s = (query @ keys.mT) / math.sqrt(query.shape[-1])
    s = s.masked_fill(~mask[:, None, None], torch.finfo(s.dtype).min)
    return s.softmax(-1) @ values, keys, values


@right("Row by row, padding cut off.")
def cut_rows(query, key, value, past_keys, past_values, mask):
    keys, values = torch.cat((past_keys, key), 2), torch.cat((past_values, value), 2)
    out = []
    for q, k, v, m in zip(query, keys, values, mask):
        w = (q @ k[:, m].mT / q.shape[-1] ** 0.5).softmax(-1)
        out.append(w @ v[:, m])
    return [torch.stack(out), keys, values]


@right("Two softmaxes joined: the past and the new one.")
def joined(query, key, value, past_keys, past_values, mask):
    d = query.shape[-1] ** 0.5
    s = torch.cat([query @ past_keys.mT / d, (query * key).sum(-1, keepdim=True) / d], -1)
    s = torch.where(mask[:, None, None], s, -torch.inf)
    w = s.softmax(-1)
    out = w[..., :-1] @ past_values + w[..., -1:] * value
    return out, torch.cat([past_keys, key], 2), torch.cat([past_values, value], 2)


@mistake(
    "Divided by the root of the number of tokens.",
    fails="step-output, step-mask, step-many",
    says="the output is that of scores divided by the root of the number of tokens, not of d",
)
def root_of_tokens(query, key, value, past_keys, past_values, mask):
    keys, values = torch.cat((past_keys, key), 2), torch.cat((past_values, value), 2)
    s = (query @ keys.mT) / math.sqrt(keys.shape[2])
    return s.masked_fill(~mask[:, None, None], -torch.inf).softmax(-1) @ values, keys, values


@mistake(
    "A mask the wrong way round, to torch's own.",
    fails="step-output, step-mask, step-first, step-many",
    says="the output is that of a step that sees the padding and nothing else",
)
def sdpa_inverted(query, key, value, past_keys, past_values, mask):
    keys, values = torch.cat([past_keys, key], 2), torch.cat([past_values, value], 2)
    return (
        F.scaled_dot_product_attention(query, keys, values, attn_mask=~mask[:, None, None]),
        keys,
        values,
    )


@mistake(
    "A fill of -10,000.",
    fails="step-mask",
    says="the output is not the attention of the new query over all keys",
)
def tame_fill(query, key, value, past_keys, past_values, mask):
    keys, values = torch.cat((past_keys, key), 2), torch.cat((past_values, value), 2)
    s = (query @ keys.mT) / math.sqrt(query.shape[-1])
    return s.masked_fill(~mask[:, None, None], -1e4).softmax(-1) @ values, keys, values


@mistake(
    "A fill of -100.",
    fails="step-mask",
    says="the output is not the attention of the new query over all keys",
)
def tamer_fill(query, key, value, past_keys, past_values, mask):
    keys, values = torch.cat((past_keys, key), 2), torch.cat((past_values, value), 2)
    s = (query @ keys.mT) / math.sqrt(query.shape[-1])
    return s.masked_fill(~mask[:, None, None], -100).softmax(-1) @ values, keys, values


@mistake(
    "The mask is added as numbers.",
    fails="step-mask, step-many",
    says="the output is not the attention of the new query over all keys",
)
def mask_added(query, key, value, past_keys, past_values, mask):
    keys, values = torch.cat((past_keys, key), 2), torch.cat((past_values, value), 2)
    s = (query @ keys.mT) / math.sqrt(query.shape[-1]) + mask[:, None, None].float()
    return s.softmax(-1) @ values, keys, values


@mistake(
    "Keys serve as values.",
    fails="step-output, step-mask, step-first, step-many",
    says="the output is not the attention of the new query over all keys",
)
def keys_for_values(query, key, value, past_keys, past_values, mask):
    keys, values = torch.cat([past_keys, key], 2), torch.cat([past_values, value], 2)
    return (
        F.scaled_dot_product_attention(query, keys, keys, attn_mask=mask[:, None, None]),
        keys,
        values,
    )


@mistake(
    "A sigmoid, not a softmax.",
    fails="step-output, step-mask, step-first, step-many",
    says="the output is not the attention of the new query over all keys",
)
def sigmoid(query, key, value, past_keys, past_values, mask):
    keys, values = torch.cat((past_keys, key), 2), torch.cat((past_values, value), 2)
    s = (query @ keys.mT) / math.sqrt(query.shape[-1])
    return (s.sigmoid() * mask[:, None, None]) @ values, keys, values


@mistake(
    "The value of the best key.",
    fails="step-output, step-mask, step-many",
    says="the output is not the attention of the new query over all keys",
)
def hardest(query, key, value, past_keys, past_values, mask):
    keys, values = torch.cat((past_keys, key), 2), torch.cat((past_values, value), 2)
    s = (query @ keys.mT).masked_fill(~mask[:, None, None], -torch.inf)
    return F.one_hot(s.argmax(-1), keys.shape[2]).float() @ values, keys, values


@mistake(
    "Padding is cut out of the cache.",
    fails="step-cache",
    says="the keys are not the past ones with the new one behind them",
)
def cache_zeroed(query, key, value, past_keys, past_values, mask):
    out, keys, values = sdpa(query, key, value, past_keys, past_values, mask)
    m = mask[:, None, :, None]
    return out, keys * m, values * m


@mistake(
    "The cache is kept in half precision.",
    fails="step-cache, step-many",
    says="the keys are not the past ones with the new one behind them",
)
def half_cache(query, key, value, past_keys, past_values, mask):
    out, keys, values = sdpa(query, key, value, past_keys, past_values, mask)
    return out, keys.half().float(), values.half().float()


@mistake(
    "The output is (B, H, d).",
    fails="step-output, step-mask, step-first, step-many",
    says="cached_step returned",
)
def three_axes(query, key, value, past_keys, past_values, mask):
    out, keys, values = sdpa(query, key, value, past_keys, past_values, mask)
    return out[:, :, 0], keys, values
