# The patches are read as (c, h, w).
# fails: back-square, back-oblong
# says: each patch was read as (c, h, w)


# GRADED unpatchify_hwc
def unpatchify_hwc(patches, patch_size, height, width):
    p = patch_size
    grid = patches.reshape(len(patches), height // p, width // p, -1, p, p)
    return grid.permute(0, 3, 1, 4, 2, 5).reshape(len(patches), -1, height, width)
