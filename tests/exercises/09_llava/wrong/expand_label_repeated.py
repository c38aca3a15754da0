# The marker's label is repeated, -200 or not.
# fails: expand-labels
# says: a picture's places have the label -200
import torch


# GRADED expand_markers
def expand_markers(ids, labels, count):
    is_marker = ids == -200
    repeats = torch.where(is_marker, count, 1)
    return ids.repeat_interleave(repeats), labels.repeat_interleave(repeats)
