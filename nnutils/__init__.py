"""What the chapters, labs and solutions of the course import: small readable modules over PyTorch.

Import the room you need, for example ``from nnutils import data, device, optim``. Rooms import one way:
figures and plots on top, device at the bottom.
"""

__version__ = "0.1.0"
