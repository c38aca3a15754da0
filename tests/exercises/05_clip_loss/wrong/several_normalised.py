# Normalises features that are to be used as they are.
# fails: several-one, several-texts, several-images, several-none, several-large
# says: brought to length 1
import torch.nn.functional as F


# GRADED several_right_loss
def several_right_loss(image_features, text_features, right, scale):
    image_features = F.normalize(image_features, dim=1)
    text_features = F.normalize(text_features, dim=1)

    def one_way(scores, right):
        count = right.sum(dim=1)
        targets = right / count.clamp(min=1)[:, None]
        losses = -(targets * scores.log_softmax(dim=1)).sum(dim=1)
        return losses.sum() / (count > 0).sum()

    scores = scale * image_features @ text_features.T
    return (one_way(scores, right) + one_way(scores.T, right.T)) / 2
