# Looks for the end in a table that is still filled with zeros.
# fails: gen-whole
# says: (the end token is 0)
import math

import torch


# GRADED mended_generate
def mended_generate(vectors, mask, table, positions, w_q, w_k, w_v, steps, end_id):
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
