# Row n with row n alone.
# fails: cos-values, cos-zero, cos-length, cos-half
# says: RuntimeError
import torch.nn.functional as F


# GRADED cosine_similarities
def cosine_similarities(image_features, text_features):
    return F.cosine_similarity(image_features.double(), text_features.double())
