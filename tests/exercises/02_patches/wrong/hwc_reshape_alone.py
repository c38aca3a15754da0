# One reshape, as if it moved numbers.
# fails: hwc-order-of-patches, hwc-order-inside
# says: the numbers come in the order in which the image had them


# GRADED patchify_hwc
def patchify_hwc(images, patch_size):
    b, c, h, w = images.shape
    p = patch_size
    return images.reshape(b, h // p * (w // p), p * p * c)
