"""Mistake: asks the course package.
Expect: nnutils.init is refused in this question
"""

import nnutils.init as init


def gain(nonlinearity, slope=0.01):
    return init.gain(nonlinearity, slope=slope)
