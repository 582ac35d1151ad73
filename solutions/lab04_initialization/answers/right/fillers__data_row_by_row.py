"""Through .data, one unit at a time, with a progress bar."""

import math
import sys

import torch
from tqdm import tqdm


def _rows(tensor, draw):
    for row in tqdm(tensor.data, file=sys.stderr, leave=False):
        draw(row)
    return tensor


def _scale(tensor, rule, gain):
    window = 1
    for n in tensor.shape[2:]:
        window *= n
    terms = tensor.shape[1] * window
    if rule == "xavier":
        terms = (terms + tensor.shape[0] * window) / 2
    return gain / math.sqrt(terms)


def xavier_uniform_(tensor, gain=1.0, generator=None):
    a = math.sqrt(3) * _scale(tensor, "xavier", gain)
    return _rows(tensor, lambda row: row.uniform_(-a, a, generator=generator))


def xavier_normal_(tensor, gain=1.0, generator=None):
    return _rows(tensor, lambda row: row.normal_(0, _scale(tensor, "xavier", gain), generator=generator))


def he_uniform_(tensor, gain=1.4142135, generator=None):
    a = math.sqrt(3) * _scale(tensor, "he", gain)
    return _rows(tensor, lambda row: row.uniform_(-a, a, generator=generator))


def he_normal_(tensor, gain=1.4142135, generator=None):
    return _rows(tensor, lambda row: row.normal_(0, _scale(tensor, "he", gain), generator=generator))
