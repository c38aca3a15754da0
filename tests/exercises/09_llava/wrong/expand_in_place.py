# The marker's label is put to -100 in the labels that were passed.
# fails: expand-labels
# says: its second argument: after the call it is not what was passed
import torch


# GRADED expand_markers
def expand_markers(ids, labels, count):
    labels[ids == -200] = -100
    repeats = torch.where(ids == -200, count, 1)
    return ids.repeat_interleave(repeats), labels.repeat_interleave(repeats)
