# Sets the keys and values of padding to 0 and returns them so.
# fails: step-cache
# says: places of padding
import math

import torch


# GRADED cached_step
def cached_step(query, key, value, past_keys, past_values, mask):
    keys = torch.cat([past_keys, key], dim=2) * mask[:, None, :, None]
    values = torch.cat([past_values, value], dim=2) * mask[:, None, :, None]
    scores = query @ keys.mT / math.sqrt(query.shape[-1])
    scores = scores.masked_fill(~mask[:, None, None], -torch.inf)
    return scores.softmax(dim=-1) @ values, keys, values
