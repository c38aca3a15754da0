# Inside a patch (h, c, w).
# fails: hwc-order-inside
# says: come in (h, c, w) order


# GRADED patchify_hwc
def patchify_hwc(images, patch_size):
    b, c, h, w = images.shape
    p = patch_size
    grid = images.reshape(b, c, h // p, p, w // p, p).permute(0, 2, 4, 3, 1, 5)
    return grid.reshape(b, -1, p * p * c)
