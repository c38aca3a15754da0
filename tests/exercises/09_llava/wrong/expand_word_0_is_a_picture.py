# Takes the vocabulary's first word for a picture.
# fails: expand-any
# says: (no marker)
import torch


# GRADED expand_markers
def expand_markers(ids, labels, count):
    is_marker = ids <= 0
    repeats = torch.where(is_marker, count, 1)
    labels = labels.masked_fill(is_marker, -100)
    return ids.repeat_interleave(repeats), labels.repeat_interleave(repeats)
