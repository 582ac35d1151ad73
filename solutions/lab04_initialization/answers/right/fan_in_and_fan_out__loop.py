"""A loop over the kernel, a list as the result."""

def fan_in_and_fan_out(shape):
    sizes = [int(n) for n in shape]
    if len(sizes) in (0, 1):
        raise ValueError("a weight has two axes or more")
    result = [sizes[1], sizes[0]]
    for n in sizes[2:]:
        result = [fan * n for fan in result]
    return result
