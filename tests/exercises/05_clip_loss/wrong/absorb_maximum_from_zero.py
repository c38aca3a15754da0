# The maximum is 0 at least.
# fails: absorb-first, absorb-next, absorb-large, absorb-left-out
# says: the maxima are not the largest
import torch


# GRADED absorb
def absorb(maxima, sums, scores):
    new = torch.maximum(maxima, scores.amax(1)).clamp(min=0)
    return new, sums * (maxima - new).exp() + (scores - new[:, None]).exp().sum(1)
