# One class row, whatever came.
# fails: table-prefix
# says: RuntimeError
import torch
import torch.nn.functional as F


# GRADED resize_table
def resize_table(table, old_grid, new_grid, prefix):
    kept, places = table[:1], table[1:]
    picture = places.reshape(1, *old_grid, -1).permute(0, 3, 1, 2)
    picture = F.interpolate(picture, size=new_grid, mode="bicubic", align_corners=False)
    return torch.cat([kept, picture.flatten(2)[0].T])
