# The answer is written into the weight that was passed.
# fails: weight-kept
# says: has other numbers than before


# GRADED weight_to_hwc
def weight_to_hwc(weight, patch_size):
    filters = weight.reshape(len(weight), -1, patch_size, patch_size)
    weight[:] = filters.permute(0, 2, 3, 1).flatten(1).clone()
    return weight
