# Gives every place that has a label its id as label.
# fails: expand-labels
# says: (labels that are other numbers than the ids)
import torch


# GRADED expand_markers
def expand_markers(ids, labels, count):
    repeats = torch.where(ids == -200, count, 1)
    labels = torch.where((ids == -200) | (labels == -100), -100, ids)
    return ids.repeat_interleave(repeats), labels.repeat_interleave(repeats)
