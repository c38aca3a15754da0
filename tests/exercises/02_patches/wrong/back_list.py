# A list comes back.
# fails: back-square, back-oblong, back-any
# says: returned a list, wanted a torch tensor


# GRADED unpatchify_hwc
def unpatchify_hwc(patches, patch_size, height, width):
    return patches.tolist()
