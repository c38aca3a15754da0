# A causal mask of one row: the query sees the first key alone.
# fails: step-output, step-mask, step-many
# says: the output is
import torch
import torch.nn.functional as F


# GRADED cached_step
def cached_step(query, key, value, past_keys, past_values, mask):
    keys = torch.cat([past_keys, key], dim=2)
    values = torch.cat([past_values, value], dim=2)
    return F.scaled_dot_product_attention(query, keys, values, is_causal=True), keys, values
