# Inside a patch channel by channel, as in the chapter.
# fails: hwc-order-inside
# says: that is (c, h, w)


# GRADED patchify_hwc
def patchify_hwc(images, patch_size):
    b, c, h, w = images.shape
    p = patch_size
    grid = images.reshape(b, c, h // p, p, w // p, p).permute(0, 2, 4, 1, 3, 5)
    return grid.reshape(b, -1, p * p * c)
