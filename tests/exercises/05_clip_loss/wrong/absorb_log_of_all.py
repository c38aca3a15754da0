# The log of the sum in place of the maximum.
# fails: absorb-first, absorb-next, absorb-large, absorb-left-out
# says: the maxima are not the largest
import torch


# GRADED absorb
def absorb(maxima, sums, scores):
    total = torch.logaddexp(maxima + sums.log(), scores.logsumexp(1))
    return total, torch.ones_like(total)
