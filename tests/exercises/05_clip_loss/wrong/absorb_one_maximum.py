# One maximum for all rows.
# fails: absorb-first, absorb-next, absorb-large, absorb-left-out
# says: the maxima are not the largest
import torch


# GRADED absorb
def absorb(maxima, sums, scores):
    new = torch.maximum(maxima, scores.max()).max().expand_as(maxima)
    return new, sums * (maxima - new).exp() + (scores - new[:, None]).exp().sum(1)
