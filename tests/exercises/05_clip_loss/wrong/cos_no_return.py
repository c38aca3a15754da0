# Nothing is returned.
# fails: cos-values, cos-zero, cos-length, cos-half
# says: is there a return at its end?
import torch.nn.functional as F


# GRADED cosine_similarities
def cosine_similarities(image_features, text_features):
    F.normalize(image_features, dim=1) @ F.normalize(text_features, dim=1).T
