# One marker a row, the first.
# fails: expand-any
# says: two markers
import torch


# GRADED expand_markers
def expand_markers(ids, labels, count):
    place = ids.tolist().index(-200) if -200 in ids else None
    if place is None:
        return ids, labels
    ids = torch.cat([ids[:place], torch.full((count,), -200), ids[place + 1 :]])
    labels = torch.cat([labels[:place], torch.full((count,), -100), labels[place + 1 :]])
    return ids, labels
