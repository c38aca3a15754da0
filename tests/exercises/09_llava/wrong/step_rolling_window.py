# The oldest one goes when a new one comes.
# fails: step-cache, step-output, step-mask, step-many
# says: RuntimeError
import math

import torch


# GRADED cached_step
def cached_step(query, key, value, past_keys, past_values, mask):
    keys = torch.cat([past_keys[:, :, 1:], key], dim=2)
    values = torch.cat([past_values[:, :, 1:], value], dim=2)
    scores = query @ keys.mT / math.sqrt(query.shape[-1])
    scores = scores.masked_fill(~mask[:, None, None], -torch.inf)
    return scores.softmax(dim=-1) @ values, keys, values
