# The new token sees those before it alone.
# fails: step-output, step-mask, step-first, step-many
# says: does not see itself
import math

import torch


# GRADED cached_step
def cached_step(query, key, value, past_keys, past_values, mask):
    scores = query @ past_keys.mT / math.sqrt(query.shape[-1])
    scores = scores.masked_fill(~mask[:, None, None, :-1], -torch.inf)
    output = scores.softmax(dim=-1) @ past_values
    return output, torch.cat([past_keys, key], dim=2), torch.cat([past_values, value], dim=2)
