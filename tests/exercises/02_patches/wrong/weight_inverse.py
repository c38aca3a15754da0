# From (h, w, c) to (c, h, w): the wrong way round.
# fails: weight-tokens
# says: read as (h, w, c): they are in (c, h, w) order


# GRADED weight_to_hwc
def weight_to_hwc(weight, patch_size):
    filters = weight.reshape(len(weight), patch_size, patch_size, -1)
    return filters.permute(0, 3, 1, 2).reshape(len(weight), -1)
