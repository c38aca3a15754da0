# The axes P and rows are named the wrong way round.
# fails: hwc-order-of-patches
# says: holds every second row and every third column


# GRADED patchify_hwc
def patchify_hwc(images, patch_size):
    b, c, h, w = images.shape
    p = patch_size
    grid = images.reshape(b, c, p, h // p, p, w // p).permute(0, 3, 5, 2, 4, 1)
    return grid.reshape(b, -1, p * p * c)
