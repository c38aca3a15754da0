# A small number under the root.
# fails: cos-length
# says: have the cosine


# GRADED cosine_similarities
def cosine_similarities(image_features, text_features):
    def unit(x):
        x = x.float()
        return x / (x.pow(2).sum(1, keepdim=True) + 1e-8).sqrt()

    return unit(image_features) @ unit(text_features).T
