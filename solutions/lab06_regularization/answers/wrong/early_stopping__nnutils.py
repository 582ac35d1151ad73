"""Mistake: asks nnutils.
Expect: nnutils.regularization is refused
"""

from nnutils.regularization import EarlyStopping as Base


class EarlyStopping(Base):
    def __init__(self, patience, min_delta=0.0):
        super().__init__(patience, min_delta=min_delta)
