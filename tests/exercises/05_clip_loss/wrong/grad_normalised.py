# Normalises features that are to be used as they are.
# fails: grad-loss, grad-images, grad-texts, grad-large
# says: brought to length 1
import numpy as np


# GRADED loss_and_gradients
def loss_and_gradients(image_features, text_features, scale):
    image_features = image_features / np.linalg.norm(image_features, axis=1, keepdims=True)
    text_features = text_features / np.linalg.norm(text_features, axis=1, keepdims=True)

    def log_softmax(scores, axis):
        scores = scores - scores.max(axis=axis, keepdims=True)
        return scores - np.log(np.exp(scores).sum(axis=axis, keepdims=True))

    count = len(image_features)
    scores = scale * image_features @ text_features.T
    over_texts, over_images = log_softmax(scores, 1), log_softmax(scores, 0)
    loss = -(np.diag(over_texts) + np.diag(over_images)).mean() / 2
    slopes = (np.exp(over_texts) + np.exp(over_images) - 2 * np.eye(count)) / (2 * count)
    return loss, scale * slopes @ text_features, scale * slopes.T @ image_features
