# The places of the markers are those before the first grew.
# fails: expand-any
# says: two markers
import torch


# GRADED expand_markers
def expand_markers(ids, labels, count):
    for place in (ids == -200).nonzero().flatten().tolist():
        ids = torch.cat([ids[:place], torch.full((count,), -200), ids[place + 1 :]])
        labels = torch.cat([labels[:place], torch.full((count,), -100), labels[place + 1 :]])
    return ids, labels
