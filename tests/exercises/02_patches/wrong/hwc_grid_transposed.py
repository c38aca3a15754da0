# The grid of patches is read column by column.
# fails: hwc-order-of-patches
# says: your second patch is the one below the first


# GRADED patchify_hwc
def patchify_hwc(images, patch_size):
    b, c, h, w = images.shape
    p = patch_size
    grid = images.reshape(b, c, h // p, p, w // p, p).permute(0, 4, 2, 3, 5, 1)
    return grid.reshape(b, -1, p * p * c)
