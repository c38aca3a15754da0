# The largest of each column.
# fails: absorb-first, absorb-next, absorb-many, absorb-large, absorb-left-out
# says: RuntimeError
import torch


# GRADED absorb
def absorb(maxima, sums, scores):
    new = torch.maximum(maxima, scores.amax(0))
    return new, sums * (maxima - new).exp() + (scores - new).exp().sum(0)
