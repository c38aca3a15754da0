"""Right and wrong answers to attend."""

import torch
import torch.nn.functional as F
from einops import rearrange

from bank import mistake, right


def wide(x):
    return x if x.dtype == torch.float64 else x.float()


def split(heads, *given):
    return (wide(x).unflatten(-1, (heads, -1)).transpose(1, 2) for x in given)


def cleared(mask, *given):
    """Without what no query sees."""
    return (x.masked_fill(~mask.any(1)[..., None], 0) for x in given)


def attention(query, key, value, heads, mask, *, divisor=None, hide=-1e30):
    key, value = cleared(mask, key, value)
    q, k, v = split(heads, query, key, value)
    scores = q @ k.mT / (divisor or q.shape[-1] ** 0.5)
    weights = scores.masked_fill(~mask[:, None], hide).softmax(-1)
    weights = weights * mask[:, None]
    return (weights @ v).transpose(1, 2).flatten(2).to(query.dtype)


@right("As the solutions write it.")
def master(query, key, value, heads, mask):
    return attention(query, key, value, heads, mask)


@right("Einsums and einops.")
def with_einops(query, key, value, heads, mask):
    key, value = (torch.where(mask.any(1).unsqueeze(2), x, 0.0) for x in (key, value))
    q, k, v = (rearrange(wide(x), "b t (h d) -> b h t d", h=heads) for x in (query, key, value))
    s = torch.einsum("bhtd,bhsd->bhts", q * q.size(-1) ** -0.5, k)
    s = torch.where(mask.unsqueeze(1), s, torch.full_like(s, -1e30))
    a = torch.where(mask.unsqueeze(1), s.softmax(3), torch.zeros_like(s))
    return rearrange(torch.einsum("bhts,bhsd->bhtd", a, v), "b h t d -> b t (h d)").to(query)


@right("torch's own kernel; rows without a key are let see all and zeroed afterwards.")
def by_kernel(query, key, value, heads, mask):
    key, value = cleared(mask, key, value)
    q, k, v = split(heads, query, key, value)
    empty = ~mask.any(-1, keepdim=True)
    out = F.scaled_dot_product_attention(q, k, v, attn_mask=(mask | empty)[:, None])
    out = out.transpose(1, 2).flatten(2)
    return out.masked_fill(empty, 0).to(query.dtype)


@right("A loop over heads, exponentials by hand.")
def loop_of_heads(query, key, value, heads, mask):
    unseen = (mask.sum(1, keepdim=True) == 0).mT.expand_as(key)
    key, value = key.masked_fill(unseen, 7), value.masked_fill(unseen, 7)
    dtype = torch.promote_types(query.dtype, torch.float32)
    parts = [x.to(dtype).chunk(heads, -1) for x in (query, key, value)]
    results = []
    for q, k, v in zip(*parts):
        scores = ((q / q.shape[-1] ** 0.5) @ k.transpose(1, 2)).masked_fill(~mask, -1e30)
        top = scores.amax(-1, keepdim=True).detach()
        weights = (scores - top).exp() * mask
        results.append(weights @ v / weights.sum(-1, keepdim=True).clamp(min=1e-30))
    return torch.cat(results, -1).to(query.dtype)


@right("nan mended after the softmax: masked_fill lets no gradient through, so none is nan.")
def mended_in_time(query, key, value, heads, mask):
    q, k, v = split(heads, query, *cleared(mask, key, value))
    scores = q @ k.mT / q.shape[-1] ** 0.5
    weights = scores.masked_fill(~mask[:, None], -torch.inf).softmax(-1).nan_to_num(0.0)
    return (weights @ v).transpose(1, 2).flatten(2).to(query.dtype)


@mistake("Divided by √D.", fails="attend-heads, attend-mask, attend-nothing",
         says="divided by √D")  # fmt: skip
def by_whole_width(query, key, value, heads, mask):
    return attention(query, key, value, heads, mask, divisor=query.shape[-1] ** 0.5)


@mistake("Not divided at all.", fails="attend-heads, attend-mask, attend-nothing",
         says="not divided at all")  # fmt: skip
def undivided(query, key, value, heads, mask):
    return attention(query, key, value, heads, mask, divisor=1.0)


@mistake("Softmax over the queries.", fails="attend-heads, attend-mask, attend-nothing",
         says="the softmax ran over the queries")  # fmt: skip
def over_queries(query, key, value, heads, mask):
    q, k, v = split(heads, query, *cleared(mask, key, value))
    scores = (q @ k.mT / q.shape[-1] ** 0.5).masked_fill(~mask[:, None], -1e30)
    return (scores.softmax(-2) @ v).transpose(1, 2).flatten(2).to(query.dtype)


@mistake("Heads by a reshape alone.", fails="attend-heads, attend-mask, attend-nothing",
         says="pieces of several tokens")  # fmt: skip
def cut_by_reshape(query, key, value, heads, mask):
    d = query.shape[-1] // heads
    q, k, v = (wide(x).reshape(len(x), heads, -1, d) for x in (query, *cleared(mask, key, value)))
    scores = (q @ k.mT / d**0.5).masked_fill(~mask[:, None], -1e30)
    return ((scores.softmax(-1) * mask[:, None]) @ v).reshape(query.shape).to(query.dtype)


@mistake("A head has every H-th number.", fails="attend-heads, attend-mask, attend-nothing",
         says="a head has every H-th number")  # fmt: skip
def interleaved(query, key, value, heads, mask):
    turned = (rearrange(x, "b t (d h) -> b t (h d)", h=heads) for x in (query, key, value))
    return rearrange(attention(*turned, heads, mask), "b t (h d) -> b t (d h)", h=heads)


@mistake("The mask is multiplied in after the softmax.", fails="attend-mask, attend-nothing",
         says="hidden after the softmax")  # fmt: skip
def masked_afterwards(query, key, value, heads, mask):
    q, k, v = split(heads, query, *cleared(mask, key, value))
    weights = (q @ k.mT / q.shape[-1] ** 0.5).softmax(-1) * mask[:, None]
    return (weights @ v).transpose(1, 2).flatten(2).to(query.dtype)


@mistake(
    "The mask is left out.", fails="attend-mask, attend-nothing", says="the mask has no effect"
)
def unmasked(query, key, value, heads, mask):
    return attention(query, key, value, heads, torch.ones_like(mask))


@mistake("True is taken for hidden.", fails="attend-heads, attend-mask, attend-nothing",
         says="the wrong way round")  # fmt: skip
def mask_inverted(query, key, value, heads, mask):
    return attention(query, key, value, heads, ~mask)


@mistake("Minus infinity: nan in an empty row.", fails="attend-nothing", says="nan")
def empty_row_nan(query, key, value, heads, mask):
    return attention(query, key, value, heads, mask, hide=-torch.inf)


@mistake("nan is mended after the softmax, so the gradient is nan.", fails="attend-nothing",
         says="the slopes of the")  # fmt: skip
def mended_too_late(query, key, value, heads, mask):
    q, k, v = split(heads, query, *cleared(mask, key, value))
    hidden = torch.zeros(mask.shape).masked_fill(~mask, -torch.inf)[:, None]
    scores = q @ k.mT / q.shape[-1] ** 0.5 + hidden
    weights = scores.softmax(-1).nan_to_num(0.0)
    return (weights @ v).transpose(1, 2).flatten(2).to(query.dtype)


@mistake("An empty row gets the mean of all values.", fails="attend-nothing",
         says=("got other numbers than 0", "shares 1 among equal scores"))  # fmt: skip
def empty_row_mean(query, key, value, heads, mask):
    q, k, v = split(heads, query, *cleared(mask, key, value))
    scores = (q @ k.mT / q.shape[-1] ** 0.5).masked_fill(~mask[:, None], -1e30)
    return (scores.softmax(-1) @ v).transpose(1, 2).flatten(2).to(query.dtype)


@mistake("Scores in float16.", fails="attend-half", says="hold nan")
def in_half(query, key, value, heads, mask):
    given = (query, *cleared(mask, key, value))
    q, k, v = (x.unflatten(-1, (heads, -1)).transpose(1, 2) for x in given)
    scores = (q @ k.mT).float() / q.shape[-1] ** 0.5
    weights = scores.masked_fill(~mask[:, None], -1e30).softmax(-1) * mask[:, None]
    return (weights.to(v.dtype) @ v).transpose(1, 2).flatten(2)


@mistake(
    "float32 comes back, whatever came.", fails="attend-half", says="went in, torch.float32 came"
)
def always_single(query, key, value, heads, mask):
    return attention(query, key, value, heads, mask).float()


@mistake("By way of a list: no gradient.", fails="attend-slopes", says="no gradient reaches")
def detached(query, key, value, heads, mask):
    given = (x.detach() for x in (query, key, value))
    return torch.tensor(attention(*given, heads, mask).tolist(), dtype=query.dtype)


@mistake("Divided by √H.", fails="attend-heads, attend-mask, attend-nothing",
         says="divided by √H")  # fmt: skip
def by_count_of_heads(query, key, value, heads, mask):
    return attention(query, key, value, heads, mask, divisor=heads**0.5)


@mistake("One head, whatever was asked for.", fails="attend-heads, attend-mask, attend-nothing",
         says="attention of one head")  # fmt: skip
def one_head(query, key, value, heads, mask):
    return attention(query, key, value, 1, mask)


@mistake("A hidden score of −20.", fails="attend-mask", says="−20 or −10000 is not low")
def hidden_at_20(query, key, value, heads, mask):
    return attention(query, key, value, heads, mask, hide=-20.0)


@mistake("A hidden score of −10,000: not low beside −131,072.", fails="attend-mask",
         says=("near -131,072", "not low beside"))  # fmt: skip
def hidden_at_10000(query, key, value, heads, mask):
    return attention(query, key, value, heads, mask, hide=-1e4)


@mistake("exp without subtracting the row's largest score.",
         fails="attend-mask, attend-half", says="subtracts the largest")  # fmt: skip
def bare_exp(query, key, value, heads, mask):
    q, k, v = split(heads, query, *cleared(mask, key, value))
    weights = (q @ k.mT / q.shape[-1] ** 0.5).exp() * mask[:, None]
    weights = weights / weights.sum(-1, keepdim=True).clamp(min=1e-30)
    return (weights @ v).transpose(1, 2).flatten(2).to(query.dtype)


@mistake("The mask is transposed where it is square.", fails="attend-mask",
         says="the mask was transposed")  # fmt: skip
def mask_transposed(query, key, value, heads, mask):
    square = mask.shape[1] == mask.shape[2]
    return attention(query, key, value, heads, mask.mT if square else mask)


@mistake("The first picture's mask for all.", fails="attend-mask, attend-nothing",
         says="the first picture's mask")  # fmt: skip
def first_mask(query, key, value, heads, mask):
    return attention(query, key, value, heads, mask[:1].expand_as(mask))


@mistake("Padding that holds nan is multiplied by 0.", fails="attend-mask",
         says="0 · nan is nan")  # fmt: skip
def nan_times_zero(query, key, value, heads, mask):
    q, k, v = split(heads, query, key, value)
    scores = (q @ k.mT / q.shape[-1] ** 0.5).masked_fill(~mask[:, None], -1e30)
    weights = scores.softmax(-1).masked_fill(~mask[:, None], 0)
    return (weights @ v).transpose(1, 2).flatten(2).to(query.dtype)


@mistake("nan in the padding of the values is cleared, and not that of the keys.",
         fails="attend-mask", says=("the slopes of the query", "0 · nan is nan"))  # fmt: skip
def keys_not_cleared(query, key, value, heads, mask):
    q, k, v = split(heads, query, key, *cleared(mask, value))
    scores = (q @ k.mT / q.shape[-1] ** 0.5).masked_fill(~mask[:, None], -1e30)
    weights = scores.softmax(-1).masked_fill(~mask[:, None], 0)
    return (weights @ v).transpose(1, 2).flatten(2).to(query.dtype)


@mistake("float64 through float32.", fails="attend-half", says="the same numbers give in float64")
def double_through_single(query, key, value, heads, mask):
    single = (x.float() if x.dtype == torch.float64 else x for x in (query, key, value))
    return attention(*single, heads, mask).to(query.dtype)


@mistake("Only float16 is widened, and bfloat16 is not.", fails="attend-half",
         says="every fourth whole number")  # fmt: skip
def brain_float(query, key, value, heads, mask):
    given = query, *cleared(mask, key, value)
    given = (x.float() if x.dtype == torch.float16 else x for x in given)
    q, k, v = (x.unflatten(-1, (heads, -1)).transpose(1, 2) for x in given)
    scores = (q @ k.mT / q.shape[-1] ** 0.5).masked_fill(~mask[:, None], -1e30)
    weights = scores.softmax(-1) * mask[:, None]
    return (weights @ v).transpose(1, 2).flatten(2).to(query.dtype)


@mistake("The query is scaled in place.", fails="attend-mask", says="changed its first argument")
def query_scaled(query, key, value, heads, mask):
    result = attention(query, key, value, heads, mask)
    query.data.div_((query.shape[-1] / heads) ** 0.5)
    return result


@mistake("The softmax of float64 is taken in float32.", fails="attend-half",
         says="the same numbers give in float64")  # fmt: skip
def softmax_in_single(query, key, value, heads, mask):
    q, k, v = split(heads, query, *cleared(mask, key, value))
    scores = (q @ k.mT / q.shape[-1] ** 0.5).masked_fill(~mask[:, None], -1e30)
    weights = scores.softmax(-1, dtype=torch.float32).to(v.dtype) * mask[:, None]
    return (weights @ v).transpose(1, 2).flatten(2).to(query.dtype)


@mistake("A hidden score of −1e9: not low beside −2e12.", fails="attend-mask",
         says=("near -2e12", "What must a score be so that its weight comes out as 0? −20 or",
               "nor −1e9"))  # fmt: skip
def hidden_at_1e9(query, key, value, heads, mask):
    return attention(query, key, value, heads, mask, hide=-1e9)


@mistake("Padding is what no query of the whole batch sees.", fails="attend-mask",
         says="0 · nan is nan")  # fmt: skip
def padding_of_the_batch(query, key, value, heads, mask):
    padding = ~mask.any(dim=(0, 1))[:, None]
    key, value = (x.masked_fill(padding, 0) for x in (key, value))
    q, k, v = split(heads, query, key, value)
    scores = (q @ k.mT / q.shape[-1] ** 0.5).masked_fill(~mask[:, None], -1e30)
    weights = scores.softmax(-1) * mask[:, None]
    return (weights @ v).transpose(1, 2).flatten(2).to(query.dtype)


@mistake("Every nan is made a number, also where somebody looks.", fails="attend-mask",
         says=("the nan was hidden", "nan_to_num hides a fault"))  # fmt: skip
def every_nan_mended(query, key, value, heads, mask):
    query, key, value = (x.nan_to_num(0.0) for x in (query, key, value))
    return attention(query, key, value, heads, mask)
