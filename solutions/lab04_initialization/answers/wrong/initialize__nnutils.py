"""Mistake: asks the course package.
Expect: nnutils.init is refused in this question
"""

from nnutils import init


def initialize(model, scheme, generator=None):
    if "_normal" in scheme and scheme[0] in "sl":
        return init.initialize(model, "normal", std=0.01 if scheme[0] == "s" else 1.0, generator=generator)
    return init.initialize(model, scheme, generator=generator)
