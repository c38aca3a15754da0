# What was passed comes back.
# fails: back-square, back-oblong, back-any
# says: wanted (


# GRADED unpatchify_hwc
def unpatchify_hwc(patches, patch_size, height, width):
    return patches
