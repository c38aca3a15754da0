# Takes an end token of 0 for none at all.
# fails: gen-whole
# says: [0, 0,
import math

import torch


# GRADED mended_generate
def mended_generate(vectors, mask, table, positions, w_q, w_k, w_v, steps, end_id):
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
