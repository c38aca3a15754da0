# The grid is not joined into N.
# fails: hwc-shape
# says: returned (


# GRADED patchify_hwc
def patchify_hwc(images, patch_size):
    b, c, h, w = images.shape
    p = patch_size
    grid = images.reshape(b, c, h // p, p, w // p, p).permute(0, 2, 4, 3, 5, 1)
    return grid.flatten(3)
