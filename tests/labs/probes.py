"""A probe for the tests themselves: give a running process the names of another notebook."""

import contextlib
import linecache


def replace_names(student, cells):
    names = student._namespace
    names.clear()
    names["__name__"] = "__main__"
    for index, cell in enumerate(cells):
        filename = f"<cell {index}>"
        linecache.cache[filename] = (len(cell), None, cell.splitlines(keepends=True), filename)
        with contextlib.suppress(Exception):
            exec(compile(cell, filename, "exec"), names)
