# The filters are not flattened.
# fails: weight-tokens
# says: which is (D, P·P·C)


# GRADED weight_to_hwc
def weight_to_hwc(weight, patch_size):
    filters = weight.reshape(len(weight), -1, patch_size, patch_size)
    return filters.permute(0, 2, 3, 1)
