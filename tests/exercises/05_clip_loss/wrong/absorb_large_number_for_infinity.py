# -inf becomes the least float, which then counts as a score.
# fails: absorb-left-out
# says: the maxima are not the largest
import torch


# GRADED absorb
def absorb(maxima, sums, scores):
    scores = torch.nan_to_num(scores)
    new = torch.maximum(maxima, scores.amax(1))
    return new, sums * (maxima - new).exp() + (scores - new[:, None]).exp().sum(1)
