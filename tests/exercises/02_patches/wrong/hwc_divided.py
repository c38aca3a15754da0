# Divided by 255, as a preprocessor does.
# fails: hwc-order-of-patches, hwc-order-inside, hwc-any-tensor
# says: do not hold the numbers of the image


# GRADED patchify_hwc
def patchify_hwc(images, patch_size):
    b, c, h, w = images.shape
    p = patch_size
    grid = images.reshape(b, c, h // p, p, w // p, p).permute(0, 2, 4, 3, 5, 1)
    return grid.reshape(b, -1, p * p * c) / 255
