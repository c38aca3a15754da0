# nan is replaced afterwards; a square that is inf or 0 is not.
# fails: cos-length
# says: have the cosine
import torch


# GRADED cosine_similarities
def cosine_similarities(image_features, text_features):
    a, b = image_features.float(), text_features.float()
    table = (a @ b.T) / (a.norm(dim=1)[:, None] * b.norm(dim=1))
    return torch.nan_to_num(table, 0.0, 0.0, 0.0)
