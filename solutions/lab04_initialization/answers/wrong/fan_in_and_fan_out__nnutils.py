"""Mistake: asks the course package.
Expect: nnutils.init is refused in this question
"""

from nnutils import init


def fan_in_and_fan_out(shape):
    return init.fan_in_and_fan_out(tuple(shape))
