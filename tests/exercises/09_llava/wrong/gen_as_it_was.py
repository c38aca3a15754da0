# The faulty generator, copied.
# fails: gen-positions, gen-mask, gen-cache, gen-ends, gen-whole
# says: begin again at 0
import math

import torch


# GRADED mended_generate
def mended_generate(vectors, mask, table, positions, w_q, w_k, w_v, steps, end_id):
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
