# The first right answer of each, the others are wrong answers.
# fails: several-texts, several-images, several-none, several-large
# says: the loss is
import torch.nn.functional as F


# GRADED several_right_loss
def several_right_loss(image_features, text_features, right, scale):
    s = scale * image_features @ text_features.T
    texts = F.cross_entropy(s, right.int().argmax(1))
    return (texts + F.cross_entropy(s.T, right.T.int().argmax(1))) / 2
