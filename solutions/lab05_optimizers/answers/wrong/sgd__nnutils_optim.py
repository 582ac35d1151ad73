"""Mistake: the course's own optimizer does the work.
Expect: nnutils.optim is refused in this question
"""

from nnutils import optim as course


def SGD(params, lr, momentum=0.0, nesterov=False, weight_decay=0.0):
    return course.SGD(params, lr, momentum=momentum, nesterov=nesterov, weight_decay=weight_decay)
