# The prompt's positions count the padding.
# fails: gen-positions, gen-mask, gen-cache, gen-whole
# says: the first token's scores are wrong already
import math

import torch


# GRADED mended_generate
def mended_generate(vectors, mask, table, positions, w_q, w_k, w_v, steps, end_id):
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
