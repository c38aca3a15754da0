# The block is summed against its own maximum, not the common one.
# fails: absorb-next, absorb-many, absorb-large, absorb-left-out
# says: the sum of exp(score - maximum)
import torch


# GRADED absorb
def absorb(maxima, sums, scores):
    block = scores.amax(1).clamp(min=-1e30)
    new = torch.maximum(maxima, scores.amax(1))
    old = sums * (maxima - new.clamp(min=-1e30)).exp()
    return new, old + (scores - block[:, None]).exp().sum(1)
