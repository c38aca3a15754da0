# The table is reshaped straight to (1, D, r, c), which mixes the vectors.
# fails: table-values
# says: not those of a bicubic resize
import torch
import torch.nn.functional as F


# GRADED resize_table
def resize_table(table, old_grid, new_grid, prefix):
    kept, places = table[:prefix], table[prefix:]
    picture = places.reshape(1, -1, *old_grid)
    picture = F.interpolate(picture, size=new_grid, mode="bicubic", align_corners=False)
    return torch.cat([kept, picture.reshape(-1, table.shape[1])])
