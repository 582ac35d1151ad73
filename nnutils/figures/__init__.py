"""Interactive figures that compute in the page: on the website without a kernel, in a live notebook joined to Python.

A figure is a JavaScript module (engine without a page, widget that draws it) and a Python class that checks its
arguments and shows it. In JupyterLab anywidget runs the module, and the reader's settings can be read from the
Python object. On the website the same module runs without a kernel; ``sphinx_ext`` puts it there.
"""

from .explorer import ActivationExplorer
from .graph import ComputationalGraph
from .playground import RegularizationPlayground
from .propagation import SignalPropagation
from .race import OptimizerRace

__all__ = [
    "ActivationExplorer",
    "ComputationalGraph",
    "OptimizerRace",
    "RegularizationPlayground",
    "SignalPropagation",
]
