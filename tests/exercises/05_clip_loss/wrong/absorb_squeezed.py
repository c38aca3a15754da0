# A squeeze that takes the only row for an axis too many.
# fails: absorb-next
# says: (a single row)
import torch


# GRADED absorb
def absorb(maxima, sums, scores):
    new = torch.maximum(maxima, scores.max(dim=1, keepdim=True).values.squeeze())
    new = new.squeeze()
    shift = torch.where(new == -torch.inf, 0, new)
    old = sums * torch.exp(maxima - shift)
    return new, old + torch.exp(scores - shift.reshape(-1, 1)).sum(dim=1)
