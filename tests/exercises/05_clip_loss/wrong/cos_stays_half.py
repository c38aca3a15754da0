# float16 in, float16 all the way.
# fails: cos-half
# says: came back in torch.float16


# GRADED cosine_similarities
def cosine_similarities(image_features, text_features):
    def unit(x):
        largest = x.abs().amax(1, keepdim=True)
        x = x / largest.masked_fill(largest == 0, 1)
        length = (x * x).sum(1, keepdim=True).sqrt()
        return x / length.masked_fill(length == 0, 1)

    return unit(image_features) @ unit(text_features).T
