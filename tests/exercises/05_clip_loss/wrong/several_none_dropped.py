# What has no right answer is dropped, and is no wrong answer for the others either.
# fails: several-none
# says: has no right text


# GRADED several_right_loss
def several_right_loss(image_features, text_features, right, scale):
    images, texts = right.any(1), right.any(0)
    right = right[images][:, texts]
    s = scale * image_features[images] @ text_features[texts].T
    over_texts = -(s.log_softmax(1) * right / right.sum(1, keepdim=True)).sum(1).mean()
    over_images = -(s.log_softmax(0) * right / right.sum(0)).sum(0).mean()
    return (over_texts + over_images) / 2
