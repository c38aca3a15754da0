# Three channels, whatever came.
# fails: weight-tokens
# says: RuntimeError: shape


# GRADED weight_to_hwc
def weight_to_hwc(weight, patch_size):
    filters = weight.reshape(len(weight), 3, patch_size, patch_size)
    return filters.permute(0, 2, 3, 1).reshape(len(weight), -1)
