"""Keep the learner's process away from the processes of bubblewrap that share its sandbox.

They belong to the same user, so that without this a learner could trace them (``ptrace``, ``/proc/1/mem``), run code in
them, and so escape the hard limits or outlive the sandbox. A process under a Landlock rule set traces only processes
under the same one; the rule set forbids nothing else but making block devices, which nobody here can anyway.
"""

import ctypes
import os

__all__ = ["withdraw"]

_CREATE, _RESTRICT = 444, 446
"""Numbers of the system calls, the same on every processor."""
_MAKE_BLOCK = 1 << 11


def withdraw() -> bool:
    """Begin to trace nobody outside; return whether the kernel (Linux 5.13 and newer, with Landlock) plays along.

    The process must have given up the way to new privileges before.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    libc.syscall.restype = ctypes.c_long
    rules = libc.syscall(_CREATE, (ctypes.c_uint64 * 1)(_MAKE_BLOCK), 8, 0)
    if rules < 0:
        return False
    try:
        return bool(libc.syscall(_RESTRICT, rules, 0) == 0)
    finally:
        os.close(rules)
