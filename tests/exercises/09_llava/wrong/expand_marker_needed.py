# A row without a marker is not thought of.
# fails: expand-any
# says: (no marker)
import torch


# GRADED expand_markers
def expand_markers(ids, labels, count):
    place = ids.tolist().index(-200)
    head, tail = slice(None, place), slice(place + 1, None)
    rest, targets = ids[tail], labels[tail]
    if -200 in rest:
        rest, targets = expand_markers(rest, targets, count)
    ids = torch.cat([ids[head], torch.full((count,), -200), rest])
    return ids, torch.cat([labels[head], torch.full((count,), -100), targets])
