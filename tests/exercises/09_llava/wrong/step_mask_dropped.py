# The mask plays no part.
# fails: step-mask, step-many
# says: sees the padding
import math

import torch


# GRADED cached_step
def cached_step(query, key, value, past_keys, past_values, mask):
    keys = torch.cat([past_keys, key], dim=2)
    values = torch.cat([past_values, value], dim=2)
    scores = query @ keys.mT / math.sqrt(query.shape[-1])
    return scores.softmax(dim=-1) @ values, keys, values
