# The texts are left as long as they are.
# fails: cos-values, cos-zero, cos-length, cos-half
# says: and no cosine is beyond 1
import torch.nn.functional as F


# GRADED cosine_similarities
def cosine_similarities(image_features, text_features):
    return 9 * F.normalize(image_features.float(), dim=1) @ text_features.float().T
