# The mean of each block is added.
# fails: absorb-first, absorb-next, absorb-many, absorb-large, absorb-left-out
# says: the sum of exp(score - maximum)
import torch


# GRADED absorb
def absorb(maxima, sums, scores):
    new = torch.maximum(maxima, scores.amax(1))
    shift = new.clamp(min=-1e30)
    old = sums * (maxima - shift).exp()
    return new, old + (scores - shift[:, None]).exp().mean(1)
