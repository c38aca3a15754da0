# -inf minus -inf.
# fails: absorb-left-out
# says: the sums hold nan
import torch


# GRADED absorb
def absorb(maxima, sums, scores):
    new = torch.maximum(maxima, scores.amax(1))
    return new, sums * (maxima - new).exp() + (scores - new[:, None]).exp().sum(1)
