"""Mistake: inherits from PyTorch's layer.
Expect: torch.nn.Dropout is refused in this question
"""

class Dropout(nn.Dropout):
    def __init__(self, p=0.5):
        super().__init__(p)
