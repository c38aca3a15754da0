# Leans on F.normalize, which divides by 1e-12 at least.
# fails: cos-length
# says: have the cosine
import torch.nn.functional as F


# GRADED cosine_similarities
def cosine_similarities(image_features, text_features):
    return (
        F.normalize(image_features.float(), dim=-1) @ F.normalize(text_features.float(), dim=-1).T
    )
