# What was passed comes back.
# fails: hwc-shape, hwc-order-of-patches, hwc-order-inside, hwc-any-tensor
# says: wanted (


# GRADED patchify_hwc
def patchify_hwc(images, patch_size):
    return images
