# What was passed comes back.
# fails: weight-tokens, weight-kept
# says: still in (c, h, w) order


# GRADED weight_to_hwc
def weight_to_hwc(weight, patch_size):
    return weight
