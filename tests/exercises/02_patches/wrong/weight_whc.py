# Width, height, channel.
# fails: weight-tokens
# says: the new columns are in (w, h, c) order


# GRADED weight_to_hwc
def weight_to_hwc(weight, patch_size):
    filters = weight.reshape(len(weight), -1, patch_size, patch_size)
    return filters.permute(0, 3, 2, 1).reshape(len(weight), -1)
