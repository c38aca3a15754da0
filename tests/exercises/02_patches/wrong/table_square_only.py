# The grid's sides are the root of N.
# fails: table-values
# says: RuntimeError: Sizes of tensors must match
import torch
import torch.nn.functional as F


# GRADED resize_table
def resize_table(table, old_grid, new_grid, prefix):
    kept, places = table[:prefix], table[prefix:]
    picture = places.reshape(1, int(len(places) ** 0.5), int(len(places) ** 0.5), -1).permute(
        0, 3, 1, 2
    )
    picture = F.interpolate(picture, size=new_grid, mode="bicubic", align_corners=False)
    return torch.cat([kept, picture.flatten(2)[0].T])
