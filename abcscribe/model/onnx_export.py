"""A torch module -> an ONNX file with weights in float16 or int8."""

from __future__ import annotations

import io
import warnings
from pathlib import Path

import numpy as np
import onnx
import onnx.numpy_helper
import torch
from torch import nn

OPSET = 17
Axes = dict[str, dict[int, str]]


def export(
    module: nn.Module, inputs: tuple[torch.Tensor, ...], names: tuple[list[str], list[str]], axes: Axes | None = None
) -> onnx.ModelProto:
    """The module as a graph in float32.

    Args:
        module: the network.
        inputs: an example of each.
        names: of the inputs and of the outputs.
        axes: by input or output the axes that may have another length than in the example.
    """
    buffer = io.BytesIO()
    with warnings.catch_warnings():
        # The TorchScript exporter needs no further package but warns that it is deprecated; so does constant folding.
        warnings.simplefilter("ignore")
        torch.onnx.export(
            module, inputs, buffer,  # type: ignore[arg-type]  # it takes files, too
            input_names=names[0], output_names=names[1], dynamic_axes=axes,
            opset_version=OPSET, dynamo=False,
        )  # fmt: skip
    return onnx.load_from_string(buffer.getvalue())


def save(model: onnx.ModelProto, out: Path) -> None:
    """Write the graph. The file appears only once it is complete."""
    temporary = out.with_suffix(".tmp")
    onnx.save(model, temporary)
    temporary.replace(out)


def stored_as_half(model: onnx.ModelProto) -> onnx.ModelProto:
    """The graph with weights that are float16 in the file and float32 once it is loaded: half the size, same speed."""
    graph = model.graph
    casts = []
    for weight in graph.initializer:
        if weight.data_type == onnx.TensorProto.FLOAT and len(weight.dims) > 1 and np.prod(weight.dims) > 256:
            name, values = weight.name, onnx.numpy_helper.to_array(weight)
            weight.CopyFrom(onnx.numpy_helper.from_array(values.astype(np.float16), f"{name}.half"))
            casts.append(onnx.helper.make_node("Cast", [f"{name}.half"], [name], to=onnx.TensorProto.FLOAT))
    nodes = [*casts, *graph.node]
    del graph.node[:]
    graph.node.extend(nodes)
    return model


def stored_as_bytes(model: onnx.ModelProto) -> onnx.ModelProto:
    """The graph with matrices that are int8 in the file, one scale a column, and float32 once it is loaded.

    Integer products would be faster for one token on processors with VNNI, but they quantise the activations, too: the
    logits of a token then depend on the tokens beside it (by .2 with one scale for all rows, by .02 with one a row),
    and a draft would not be verified exactly in one step. In float32 they differ by 6e-6.
    """
    graph, made = model.graph, []
    matrices = {node.input[1] for node in graph.node if node.op_type == "MatMul"}
    for weight in [w for w in graph.initializer if w.name in matrices and len(w.dims) == 2]:
        name, values = weight.name, onnx.numpy_helper.to_array(weight)
        scale = np.abs(values).max(axis=0).clip(1e-12) / 127
        weight.CopyFrom(onnx.numpy_helper.from_array(np.rint(values / scale).astype(np.int8), f"{name}.bytes"))
        graph.initializer.append(onnx.numpy_helper.from_array(scale.astype(np.float32), f"{name}.scale"))
        made.append(onnx.helper.make_node("Cast", [f"{name}.bytes"], [f"{name}.whole"], to=onnx.TensorProto.FLOAT))
        made.append(onnx.helper.make_node("Mul", [f"{name}.whole", f"{name}.scale"], [name]))
    nodes = [*made, *graph.node]
    del graph.node[:]
    graph.node.extend(nodes)
    return model
