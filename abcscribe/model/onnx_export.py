"""A torch module -> an ONNX file with small weights. Knows no particular network."""

from __future__ import annotations

import io
import tempfile
import warnings
from pathlib import Path

import numpy as np
import onnx
import onnx.numpy_helper
import torch
from onnxruntime.quantization import QuantType, quantize_dynamic
from torch import nn

OPSET = 17
Axes = dict[str, dict[int, str]]


def export(
    module: nn.Module, inputs: tuple[torch.Tensor, ...], names: tuple[list[str], list[str]], axes: Axes | None = None
) -> onnx.ModelProto:
    """The module as a graph in float32.

    Args:
        inputs: an example of each.
        names: of the inputs and of the outputs.
        axes: by input or output the axes that may have another length than in the example.
    """
    buffer = io.BytesIO()
    with warnings.catch_warnings():
        # The TorchScript exporter needs no further package and is told to be old; constant folding warns by itself.
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


def quantised(model: onnx.ModelProto) -> onnx.ModelProto:
    """The graph with int8 matrices, one scale a column; what they are multiplied with is quantised as it comes.

    Weights are unsigned: products with signed ones overflow on processors without VNNI, silently.
    """
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "quantised.onnx"
        quantize_dynamic(model, out, op_types_to_quantize=["MatMul"], per_channel=True, weight_type=QuantType.QUInt8)
        return onnx.load(out)
