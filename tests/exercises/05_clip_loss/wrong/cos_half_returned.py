# Worked out in float32, returned as it came in.
# fails: cos-half
# says: came back in torch.float16
import torch


# GRADED cosine_similarities
def cosine_similarities(image_features, text_features):
    a, b = image_features.double(), text_features.double()
    lengths = a.norm(dim=1)[:, None] * b.norm(dim=1)
    table = a @ b.T / torch.where(lengths > 0, lengths, 1)
    return table.to(image_features.dtype)
