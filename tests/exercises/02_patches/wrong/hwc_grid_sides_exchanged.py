# Rows counted along the width.
# fails: hwc-order-of-patches
# says: the image was cut into 3 rows of 2 patches


# GRADED patchify_hwc
def patchify_hwc(images, patch_size):
    b, c, h, w = images.shape
    p = patch_size
    grid = images.reshape(b, c, w // p, p, h // p, p).permute(0, 2, 4, 3, 5, 1)
    return grid.reshape(b, -1, p * p * c)
