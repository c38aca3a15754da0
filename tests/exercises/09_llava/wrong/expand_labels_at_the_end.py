# The labels of the picture are put behind all others.
# fails: expand-one, expand-labels, expand-any
# says: a picture's places have the label
import torch


# GRADED expand_markers
def expand_markers(ids, labels, count):
    is_marker = ids == -200
    repeats = torch.where(is_marker, count, 1)
    new = ids.repeat_interleave(repeats)
    more = torch.full((len(new) - len(ids) + int(is_marker.sum()),), -100)
    return new, torch.cat([labels[~is_marker], more])
