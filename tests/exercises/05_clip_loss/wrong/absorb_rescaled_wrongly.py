# The factor is upside down.
# fails: absorb-first, absorb-next, absorb-many, absorb-large, absorb-left-out
# says: the sums hold nan
import torch


# GRADED absorb
def absorb(maxima, sums, scores):
    new = torch.maximum(maxima, scores.amax(1))
    return new, sums * (new - maxima).exp() + (scores - new[:, None]).exp().sum(1)
