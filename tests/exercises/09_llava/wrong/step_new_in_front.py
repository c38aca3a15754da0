# The new key and value stand in front.
# fails: step-cache, step-mask, step-many
# says: are not the past ones with the new one behind
import math

import torch


# GRADED cached_step
def cached_step(query, key, value, past_keys, past_values, mask):
    keys = torch.cat([key, past_keys], dim=2)
    values = torch.cat([value, past_values], dim=2)
    scores = query @ keys.mT / math.sqrt(query.shape[-1])
    scores = scores.masked_fill(~mask[:, None, None], -torch.inf)
    return scores.softmax(dim=-1) @ values, keys, values
