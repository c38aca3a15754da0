# The ids alone.
# fails: expand-one, expand-labels, expand-any
# says: wanted 2: ids, labels
import torch


# GRADED expand_markers
def expand_markers(ids, labels, count):
    is_marker = ids == -200
    repeats = torch.where(is_marker, count, 1)
    labels = labels.masked_fill(is_marker, -100)
    return ids.repeat_interleave(repeats)
