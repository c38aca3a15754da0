# The output alone.
# fails: step-cache, step-output, step-mask, step-first, step-many
# says: wanted 3: the output, keys, values
import math

import torch


# GRADED cached_step
def cached_step(query, key, value, past_keys, past_values, mask):
    keys = torch.cat([past_keys, key], dim=2)
    values = torch.cat([past_values, value], dim=2)
    scores = query @ keys.mT / math.sqrt(query.shape[-1])
    scores = scores.masked_fill(~mask[:, None, None], -torch.inf)
    return scores.softmax(dim=-1) @ values
