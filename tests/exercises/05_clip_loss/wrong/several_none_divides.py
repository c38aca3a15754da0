# No right answer: 0/0.
# fails: several-none
# says: returned nan


# GRADED several_right_loss
def several_right_loss(image_features, text_features, right, scale):
    def way(s, right):
        return -(s.log_softmax(1) * right / right.sum(1, keepdim=True)).sum(1).mean()

    s = scale * image_features @ text_features.T
    return (way(s, right) + way(s.T, right.T)) / 2
