# The sum of exp(score), against no maximum.
# fails: absorb-first, absorb-next, absorb-many, absorb-large, absorb-left-out
# says: the sum of exp(score - maximum)
import torch


# GRADED absorb
def absorb(maxima, sums, scores):
    return torch.maximum(maxima, scores.amax(1)), sums + scores.exp().sum(1)
