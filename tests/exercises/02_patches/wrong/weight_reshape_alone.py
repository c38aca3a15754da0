# The row is given another shape, and nothing is moved.
# fails: weight-tokens, weight-kept
# says: still in (c, h, w) order


# GRADED weight_to_hwc
def weight_to_hwc(weight, patch_size):
    return weight.reshape(len(weight), patch_size, patch_size, -1).flatten(1).clone()
