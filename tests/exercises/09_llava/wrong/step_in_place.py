# Divides the query that was passed by the root of its width.
# fails: step-many
# says: its first argument: after the call it is not what was passed
import math

import torch


# GRADED cached_step
def cached_step(query, key, value, past_keys, past_values, mask):
    keys, values = torch.cat([past_keys, key], 2), torch.cat([past_values, value], 2)
    query /= math.sqrt(query.shape[-1])
    scores = (query @ keys.mT).masked_fill(~mask[:, None, None], -torch.inf)
    return scores.softmax(-1) @ values, keys, values
