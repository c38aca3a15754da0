# Divides by the length, 0 or not.
# fails: cos-zero, cos-length, cos-half
# says: the cosines hold nan


# GRADED cosine_similarities
def cosine_similarities(image_features, text_features):
    a = image_features / image_features.norm(dim=1, keepdim=True)
    b = text_features / text_features.norm(dim=1, keepdim=True)
    return a @ b.T
