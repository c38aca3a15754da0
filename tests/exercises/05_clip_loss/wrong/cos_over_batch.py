# The length is taken over the batch.
# fails: cos-values, cos-zero, cos-length, cos-half
# says: have the cosine
import torch.nn.functional as F


# GRADED cosine_similarities
def cosine_similarities(image_features, text_features):
    return (
        F.normalize(image_features.double(), dim=0) @ F.normalize(text_features.double(), dim=0).T
    ) / 20
