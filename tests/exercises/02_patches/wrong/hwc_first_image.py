# Only the first image of a batch.
# fails: hwc-shape, hwc-order-of-patches
# says: returned (1,


# GRADED patchify_hwc
def patchify_hwc(images, patch_size):
    _, c, h, w = images.shape
    p = patch_size
    grid = images[0].reshape(c, h // p, p, w // p, p).permute(1, 3, 2, 4, 0)
    return grid.reshape(1, -1, p * p * c)
