"""The computational graph: scalar operations stepped forward for the values and backward for the gradients."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import anywidget
import traitlets

from nnutils import autograd
from nnutils.arguments import one_of

from . import bundle, still
from .output import CSS, in_range, on_a_page

__all__ = ["EXAMPLES", "ComputationalGraph"]

SPEC: dict[str, Any] = json.loads((Path(__file__).parent / "graph.json").read_text(encoding="utf-8"))

#: The examples as lists of steps, as ``nnutils.autograd`` takes them.
EXAMPLES: dict[str, list[autograd.Step]] = {
    name: [autograd.Step(step["name"], step["op"], *step["inputs"]) for step in about["steps"]]
    for name, about in SPEC["examples"].items()
}


class ComputationalGraph(anywidget.AnyWidget):
    """Show a graph of scalar operations whose values and gradients the reader steps through.

    In JupyterLab the attributes below follow the reader's settings, and setting one moves the figure. Another
    ``example`` starts with its own inputs at stage 0.

    Parameters
    ----------
    example : {"cosine", "neuron", "twice", "net"}
        The computation. Its formula is printed in the figure.
    inputs : mapping, optional
        Input values that differ from the example's own, by name: ``{"x0": 1.5}``; -100 to 100.
    name : str
        Name of the figure in the page's address; give each figure on a page its own.
    stage : int
        What is shown at first: 0 the inputs only, then one stage for each step of the forward pass, one for the
        gradient 1 at the output, and one for each contribution of the backward pass.

    Raises
    ------
    ValueError
        A name is unknown or a number out of range; the message says which and what is expected.

    Examples
    --------
    >>> graph = ComputationalGraph("cosine")
    >>> graph.values()["f"]
    40.0
    >>> [graph.gradients()[name] for name in ("x0", "x1", "x2")]
    [17.0, 10.0, 0.0]
    """

    _esm = bundle.module("graph")
    _css = CSS

    example = traitlets.Unicode("cosine").tag(sync=True)
    inputs = traitlets.Dict().tag(sync=True)
    stage = traitlets.Int(0).tag(sync=True)
    name = traitlets.Unicode("graph").tag(sync=True)

    def __init__(
        self,
        example: str = "cosine",
        inputs: Mapping[str, float] | None = None,
        name: str = "graph",
        *,
        stage: int = 0,
    ) -> None:
        super().__init__(
            example=one_of("ComputationalGraph: example", example, EXAMPLES),
            inputs=_inputs(example, inputs or {}),
            stage=stage,
            name=name,
        )

    @traitlets.validate("example")
    def _check_example(self, proposal: Any) -> str:
        return one_of("ComputationalGraph: example", proposal["value"], EXAMPLES)

    @traitlets.validate("inputs")
    def _check_inputs(self, proposal: Any) -> dict[str, float]:
        return _inputs(self.example, proposal["value"])

    @traitlets.validate("stage")
    def _check_stage(self, proposal: Any) -> int:
        steps = EXAMPLES[self.example]
        last = len(steps) + 1 + sum(isinstance(used, str) for step in steps for used in step.inputs)
        return in_range("ComputationalGraph: stage", proposal["value"], 0, last)

    @traitlets.observe("example")
    def _start_example(self, change: Any) -> None:
        usual = _inputs(self.example, {})
        if self.inputs.keys() != usual.keys():
            self.inputs, self.stage = usual, 0

    @property
    def state(self) -> dict[str, Any]:
        """The figure's settings as plain data: what the page starts from."""
        return {"example": self.example, "inputs": self.inputs, "stage": self.stage}

    def values(self) -> dict[str, float]:
        """Return the value of every input and every step, computed by ``nnutils.autograd``."""
        return autograd.forward(EXAMPLES[self.example], self.inputs)

    def gradients(self) -> dict[str, float]:
        """Return the gradient of the output with respect to every value, computed by ``nnutils.autograd``."""
        return autograd.backward(EXAMPLES[self.example], self.values())

    def __repr__(self) -> str:
        return f"ComputationalGraph(example={self.example!r}, inputs={self.inputs!r})"

    def _repr_mimebundle_(self, **kwargs: Any) -> tuple[dict[str, Any], dict[str, Any]] | None:
        return on_a_page(
            super()._repr_mimebundle_(**kwargs),
            "graph",
            name=self.name,
            state=self.state,
            picture=still.graph(SPEC["examples"][self.example], SPEC["colors"], self.values(), self.gradients()),
            text=repr(self),
        )


def _inputs(example: str, given: Mapping[str, Any]) -> dict[str, float]:
    """Return the values of all inputs of an example: its own, changed by those given."""
    usual = {name: about["value"] for name, about in SPEC["examples"][example]["inputs"].items()}
    for name, value in given.items():
        one_of("ComputationalGraph: inputs", name, usual)
        in_range(f"ComputationalGraph: inputs[{name!r}]", value, -SPEC["limit"], SPEC["limit"])
    return {**usual, **given}
