# The patches are put down column by column.
# fails: back-square, back-oblong
# says: put down column by column


# GRADED unpatchify_hwc
def unpatchify_hwc(patches, patch_size, height, width):
    p = patch_size
    grid = patches.reshape(len(patches), height // p, width // p, p, p, -1)
    return grid.permute(0, 5, 2, 3, 1, 4).reshape(len(patches), -1, height, width)
