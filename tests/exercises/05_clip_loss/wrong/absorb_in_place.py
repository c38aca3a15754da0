# Writes the new state into the old one.
# fails: absorb-left-out
# says: its first argument: after the call it is not what was passed
import torch


# GRADED absorb
def absorb(maxima, sums, scores):
    new = torch.maximum(maxima, scores.amax(1))
    seen = new > -torch.inf
    sums[seen] *= (maxima[seen] - new[seen]).exp()
    sums[seen] += (scores[seen] - new[seen, None]).exp().sum(1)
    maxima.copy_(new)
    return maxima, sums
