# Only the block at hand is there.
# fails: absorb-next, absorb-many, absorb-large, absorb-left-out
# says: (the second block has a larger maximum)


# GRADED absorb
def absorb(maxima, sums, scores):
    new = scores.amax(1)
    shift = new.clamp(min=-1e30)
    return new, (scores - shift[:, None]).exp().sum(1)
