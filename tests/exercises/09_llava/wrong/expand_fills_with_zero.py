# The picture's places hold token 0.
# fails: expand-one, expand-labels, expand-any
# says: became
import torch


# GRADED expand_markers
def expand_markers(ids, labels, count):
    is_marker = ids == -200
    repeats = torch.where(is_marker, count, 1)
    labels = labels.masked_fill(is_marker, -100)
    ids = ids.masked_fill(is_marker, 0)
    return ids.repeat_interleave(repeats), labels.repeat_interleave(repeats)
