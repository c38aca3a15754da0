# Written for the lecture's 120×120 image.
# fails: hwc-shape, hwc-order-of-patches, hwc-order-inside, hwc-any-tensor
# says: RuntimeError: shape '[-1, 3, 3, 40, 3, 40]' is invalid


# GRADED patchify_hwc
def patchify_hwc(images, patch_size):
    grid = images.reshape(-1, 3, 3, 40, 3, 40).permute(0, 2, 4, 3, 5, 1)
    return grid.reshape(-1, 9, 4800)
