# One reshape, as if it moved numbers.
# fails: back-square, back-oblong
# says: a reshape moves none


# GRADED unpatchify_hwc
def unpatchify_hwc(patches, patch_size, height, width):
    return patches.reshape(len(patches), -1, height, width)
