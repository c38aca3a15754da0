# A squeeze that takes the only row for an axis too many.
# fails: step-output, step-first
# says: (a single row)
import math

import torch


# GRADED cached_step
def cached_step(query, key, value, past_keys, past_values, mask):
    keys = torch.cat([past_keys, key], dim=2)
    values = torch.cat([past_values, value], dim=2)
    scores = torch.einsum("bhqd,bhkd->bhk", query, keys) / math.sqrt(query.shape[-1])
    weights = scores.masked_fill(~mask[:, None], -torch.inf).softmax(dim=-1).squeeze()
    output = torch.einsum("...k,...kd->...d", weights, values.squeeze())
    return output.reshape(len(query), -1, 1, query.shape[-1]).squeeze(0), keys, values
