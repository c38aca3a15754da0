# Texts down, images across.
# fails: cos-values, cos-zero, cos-length, cos-half
# says: which is (N, M), images × texts
import torch.nn.functional as F


# GRADED cosine_similarities
def cosine_similarities(image_features, text_features):
    return F.normalize(text_features.float(), dim=1) @ F.normalize(image_features.float(), dim=1).T
