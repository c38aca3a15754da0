# Writes -100 into the ids that were passed.
# fails: labels-empty
# says: its first argument: after the call it is not what was passed
import torch


# GRADED answer_labels
def answer_labels(ids, offsets, answers):
    for n, (start, stop) in enumerate(offsets):
        if stop == start or not any(a < stop <= b for a, b in answers):
            ids[n] = -100
    return torch.tensor(ids)
