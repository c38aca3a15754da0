# Padding is taken out after the softmax, and the weights sum to less than 1.
# fails: step-mask, step-many
# says: the output is
import math

import torch


# GRADED cached_step
def cached_step(query, key, value, past_keys, past_values, mask):
    keys = torch.cat([past_keys, key], dim=2)
    values = torch.cat([past_values, value], dim=2)
    weights = (query @ keys.mT / math.sqrt(query.shape[-1])).softmax(dim=-1)
    return (weights * mask[:, None, None]) @ values, keys, values
