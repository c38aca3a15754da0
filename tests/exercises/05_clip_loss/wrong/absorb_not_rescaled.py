# The old sum stays as it was against the old maximum.
# fails: absorb-next, absorb-many, absorb-large, absorb-left-out
# says: the sum of exp(score - maximum)
import torch


# GRADED absorb
def absorb(maxima, sums, scores):
    new = torch.maximum(maxima, scores.amax(1))
    shift = new.clamp(min=-1e30)
    return new, sums + (scores - shift[:, None]).exp().sum(1)
