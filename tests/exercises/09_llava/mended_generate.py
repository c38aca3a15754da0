"""Right and wrong answers to mended_generate."""

import math

import torch
import torch.nn.functional as F
from torch import nn

from bank import mistake, right


@right("Lists of pieces, cut at the markers; rows one by one.")
def lists(vectors, mask, table, positions, w_q, w_k, w_v, steps, end_id):
    tokens, scores = [], []
    for row, seen in zip(vectors, mask.tolist()):
        row = row[seen.index(True) :]
        cache, said, told = [], [], []
        for place, vector in enumerate(row):
            cache.append(vector + positions[place])
        while len(said) < steps:
            stack = torch.stack(cache)
            attention = stack @ w_k @ (stack[-1] @ w_q) / math.sqrt(len(w_q))
            hidden = stack[-1] + attention.softmax(0) @ (stack @ w_v)
            told.append(hidden @ table.T)
            said.append(end_id if said and said[-1] == end_id else int(told[-1].argmax()))
            cache.append(table[said[-1]] + positions[len(cache)])
        tokens.append(said)
        scores.append(torch.stack(told))
    return torch.tensor(tokens), torch.stack(scores)


@right("Plain loops, and no cache at all where none is asked for.")
def loops(vectors, mask, table, positions, w_q, w_k, w_v, steps, end_id):
    all_tokens, all_scores = [], []
    for row, there in zip(vectors, mask):
        x = row[there]
        tokens, scores = [], []
        for _ in range(steps):
            y = x + positions[: len(x)]
            weights = torch.softmax((y[-1] @ w_q) @ (y @ w_k).T / y.shape[1] ** 0.5, 0)
            score = table @ (y[-1] + weights @ (y @ w_v))
            token = end_id if end_id in tokens else score.argmax().item()
            tokens.append(token)
            scores.append(score)
            x = torch.cat([x, table[token][None]])
        all_tokens.append(tokens)
        all_scores.append(torch.stack(scores))
    return torch.tensor(all_tokens), torch.stack(all_scores)


@right("As the solutions write them.")
def master(vectors, mask, table, positions, w_q, w_k, w_v, steps, end_id):
    x = vectors + positions[(mask.cumsum(dim=1) - 1).clamp(min=0)]
    length = mask.sum(dim=1, keepdim=True)
    keys, values, x = x @ w_k, x @ w_v, x[:, -1:]
    ended = torch.zeros(len(x), 1, dtype=torch.bool)
    tokens, scores = [], []
    for step in range(steps):
        attention = x @ w_q @ keys.mT / math.sqrt(x.shape[-1])
        attention = attention.masked_fill(~mask[:, None], -torch.inf)
        hidden = x + attention.softmax(dim=-1) @ values
        scores.append(hidden @ table.T)
        token = torch.where(ended, end_id, scores[-1].argmax(dim=-1))
        ended = ended | (token == end_id)
        tokens.append(token)
        x = table[token] + positions[length + step]
        keys = torch.cat([keys, x @ w_k], dim=1)
        values = torch.cat([values, x @ w_v], dim=1)
        mask = torch.cat([mask, torch.ones_like(ended)], dim=1)
    return torch.cat(tokens, dim=1), torch.cat(scores, dim=1)


@right(
    "Modules, nested tensors and einsum; float64 inside, lists come back, a generator ends early."
)
def modules_and_nested(vectors, mask, table, positions, w_q, w_k, w_v, steps, end_id):
    batch, length, width = vectors.shape
    tokens = torch.full((batch, steps), end_id)
    scores = torch.full((batch, steps, len(table)), torch.nan)
    x = torch.zeros(batch, length + steps, width)
    x[:, :length] = vectors + positions[(mask.cumsum(1) - 1).clamp(0)]
    alive = torch.ones(batch, dtype=torch.bool)
    for step in range(steps):
        if not alive.any():
            break
        seen, last = x[:, : length + step], x[:, length + step - 1]
        weights = torch.einsum("bd,btd->bt", last @ w_q, seen @ w_k) / width**0.5
        weights = weights.masked_fill(~F.pad(mask, (0, step), value=True), -torch.inf)
        mixed = torch.einsum("bt,btd->bd", weights.softmax(-1), seen @ w_v)
        told = (last + mixed) @ table.T
        best = told.argmax(-1)
        tokens[alive, step], scores[alive, step] = best[alive], told[alive]
        alive = alive & (best != end_id)
        x[:, length + step] = table[best] + positions[mask.sum(1) + step]
    return tokens, scores


@right("NumPy and back.")
def numpy(vectors, mask, table, positions, w_q, w_k, w_v, steps, end_id):
    batch, length, width = vectors.shape
    padding = (~mask).sum(1)
    x = torch.zeros(batch, length + steps, width)
    x[:, :length] = vectors
    for i in range(batch):
        n = length - padding[i]
        x[i, padding[i] : length] += positions[:n]
    tokens = torch.zeros(batch, steps, dtype=torch.long)
    scores = torch.zeros(batch, steps, len(table))
    for step in range(steps):
        now = length + step
        for i in range(batch):
            seen = x[i, padding[i] : now]
            attention = ((seen[-1] @ w_q) @ (seen @ w_k).T / width**0.5).softmax(-1)
            scores[i, step] = table @ (seen[-1] + attention @ (seen @ w_v))
            done = bool((tokens[i, :step] == end_id).any())
            tokens[i, step] = end_id if done else scores[i, step].argmax()
            x[i, now] = table[tokens[i, step]] + positions[now - padding[i]]
    return tokens, scores


@right("Ready-made pieces of torch: masked_scatter, pad_sequence, scaled_dot_product_attention.")
def torch_tools(vectors, mask, table, positions, w_q, w_k, w_v, steps, end_id):
    place = (mask.cumsum(1) - 1).clamp_min(0)
    past = vectors + positions[place]
    tokens = torch.empty(len(vectors), 0, dtype=torch.long)
    scores = []
    for _ in range(steps):
        q, k, v = past[:, -1:] @ w_q, past @ w_k, past @ w_v
        mixed = F.scaled_dot_product_attention(q, k, v, attn_mask=mask[:, None])
        logits = F.linear(past[:, -1:] + mixed, table)
        token = logits.argmax(-1)
        token[(tokens == end_id).any(1)] = end_id
        tokens = torch.cat([tokens, token], 1)
        scores.append(logits)
        mask = F.pad(mask, (0, 1), value=True)
        place = mask.sum(1, keepdim=True) - 1
        past = torch.cat([past, F.embedding(token, table) + positions[place]], 1)
    return tokens, torch.cat(scores, 1)


@mistake(
    "The faulty generator, copied.",
    fails="gen-positions, gen-mask, gen-cache, gen-ends, gen-whole",
    says="begin again at 0",
)
def as_it_was(vectors, mask, table, positions, w_q, w_k, w_v, steps, end_id):
    x = vectors + positions[(mask.cumsum(dim=1) - 1).clamp(min=0)]
    prompt_keys, prompt_values = x @ w_k, x @ w_v
    keys, values, x = prompt_keys, prompt_values, x[:, -1:]
    tokens, scores = [], []
    for step in range(steps):
        attention = x @ w_q @ keys.mT / math.sqrt(x.shape[-1])
        if step == 0:
            attention = attention.masked_fill(~mask[:, None], -torch.inf)
        hidden = x + attention.softmax(dim=-1) @ values
        scores.append(hidden @ table.T)
        tokens.append(scores[-1].argmax(dim=-1))
        x = table[tokens[-1]] + positions[step]
        keys = torch.cat([prompt_keys, x @ w_k], dim=1)
        values = torch.cat([prompt_values, x @ w_v], dim=1)
    return torch.cat(tokens, dim=1), torch.cat(scores, dim=1)


@mistake(
    "The prompt and the newest token, nothing between.",
    fails="gen-cache, gen-whole",
    says="no token between",
)
def cache_forgets(vectors, mask, table, positions, w_q, w_k, w_v, steps, end_id):
    x = vectors + positions[(mask.cumsum(dim=1) - 1).clamp(min=0)]
    length = mask.sum(dim=1, keepdim=True)
    keys, values, x = x @ w_k, x @ w_v, x[:, -1:]
    ended = torch.zeros(len(x), 1, dtype=torch.bool)
    tokens, scores = [], []
    for step in range(steps):
        attention = x @ w_q @ keys.mT / math.sqrt(x.shape[-1])
        attention = attention.masked_fill(~mask[:, None], -torch.inf)
        hidden = x + attention.softmax(dim=-1) @ values
        scores.append(hidden @ table.T)
        token = torch.where(ended, end_id, scores[-1].argmax(dim=-1))
        ended = ended | (token == end_id)
        tokens.append(token)
        x = table[token] + positions[length + step]
        keys = torch.cat([keys[:, : vectors.shape[1]], x @ w_k], dim=1)
        values = torch.cat([values[:, : vectors.shape[1]], x @ w_v], dim=1)
        mask = torch.cat([mask[:, : vectors.shape[1]], torch.ones_like(ended)], dim=1)
    return torch.cat(tokens, dim=1), torch.cat(scores, dim=1)


@mistake(
    "The cache stays that of the prompt.",
    fails="gen-positions, gen-mask, gen-cache, gen-whole",
    says="come from none of the faults",
)
def cache_not_grown(vectors, mask, table, positions, w_q, w_k, w_v, steps, end_id):
    x = vectors + positions[(mask.cumsum(dim=1) - 1).clamp(min=0)]
    length = mask.sum(dim=1, keepdim=True)
    keys, values, x = x @ w_k, x @ w_v, x[:, -1:]
    ended = torch.zeros(len(x), 1, dtype=torch.bool)
    tokens, scores = [], []
    for step in range(steps):
        attention = x @ w_q @ keys.mT / math.sqrt(x.shape[-1])
        attention = attention.masked_fill(~mask[:, None], -torch.inf)
        hidden = x + attention.softmax(dim=-1) @ values
        scores.append(hidden @ table.T)
        token = torch.where(ended, end_id, scores[-1].argmax(dim=-1))
        ended = ended | (token == end_id)
        tokens.append(token)
        x = table[token] + positions[length + step]
    return torch.cat(tokens, dim=1), torch.cat(scores, dim=1)


@mistake(
    "Two faults left: the mask and the positions.",
    fails="gen-positions, gen-mask, gen-whole",
    says="from the second step on, padding is seen",
)
def embeds_without_prompt_mask(vectors, mask, table, positions, w_q, w_k, w_v, steps, end_id):
    x = vectors + positions[(mask.cumsum(dim=1) - 1).clamp(min=0)]
    length = mask.sum(dim=1, keepdim=True)
    keys, values, x = x @ w_k, x @ w_v, x[:, -1:]
    ended = torch.zeros(len(x), 1, dtype=torch.bool)
    tokens, scores = [], []
    for step in range(steps):
        attention = x @ w_q @ keys.mT / math.sqrt(x.shape[-1])
        attention = attention.masked_fill(~mask[:, None], -torch.inf)
        hidden = x + attention.softmax(dim=-1) @ values
        scores.append(hidden @ table.T)
        token = torch.where(ended, end_id, scores[-1].argmax(dim=-1))
        ended = ended | (token == end_id)
        tokens.append(token)
        x = table[token] + positions[step]
        keys = torch.cat([keys, x @ w_k], dim=1)
        values = torch.cat([values, x @ w_v], dim=1)
        mask = torch.ones(len(x), keys.shape[1], dtype=torch.bool)
    return torch.cat(tokens, dim=1), torch.cat(scores, dim=1)


@mistake("Takes an end token of 0 for none at all.", fails="gen-whole", says="[0, 0,")
def end_0_is_none(vectors, mask, table, positions, w_q, w_k, w_v, steps, end_id):
    x = vectors + positions[(mask.cumsum(dim=1) - 1).clamp(min=0)]
    length = mask.sum(dim=1, keepdim=True)
    keys, values, x = x @ w_k, x @ w_v, x[:, -1:]
    ended = torch.zeros(len(x), 1, dtype=torch.bool)
    tokens, scores = [], []
    for step in range(steps):
        attention = x @ w_q @ keys.mT / math.sqrt(x.shape[-1])
        attention = attention.masked_fill(~mask[:, None], -math.inf)
        hidden = x + attention.softmax(dim=-1) @ values
        scores.append(hidden @ table.T)
        token = torch.where(ended, end_id, scores[-1].argmax(dim=-1))
        ended = ended | bool(end_id) & (token == end_id)
        tokens.append(token)
        x = table[token] + positions[length + step]
        keys = torch.cat([keys, x @ w_k], dim=1)
        values = torch.cat([values, x @ w_v], dim=1)
        mask = torch.cat([mask, torch.ones_like(length, dtype=torch.bool)], dim=1)
    return torch.cat(tokens, dim=1), torch.cat(scores, dim=1)


@mistake(
    "A row that ended says end once more, and then goes on.",
    fails="gen-ends, gen-whole",
    says="and went on",
)
def end_forgotten(vectors, mask, table, positions, w_q, w_k, w_v, steps, end_id):
    x = vectors + positions[(mask.cumsum(dim=1) - 1).clamp(min=0)]
    length = mask.sum(dim=1, keepdim=True)
    keys, values, x = x @ w_k, x @ w_v, x[:, -1:]
    ended = torch.zeros(len(x), 1, dtype=torch.bool)
    tokens, scores = [], []
    for step in range(steps):
        attention = x @ w_q @ keys.mT / math.sqrt(x.shape[-1])
        attention = attention.masked_fill(~mask[:, None], -torch.inf)
        hidden = x + attention.softmax(dim=-1) @ values
        scores.append(hidden @ table.T)
        token = torch.where(ended, end_id, scores[-1].argmax(dim=-1))
        ended = (token == end_id) & ~ended
        tokens.append(token)
        x = table[token] + positions[length + step]
        keys = torch.cat([keys, x @ w_k], dim=1)
        values = torch.cat([values, x @ w_v], dim=1)
        mask = torch.cat([mask, torch.ones_like(ended)], dim=1)
    return torch.cat(tokens, dim=1), torch.cat(scores, dim=1)


@mistake(
    "Looks for the end in a table that is still filled with -1.",
    fails="gen-whole",
    says="the end token is -1",
)
def filled_with_minus_one(vectors, mask, table, positions, w_q, w_k, w_v, steps, end_id):
    x = vectors + positions[(mask.cumsum(dim=1) - 1).clamp(min=0)]
    length = mask.sum(dim=1, keepdim=True)
    keys, values, x = x @ w_k, x @ w_v, x[:, -1:]
    tokens, scores = torch.full((len(x), steps), -1), []
    for step in range(steps):
        attention = x @ w_q @ keys.mT / math.sqrt(x.shape[-1])
        attention = attention.masked_fill(~mask[:, None], -math.inf)
        hidden = x + attention.softmax(dim=-1) @ values
        scores.append(hidden @ table.T)
        ended = (tokens == end_id).any(dim=1, keepdim=True)
        token = torch.where(ended, end_id, scores[-1].argmax(dim=-1))
        tokens[:, step : step + 1] = token
        x = table[token] + positions[length + step]
        keys = torch.cat([keys, x @ w_k], dim=1)
        values = torch.cat([values, x @ w_v], dim=1)
        mask = torch.cat([mask, torch.ones_like(length, dtype=torch.bool)], dim=1)
    return tokens, torch.cat(scores, dim=1)


@mistake(
    "The positions are added to the vectors that were passed.",
    fails="gen-whole",
    says="its first argument: after the call it is not what was passed",
)
def in_place(vectors, mask, table, positions, w_q, w_k, w_v, steps, end_id):
    vectors += positions[(mask.cumsum(dim=1) - 1).clamp(min=0)]
    x = vectors
    length = mask.sum(dim=1, keepdim=True)
    keys, values, x = x @ w_k, x @ w_v, x[:, -1:]
    ended = torch.zeros(len(x), 1, dtype=torch.bool)
    tokens, scores = [], []
    for step in range(steps):
        attention = x @ w_q @ keys.mT / math.sqrt(x.shape[-1])
        attention = attention.masked_fill(~mask[:, None], -torch.inf)
        hidden = x + attention.softmax(dim=-1) @ values
        scores.append(hidden @ table.T)
        token = torch.where(ended, end_id, scores[-1].argmax(dim=-1))
        ended = ended | (token == end_id)
        tokens.append(token)
        x = table[token] + positions[length + step]
        keys = torch.cat([keys, x @ w_k], dim=1)
        values = torch.cat([values, x @ w_v], dim=1)
        mask = torch.cat([mask, torch.ones_like(ended)], dim=1)
    return torch.cat(tokens, dim=1), torch.cat(scores, dim=1)


@mistake(
    "The least likely token.",
    fails="gen-positions, gen-mask, gen-cache, gen-ends, gen-whole",
    says="scores highest",
)
def least_likely(vectors, mask, table, positions, w_q, w_k, w_v, steps, end_id):
    x = vectors + positions[(mask.cumsum(dim=1) - 1).clamp(min=0)]
    length = mask.sum(dim=1, keepdim=True)
    keys, values, x = x @ w_k, x @ w_v, x[:, -1:]
    ended = torch.zeros(len(x), 1, dtype=torch.bool)
    tokens, scores = [], []
    for step in range(steps):
        attention = x @ w_q @ keys.mT / math.sqrt(x.shape[-1])
        attention = attention.masked_fill(~mask[:, None], -torch.inf)
        hidden = x + attention.softmax(dim=-1) @ values
        scores.append(hidden @ table.T)
        token = torch.where(ended, end_id, scores[-1].argmin(dim=-1))
        ended = ended | (token == end_id)
        tokens.append(token)
        x = table[token] + positions[length + step]
        keys = torch.cat([keys, x @ w_k], dim=1)
        values = torch.cat([values, x @ w_v], dim=1)
        mask = torch.cat([mask, torch.ones_like(ended)], dim=1)
    return torch.cat(tokens, dim=1), torch.cat(scores, dim=1)


@mistake(
    "The mask serves the first step alone.",
    fails="gen-mask, gen-whole",
    says="from the second step on, padding is seen",
)
def mask_dropped(vectors, mask, table, positions, w_q, w_k, w_v, steps, end_id):
    x = vectors + positions[(mask.cumsum(dim=1) - 1).clamp(min=0)]
    length = mask.sum(dim=1, keepdim=True)
    keys, values, x = x @ w_k, x @ w_v, x[:, -1:]
    ended = torch.zeros(len(x), 1, dtype=torch.bool)
    tokens, scores = [], []
    for step in range(steps):
        attention = x @ w_q @ keys.mT / math.sqrt(x.shape[-1])
        attention = attention.masked_fill(~mask[:, None], -torch.inf)
        hidden = x + attention.softmax(dim=-1) @ values
        scores.append(hidden @ table.T)
        token = torch.where(ended, end_id, scores[-1].argmax(dim=-1))
        ended = ended | (token == end_id)
        tokens.append(token)
        x = table[token] + positions[length + step]
        keys = torch.cat([keys, x @ w_k], dim=1)
        values = torch.cat([values, x @ w_v], dim=1)
        mask = torch.ones(len(x), keys.shape[1], dtype=torch.bool)
    return torch.cat(tokens, dim=1), torch.cat(scores, dim=1)


@mistake(
    "No mask at all.",
    fails="gen-positions, gen-mask, gen-cache, gen-whole",
    says="the first token's scores are wrong already",
)
def no_mask(vectors, mask, table, positions, w_q, w_k, w_v, steps, end_id):
    x = vectors + positions[(mask.cumsum(dim=1) - 1).clamp(min=0)]
    length = mask.sum(dim=1, keepdim=True)
    keys, values, x = x @ w_k, x @ w_v, x[:, -1:]
    ended = torch.zeros(len(x), 1, dtype=torch.bool)
    tokens, scores = [], []
    for step in range(steps):
        attention = x @ w_q @ keys.mT / math.sqrt(x.shape[-1])
        hidden = x + attention.softmax(dim=-1) @ values
        scores.append(hidden @ table.T)
        token = torch.where(ended, end_id, scores[-1].argmax(dim=-1))
        ended = ended | (token == end_id)
        tokens.append(token)
        x = table[token] + positions[length + step]
        keys = torch.cat([keys, x @ w_k], dim=1)
        values = torch.cat([values, x @ w_v], dim=1)
        mask = torch.cat([mask, torch.ones_like(ended)], dim=1)
    return torch.cat(tokens, dim=1), torch.cat(scores, dim=1)


@mistake(
    "New tokens have no position.",
    fails="gen-positions, gen-mask, gen-cache, gen-whole",
    says="come from none of the faults",
)
def no_position(vectors, mask, table, positions, w_q, w_k, w_v, steps, end_id):
    x = vectors + positions[(mask.cumsum(dim=1) - 1).clamp(min=0)]
    length = mask.sum(dim=1, keepdim=True)
    keys, values, x = x @ w_k, x @ w_v, x[:, -1:]
    ended = torch.zeros(len(x), 1, dtype=torch.bool)
    tokens, scores = [], []
    for step in range(steps):
        attention = x @ w_q @ keys.mT / math.sqrt(x.shape[-1])
        attention = attention.masked_fill(~mask[:, None], -torch.inf)
        hidden = x + attention.softmax(dim=-1) @ values
        scores.append(hidden @ table.T)
        token = torch.where(ended, end_id, scores[-1].argmax(dim=-1))
        ended = ended | (token == end_id)
        tokens.append(token)
        x = table[token]
        keys = torch.cat([keys, x @ w_k], dim=1)
        values = torch.cat([values, x @ w_v], dim=1)
        mask = torch.cat([mask, torch.ones_like(ended)], dim=1)
    return torch.cat(tokens, dim=1), torch.cat(scores, dim=1)


@mistake("Behind the end come zeros.", fails="gen-ends, gen-whole", says="and went on")
def pads_with_zero(vectors, mask, table, positions, w_q, w_k, w_v, steps, end_id):
    x = vectors + positions[(mask.cumsum(dim=1) - 1).clamp(min=0)]
    length = mask.sum(dim=1, keepdim=True)
    keys, values, x = x @ w_k, x @ w_v, x[:, -1:]
    ended = torch.zeros(len(x), 1, dtype=torch.bool)
    tokens, scores = [], []
    for step in range(steps):
        attention = x @ w_q @ keys.mT / math.sqrt(x.shape[-1])
        attention = attention.masked_fill(~mask[:, None], -torch.inf)
        hidden = x + attention.softmax(dim=-1) @ values
        scores.append(hidden @ table.T)
        token = torch.where(ended, 0, scores[-1].argmax(dim=-1))
        ended = ended | (token == end_id)
        tokens.append(token)
        x = table[token] + positions[length + step]
        keys = torch.cat([keys, x @ w_k], dim=1)
        values = torch.cat([values, x @ w_v], dim=1)
        mask = torch.cat([mask, torch.ones_like(ended)], dim=1)
    return torch.cat(tokens, dim=1), torch.cat(scores, dim=1)


@mistake(
    "Positions go on behind the padded length.",
    fails="gen-positions, gen-whole",
    says="count the padding",
)
def positions_count_padding(vectors, mask, table, positions, w_q, w_k, w_v, steps, end_id):
    x = vectors + positions[(mask.cumsum(dim=1) - 1).clamp(min=0)]
    length = mask.sum(dim=1, keepdim=True)
    keys, values, x = x @ w_k, x @ w_v, x[:, -1:]
    ended = torch.zeros(len(x), 1, dtype=torch.bool)
    tokens, scores = [], []
    for step in range(steps):
        attention = x @ w_q @ keys.mT / math.sqrt(x.shape[-1])
        attention = attention.masked_fill(~mask[:, None], -torch.inf)
        hidden = x + attention.softmax(dim=-1) @ values
        scores.append(hidden @ table.T)
        token = torch.where(ended, end_id, scores[-1].argmax(dim=-1))
        ended = ended | (token == end_id)
        tokens.append(token)
        x = table[token] + positions[vectors.shape[1] + step]
        keys = torch.cat([keys, x @ w_k], dim=1)
        values = torch.cat([values, x @ w_v], dim=1)
        mask = torch.cat([mask, torch.ones_like(ended)], dim=1)
    return torch.cat(tokens, dim=1), torch.cat(scores, dim=1)


@mistake(
    "The first new token has the place of the prompt's last.",
    fails="gen-positions, gen-whole",
    says="are one too low",
)
def positions_one_early(vectors, mask, table, positions, w_q, w_k, w_v, steps, end_id):
    x = vectors + positions[(mask.cumsum(dim=1) - 1).clamp(min=0)]
    length = mask.sum(dim=1, keepdim=True)
    keys, values, x = x @ w_k, x @ w_v, x[:, -1:]
    ended = torch.zeros(len(x), 1, dtype=torch.bool)
    tokens, scores = [], []
    for step in range(steps):
        attention = x @ w_q @ keys.mT / math.sqrt(x.shape[-1])
        attention = attention.masked_fill(~mask[:, None], -torch.inf)
        hidden = x + attention.softmax(dim=-1) @ values
        scores.append(hidden @ table.T)
        token = torch.where(ended, end_id, scores[-1].argmax(dim=-1))
        ended = ended | (token == end_id)
        tokens.append(token)
        x = table[token] + positions[length + step - 1]
        keys = torch.cat([keys, x @ w_k], dim=1)
        values = torch.cat([values, x @ w_v], dim=1)
        mask = torch.cat([mask, torch.ones_like(ended)], dim=1)
    return torch.cat(tokens, dim=1), torch.cat(scores, dim=1)


@mistake(
    "The first new token has the place after its own.",
    fails="gen-positions, gen-whole",
    says="are one too high",
)
def positions_one_late(vectors, mask, table, positions, w_q, w_k, w_v, steps, end_id):
    x = vectors + positions[(mask.cumsum(dim=1) - 1).clamp(min=0)]
    length = mask.sum(dim=1, keepdim=True)
    keys, values, x = x @ w_k, x @ w_v, x[:, -1:]
    ended = torch.zeros(len(x), 1, dtype=torch.bool)
    tokens, scores = [], []
    for step in range(steps):
        attention = x @ w_q @ keys.mT / math.sqrt(x.shape[-1])
        attention = attention.masked_fill(~mask[:, None], -torch.inf)
        hidden = x + attention.softmax(dim=-1) @ values
        scores.append(hidden @ table.T)
        token = torch.where(ended, end_id, scores[-1].argmax(dim=-1))
        ended = ended | (token == end_id)
        tokens.append(token)
        x = table[token] + positions[length + step + 1]
        keys = torch.cat([keys, x @ w_k], dim=1)
        values = torch.cat([values, x @ w_v], dim=1)
        mask = torch.cat([mask, torch.ones_like(ended)], dim=1)
    return torch.cat(tokens, dim=1), torch.cat(scores, dim=1)


@mistake("Positions begin again at 0.", fails="gen-positions, gen-whole", says="begin again at 0")
def positions_restart(vectors, mask, table, positions, w_q, w_k, w_v, steps, end_id):
    x = vectors + positions[(mask.cumsum(dim=1) - 1).clamp(min=0)]
    length = mask.sum(dim=1, keepdim=True)
    keys, values, x = x @ w_k, x @ w_v, x[:, -1:]
    ended = torch.zeros(len(x), 1, dtype=torch.bool)
    tokens, scores = [], []
    for step in range(steps):
        attention = x @ w_q @ keys.mT / math.sqrt(x.shape[-1])
        attention = attention.masked_fill(~mask[:, None], -torch.inf)
        hidden = x + attention.softmax(dim=-1) @ values
        scores.append(hidden @ table.T)
        token = torch.where(ended, end_id, scores[-1].argmax(dim=-1))
        ended = ended | (token == end_id)
        tokens.append(token)
        x = table[token] + positions[step]
        keys = torch.cat([keys, x @ w_k], dim=1)
        values = torch.cat([values, x @ w_v], dim=1)
        mask = torch.cat([mask, torch.ones_like(ended)], dim=1)
    return torch.cat(tokens, dim=1), torch.cat(scores, dim=1)


@mistake(
    "The prompt's positions count the padding.",
    fails="gen-positions, gen-mask, gen-cache, gen-whole",
    says="the first token's scores are wrong already",
)
def prompt_positions_with_padding(vectors, mask, table, positions, w_q, w_k, w_v, steps, end_id):
    x = vectors + positions[: vectors.shape[1]]
    length = mask.sum(dim=1, keepdim=True)
    keys, values, x = x @ w_k, x @ w_v, x[:, -1:]
    ended = torch.zeros(len(x), 1, dtype=torch.bool)
    tokens, scores = [], []
    for step in range(steps):
        attention = x @ w_q @ keys.mT / math.sqrt(x.shape[-1])
        attention = attention.masked_fill(~mask[:, None], -torch.inf)
        hidden = x + attention.softmax(dim=-1) @ values
        scores.append(hidden @ table.T)
        token = torch.where(ended, end_id, scores[-1].argmax(dim=-1))
        ended = ended | (token == end_id)
        tokens.append(token)
        x = table[token] + positions[length + step]
        keys = torch.cat([keys, x @ w_k], dim=1)
        values = torch.cat([values, x @ w_v], dim=1)
        mask = torch.cat([mask, torch.ones_like(ended)], dim=1)
    return torch.cat(tokens, dim=1), torch.cat(scores, dim=1)


@mistake("A row goes on behind its end.", fails="gen-ends, gen-whole", says="and went on")
def runs_on(vectors, mask, table, positions, w_q, w_k, w_v, steps, end_id):
    x = vectors + positions[(mask.cumsum(dim=1) - 1).clamp(min=0)]
    length = mask.sum(dim=1, keepdim=True)
    keys, values, x = x @ w_k, x @ w_v, x[:, -1:]
    ended = torch.zeros(len(x), 1, dtype=torch.bool)
    tokens, scores = [], []
    for step in range(steps):
        attention = x @ w_q @ keys.mT / math.sqrt(x.shape[-1])
        attention = attention.masked_fill(~mask[:, None], -torch.inf)
        hidden = x + attention.softmax(dim=-1) @ values
        scores.append(hidden @ table.T)
        token = scores[-1].argmax(dim=-1)
        ended = ended | (token == end_id)
        tokens.append(token)
        x = table[token] + positions[length + step]
        keys = torch.cat([keys, x @ w_k], dim=1)
        values = torch.cat([values, x @ w_v], dim=1)
        mask = torch.cat([mask, torch.ones_like(ended)], dim=1)
    return torch.cat(tokens, dim=1), torch.cat(scores, dim=1)


@mistake(
    "Breaks off when all rows have ended, and returns what there is.",
    fails="gen-ends",
    says="all rows end with their first token",
)
def shorter_when_all_end(vectors, mask, table, positions, w_q, w_k, w_v, steps, end_id):
    x = vectors + positions[(mask.cumsum(dim=1) - 1).clamp(min=0)]
    length = mask.sum(dim=1, keepdim=True)
    keys, values, x = x @ w_k, x @ w_v, x[:, -1:]
    ended = torch.zeros(len(x), 1, dtype=torch.bool)
    tokens, scores = [], []
    for step in range(steps):
        attention = x @ w_q @ keys.mT / math.sqrt(x.shape[-1])
        attention = attention.masked_fill(~mask[:, None], -torch.inf)
        hidden = x + attention.softmax(dim=-1) @ values
        scores.append(hidden @ table.T)
        token = torch.where(ended, end_id, scores[-1].argmax(dim=-1))
        ended = ended | (token == end_id)
        tokens.append(token)
        if ended.all():
            break
        x = table[token] + positions[length + step]
        keys = torch.cat([keys, x @ w_k], dim=1)
        values = torch.cat([values, x @ w_v], dim=1)
        mask = torch.cat([mask, torch.ones_like(ended)], dim=1)
    return torch.cat(tokens, dim=1), torch.cat(scores, dim=1)


@mistake(
    "A squeeze that takes the only row for an axis too many.",
    fails="gen-whole",
    says="a single row that never ends",
)
def squeezed(vectors, mask, table, positions, w_q, w_k, w_v, steps, end_id):
    x = vectors + positions[(mask.cumsum(dim=1) - 1).clamp(min=0)]
    length = mask.sum(dim=1, keepdim=True)
    keys, values, x = x @ w_k, x @ w_v, x[:, -1:]
    ended = torch.zeros(len(x), dtype=torch.bool)
    tokens, scores = [], []
    for step in range(steps):
        attention = x @ w_q @ keys.mT / math.sqrt(x.shape[-1])
        attention = attention.masked_fill(~mask[:, None], -math.inf)
        hidden = (x + attention.softmax(dim=-1) @ values).squeeze()
        scores.append(hidden @ table.T)
        token = torch.where(ended, end_id, scores[-1].argmax(dim=-1))
        ended = ended | (token == end_id)
        tokens.append(token)
        x = (table[token] + positions[length[:, 0] + step])[:, None]
        keys = torch.cat([keys, x @ w_k], dim=1)
        values = torch.cat([values, x @ w_v], dim=1)
        mask = torch.cat([mask, torch.ones_like(length, dtype=torch.bool)], dim=1)
    return torch.stack(tokens, dim=1), torch.stack(scores, dim=1)


@mistake(
    "The first row that ends, ends all.",
    fails="gen-ends, gen-whole",
    says="did not go on as before",
)
def stops_all(vectors, mask, table, positions, w_q, w_k, w_v, steps, end_id):
    x = vectors + positions[(mask.cumsum(dim=1) - 1).clamp(min=0)]
    length = mask.sum(dim=1, keepdim=True)
    keys, values, x = x @ w_k, x @ w_v, x[:, -1:]
    ended = torch.zeros(len(x), 1, dtype=torch.bool)
    tokens, scores = [], []
    for step in range(steps):
        attention = x @ w_q @ keys.mT / math.sqrt(x.shape[-1])
        attention = attention.masked_fill(~mask[:, None], -torch.inf)
        hidden = x + attention.softmax(dim=-1) @ values
        scores.append(hidden @ table.T)
        token = torch.where(ended, end_id, scores[-1].argmax(dim=-1))
        ended = ended | (token == end_id).any()
        tokens.append(token)
        x = table[token] + positions[length + step]
        keys = torch.cat([keys, x @ w_k], dim=1)
        values = torch.cat([values, x @ w_v], dim=1)
        mask = torch.cat([mask, torch.ones_like(ended)], dim=1)
    return torch.cat(tokens, dim=1), torch.cat(scores, dim=1)


@mistake(
    "Breaks off when a row has ended, and fills up.",
    fails="gen-ends, gen-whole",
    says="did not go on as before",
)
def stops_all_breaks(vectors, mask, table, positions, w_q, w_k, w_v, steps, end_id):
    x = vectors + positions[(mask.cumsum(dim=1) - 1).clamp(min=0)]
    length = mask.sum(dim=1, keepdim=True)
    keys, values, x = x @ w_k, x @ w_v, x[:, -1:]
    ended = torch.zeros(len(x), 1, dtype=torch.bool)
    tokens, scores = [], []
    for step in range(steps):
        attention = x @ w_q @ keys.mT / math.sqrt(x.shape[-1])
        attention = attention.masked_fill(~mask[:, None], -torch.inf)
        hidden = x + attention.softmax(dim=-1) @ values
        scores.append(hidden @ table.T)
        token = torch.where(ended, end_id, scores[-1].argmax(dim=-1))
        ended = ended | (token == end_id)
        tokens.append(token)
        if ended.any():
            tokens += [torch.full_like(token, end_id)] * (steps - len(tokens))
            scores += [scores[-1]] * (steps - len(scores))
            break
        x = table[token] + positions[length + step]
        keys = torch.cat([keys, x @ w_k], dim=1)
        values = torch.cat([values, x @ w_v], dim=1)
        mask = torch.cat([mask, torch.ones_like(ended)], dim=1)
    return torch.cat(tokens, dim=1), torch.cat(scores, dim=1)


@mistake(
    "One step after the first row has ended, all rows end.",
    fails="gen-ends, gen-whole",
    says="did not go on as before",
)
def stops_all_late(vectors, mask, table, positions, w_q, w_k, w_v, steps, end_id):
    x = vectors + positions[(mask.cumsum(dim=1) - 1).clamp(min=0)]
    length = mask.sum(dim=1, keepdim=True)
    keys, values, x = x @ w_k, x @ w_v, x[:, -1:]
    ended = torch.zeros(len(x), 1, dtype=torch.bool)
    tokens, scores = [], []
    for step in range(steps):
        attention = x @ w_q @ keys.mT / math.sqrt(x.shape[-1])
        attention = attention.masked_fill(~mask[:, None], -torch.inf)
        hidden = x + attention.softmax(dim=-1) @ values
        scores.append(hidden @ table.T)
        token = torch.where(ended, end_id, scores[-1].argmax(dim=-1))
        late = ended.any()
        ended = ended | (token == end_id) | late
        tokens.append(token)
        x = table[token] + positions[length + step]
        keys = torch.cat([keys, x @ w_k], dim=1)
        values = torch.cat([values, x @ w_v], dim=1)
        mask = torch.cat([mask, torch.ones_like(ended)], dim=1)
    return torch.cat(tokens, dim=1), torch.cat(scores, dim=1)


@mistake(
    "No scores.",
    fails="gen-positions, gen-mask, gen-cache, gen-ends, gen-whole",
    says="wanted 2 values: tokens, scores",
)
def tokens_only(vectors, mask, table, positions, w_q, w_k, w_v, steps, end_id):
    x = vectors + positions[(mask.cumsum(dim=1) - 1).clamp(min=0)]
    length = mask.sum(dim=1, keepdim=True)
    keys, values, x = x @ w_k, x @ w_v, x[:, -1:]
    ended = torch.zeros(len(x), 1, dtype=torch.bool)
    tokens, scores = [], []
    for step in range(steps):
        attention = x @ w_q @ keys.mT / math.sqrt(x.shape[-1])
        attention = attention.masked_fill(~mask[:, None], -torch.inf)
        hidden = x + attention.softmax(dim=-1) @ values
        scores.append(hidden @ table.T)
        token = torch.where(ended, end_id, scores[-1].argmax(dim=-1))
        ended = ended | (token == end_id)
        tokens.append(token)
        x = table[token] + positions[length + step]
        keys = torch.cat([keys, x @ w_k], dim=1)
        values = torch.cat([values, x @ w_v], dim=1)
        mask = torch.cat([mask, torch.ones_like(ended)], dim=1)
    return torch.cat(tokens, dim=1)


@mistake("Rows end when all have ended.", fails="gen-ends, gen-whole", says="and went on")
def waits_for_all(vectors, mask, table, positions, w_q, w_k, w_v, steps, end_id):
    x = vectors + positions[(mask.cumsum(dim=1) - 1).clamp(min=0)]
    length = mask.sum(dim=1, keepdim=True)
    keys, values, x = x @ w_k, x @ w_v, x[:, -1:]
    ended = torch.zeros(len(x), 1, dtype=torch.bool)
    tokens, scores = [], []
    for step in range(steps):
        attention = x @ w_q @ keys.mT / math.sqrt(x.shape[-1])
        attention = attention.masked_fill(~mask[:, None], -torch.inf)
        hidden = x + attention.softmax(dim=-1) @ values
        scores.append(hidden @ table.T)
        token = torch.where(ended.all(), end_id, scores[-1].argmax(dim=-1))
        ended = ended | (token == end_id)
        tokens.append(token)
        x = table[token] + positions[length + step]
        keys = torch.cat([keys, x @ w_k], dim=1)
        values = torch.cat([values, x @ w_v], dim=1)
        mask = torch.cat([mask, torch.ones_like(ended)], dim=1)
    return torch.cat(tokens, dim=1), torch.cat(scores, dim=1)


@mistake(
    "Looks for the end in a table that is still filled with zeros.",
    fails="gen-whole",
    says="(the end token is 0)",
)
def zeros_are_ends(vectors, mask, table, positions, w_q, w_k, w_v, steps, end_id):
    x = vectors + positions[(mask.cumsum(dim=1) - 1).clamp(min=0)]
    length = mask.sum(dim=1, keepdim=True)
    keys, values, x = x @ w_k, x @ w_v, x[:, -1:]
    tokens, scores = torch.zeros(len(x), steps, dtype=torch.long), []
    for step in range(steps):
        attention = x @ w_q @ keys.mT / math.sqrt(x.shape[-1])
        attention = attention.masked_fill(~mask[:, None], -math.inf)
        hidden = x + attention.softmax(dim=-1) @ values
        scores.append(hidden @ table.T)
        ended = (tokens == end_id).any(dim=1, keepdim=True)
        token = torch.where(ended, end_id, scores[-1].argmax(dim=-1))
        tokens[:, step : step + 1] = token
        x = table[token] + positions[length + step]
        keys = torch.cat([keys, x @ w_k], dim=1)
        values = torch.cat([values, x @ w_v], dim=1)
        mask = torch.cat([mask, torch.ones_like(length, dtype=torch.bool)], dim=1)
    return tokens, torch.cat(scores, dim=1)


def _attend(x, keys, values, mask, w_q):
    s = (x @ w_q) @ keys.mT / math.sqrt(x.shape[-1])
    return x + s.masked_fill(~mask[:, None], -math.inf).softmax(-1) @ values


def _generate(
    vectors,
    mask,
    table,
    positions,
    w_q,
    w_k,
    w_v,
    steps,
    end_id,
    pick=lambda s: s.argmax(-1),
    fill=None,
    end=True,
):
    x = vectors + positions[(mask.cumsum(1) - 1).clamp(min=0)]
    keys, values, place = x @ w_k, x @ w_v, mask.sum(1, keepdim=True)
    x, ended, out, scores = x[:, -1:], torch.zeros(len(x), 1, dtype=torch.bool), [], []
    for n in range(steps):
        h = _attend(x, keys, values, mask, w_q)
        scores.append(h @ table.T)
        t = pick(scores[-1])
        if end:
            t = torch.where(ended, end_id, t)
            ended = ended | (t == end_id)
        out.append(t)
        x = table[t.clamp(0, len(table) - 1)] + positions[place + n]
        keys, values = torch.cat([keys, x @ w_k], 1), torch.cat([values, x @ w_v], 1)
        mask = torch.cat([mask, torch.ones_like(ended)], 1)
    return torch.cat(out, 1), torch.cat(scores, 1)


@right("A helper for attention, one for the loop.")
def helpers(vectors, mask, table, positions, w_q, w_k, w_v, steps, end_id):
    return _generate(vectors, mask, table, positions, w_q, w_k, w_v, steps, end_id)


@right("Each row by itself, its padding cut off.")
def row_by_row(vectors, mask, table, positions, w_q, w_k, w_v, steps, end_id):
    rows = [
        _generate(
            v[m][None],
            torch.ones(1, int(m.sum()), dtype=torch.bool),
            table,
            positions,
            w_q,
            w_k,
            w_v,
            steps,
            end_id,
        )
        for v, m in zip(vectors, mask)
    ]
    return torch.cat([t for t, _ in rows]), torch.cat([s for _, s in rows])


@right("Run on freely, and cut behind the end afterwards.")
def cut_afterwards(vectors, mask, table, positions, w_q, w_k, w_v, steps, end_id):
    t, s = _generate(vectors, mask, table, positions, w_q, w_k, w_v, steps, end_id, end=False)
    after = (t == end_id).cumsum(1) - (t == end_id).int() > 0
    return t.masked_fill(after, end_id), s


@right("In float64, tokens as int32.")
def double(vectors, mask, table, positions, w_q, w_k, w_v, steps, end_id):
    t, s = _generate(
        *(
            x.double() if x.is_floating_point() else x
            for x in (vectors, mask, table, positions, w_q, w_k, w_v)
        ),
        steps,
        end_id,
    )
    return [t.int(), s.float()]


@mistake(
    "The first token for ever.",
    fails="gen-positions, gen-mask, gen-cache, gen-ends, gen-whole",
    says="the scores come from none of the faults: what else was changed?",
)
def first_for_ever(vectors, mask, table, positions, w_q, w_k, w_v, steps, end_id):
    t, s = _generate(vectors, mask, table, positions, w_q, w_k, w_v, steps, end_id)
    return t[:, :1].expand(-1, steps), s[:, :1].expand(-1, steps, -1)


@mistake(
    "The first token for ever, beside the right scores.",
    fails="gen-ends, gen-whole",
    says="every row says its first token for ever, though none has ended",
)
def first_for_ever_with_scores(vectors, mask, table, positions, w_q, w_k, w_v, steps, end_id):
    t, s = _generate(vectors, mask, table, positions, w_q, w_k, w_v, steps, end_id)
    return t[:, :1].expand(-1, steps), s


@mistake(
    "The second best token.",
    fails="gen-positions, gen-mask, gen-cache, gen-ends, gen-whole",
    says="the scores come from none of the faults: what else was changed?",
)
def second_best(vectors, mask, table, positions, w_q, w_k, w_v, steps, end_id):
    return _generate(
        vectors,
        mask,
        table,
        positions,
        w_q,
        w_k,
        w_v,
        steps,
        end_id,
        pick=lambda s: s.topk(2)[1][..., 1],
    )


@mistake(
    "Probabilities in the scores' place.",
    fails="gen-positions, gen-mask, gen-cache, gen-whole",
    says="the first token's scores are wrong already: the faulty generator's are right",
)
def probabilities(vectors, mask, table, positions, w_q, w_k, w_v, steps, end_id):
    t, s = _generate(vectors, mask, table, positions, w_q, w_k, w_v, steps, end_id)
    return t, s.softmax(-1)


@mistake("Tokens sorted.", fails="gen-ends, gen-whole", says="begins with token")
def sorted_tokens(vectors, mask, table, positions, w_q, w_k, w_v, steps, end_id):
    t, s = _generate(vectors, mask, table, positions, w_q, w_k, w_v, steps, end_id)
    return t.sort(1).values, s


@mistake("Ended rows give 0.", fails="gen-ends, gen-whole", says="ended with token")
def ended_give_zero(vectors, mask, table, positions, w_q, w_k, w_v, steps, end_id):
    t, s = _generate(vectors, mask, table, positions, w_q, w_k, w_v, steps, end_id)
    after = (t == end_id).cumsum(1) - (t == end_id).int() > 0
    return t.masked_fill(after, 0), s


@mistake("The end token is left out.", fails="gen-ends, gen-whole", says="ended with token")
def end_never(vectors, mask, table, positions, w_q, w_k, w_v, steps, end_id):
    return _generate(vectors, mask, table, positions, w_q, w_k, w_v, steps, end_id, end=False)


@mistake(
    "The prompts are seen without their positions.",
    fails="gen-positions, gen-mask, gen-cache, gen-ends, gen-whole",
    says="the first token's scores are wrong already: the faulty generator's are right",
)
def no_prompt_positions(vectors, mask, table, positions, w_q, w_k, w_v, steps, end_id):
    p = positions.clone()
    return _generate(
        vectors - positions[(mask.cumsum(1) - 1).clamp(min=0)],
        mask,
        table,
        p,
        w_q,
        w_k,
        w_v,
        steps,
        end_id,
    )


@mistake(
    "Tokens as floats.",
    fails="gen-positions, gen-mask, gen-cache, gen-ends, gen-whole",
    says="numbers, wanted whole ones such as torch.int",
)
def float_tokens(vectors, mask, table, positions, w_q, w_k, w_v, steps, end_id):
    t, s = _generate(vectors, mask, table, positions, w_q, w_k, w_v, steps, end_id)
    return t.float(), s


@mistake(
    "One step too many.",
    fails="gen-positions, gen-mask, gen-cache, gen-ends, gen-whole",
    says="mended_generate returned",
)
def one_step_more(vectors, mask, table, positions, w_q, w_k, w_v, steps, end_id):
    return _generate(vectors, mask, table, positions, w_q, w_k, w_v, steps + 1, end_id)


@mistake(
    "The rows come in the other order.",
    fails="gen-positions, gen-mask, gen-cache, gen-ends, gen-whole",
    says="the first token's scores are wrong already: the faulty generator's are right",
)
def rows_exchanged(vectors, mask, table, positions, w_q, w_k, w_v, steps, end_id):
    t, s = _generate(vectors, mask, table, positions, w_q, w_k, w_v, steps, end_id)
    return t.flip(0), s.flip(0)


@mistake(
    "All rows end with the first.", fails="gen-ends, gen-whole", says="did not go on as before"
)
def first_row_decides(vectors, mask, table, positions, w_q, w_k, w_v, steps, end_id):
    t, s = _generate(vectors, mask, table, positions, w_q, w_k, w_v, steps, end_id)
    after = (t[:1] == end_id).cumsum(1) > 0
    return t.where(~after, end_id), s
