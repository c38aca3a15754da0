# No token has a loss any more.
# fails: expand-one, expand-labels, expand-any
# says: the labels
import torch


# GRADED expand_markers
def expand_markers(ids, labels, count):
    is_marker = ids == -200
    repeats = torch.where(is_marker, count, 1)
    labels = torch.full_like(labels, -100)
    return ids.repeat_interleave(repeats), labels.repeat_interleave(repeats)
