# One number for rows and columns.
# fails: hwc-order-of-patches
# says: RuntimeError: shape


# GRADED patchify_hwc
def patchify_hwc(images, patch_size):
    b, c, h, w = images.shape
    p, n = patch_size, h // patch_size
    grid = images.reshape(b, c, n, p, n, p).permute(0, 2, 4, 3, 5, 1)
    return grid.reshape(b, n * n, p * p * c)
