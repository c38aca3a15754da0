# What was passed comes back.
# fails: expand-one, expand-labels, expand-any
# says: places for each marker


# GRADED expand_markers
def expand_markers(ids, labels, count):
    return ids, labels
