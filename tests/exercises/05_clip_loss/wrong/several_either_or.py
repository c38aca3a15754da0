# Takes several texts an image, or several images a text, never both at once.
# fails: several-images
# says: which are right for other images as well
# GRADED several_right_loss
def several_right_loss(image_features, text_features, right, scale):
    scores = scale * image_features @ text_features.T
    i, j = right.nonzero(as_tuple=True)
    over_texts, over_images = -scores.log_softmax(1)[i, j], -scores.log_softmax(0)[i, j]
    if right.sum(1).max() > 1:
        over_texts = over_texts / right.sum(1)[i]
    else:
        over_images = over_images / right.sum(0)[j]
    rows, columns = right.any(1).sum(), right.any(0).sum()
    return (over_texts.sum() / rows + over_images.sum() / columns) / 2
