# Dot products, nothing divided by a length.
# fails: cos-values, cos-zero, cos-length, cos-half
# says: and no cosine is beyond 1


# GRADED cosine_similarities
def cosine_similarities(image_features, text_features):
    return image_features.float() @ text_features.float().T * 2
