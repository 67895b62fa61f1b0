"""What engineers call things who come from other tools: arguments, attributes and functions, with what they are here.

Data alone; `archs.guidance` words the messages.
"""

ARGUMENTS = {
    "by": ("level", "group", "group_by"),
    "channels": ("out_channels", "features", "in_channels", "in_chans"),
    "classes": ("num_classes", "n_classes"),
    "cost": ("x", "metric"),
    "csv_path": ("path", "file", "csv"),
    "depth": ("max_depth", "levels", "level"),
    "index": ("row", "stage", "at", "i"),
    "input_shape": (
        "input_size", "input_res", "image_size", "img_size", "shape", "size", "input", "inputs", "x", "dummy_input",
        "input_data", "example_inputs", "resolution", "sample_input", "args",
    ),
    "kernel": ("kernel_size", "k", "kernel_shape"),
    "expansion": ("t", "expand_ratio", "expansion_ratio"),
    "repeat": ("n", "repeats", "num_blocks", "depth"),
    "activation": ("act", "nonlinearity", "act_layer"),
    "stride": ("s", "strides"),
    "se": ("se_ratio", "squeeze_excite"),
    "limit": ("top", "n", "top_k"),
    "metric": ("cost", "color", "value"),
    "module": ("model", "network", "net"),
    "name": ("model_name", "network", "model", "arch"),
    "network": ("model", "module", "net", "graph", "spec", "graphs", "name"),
    "path": ("file", "filename", "f", "fname", "output"),
    "path_or_name": ("name", "path", "profile", "file"),
    "points": ("table", "df", "data"),
    "profile": ("device", "hardware", "target"),
    "resolution": ("size", "input_size", "image_size", "side", "input_shape"),
    "source": ("path", "file", "filename", "model"),
    "value": ("y", "objective", "network", "model"),
}  # fmt: skip
"""Argument → what other tools call it."""

ATTRIBUTES = {
    "mult_adds": (
        "flops",
        "macs",
        "gflops",
        "gmacs",
        "total_flops",
        "total_macs",
        "total_mult_adds",
        "multadds",
        "mac",
    ),
    "params": ("parameters", "num_params", "n_params", "total_params", "param_count", "nparams"),
    "low_ms": ("low", "lower"),
    "high_ms": ("high", "upper"),
    "low_pct": ("low", "lower"),
    "high_pct": ("high", "upper"),
    "latency_ms": ("latency", "time", "time_ms", "ms", "total_ms", "duration"),
    "table": ("df", "to_df", "to_dataframe", "dataframe", "to_pandas", "to_frame", "pandas"),
    "nodes": ("layers", "ops", "operators", "modules", "children"),
    "input_shape": ("input_size", "shape"),
    "input": ("input_shape", "input_size", "shape"),
    "output": ("output_shape",),
    "by": ("by_module", "by_operator", "by_stage", "groupby", "group_by"),
    "interval": ("ci", "bounds_ms", "confidence"),
    "top1_pct": ("accuracy", "top1", "acc", "top_1"),
    "rows": ("blocks", "layers"),
}
"""Attribute → what other tools call it."""

OF_A_RESULT = {
    "plot": "explorer.plot({it})",
    "save": "{it}.table().to_csv(path)",
    "to_csv": "{it}.table().to_csv(path)",
    "print": "print({it}.summary())",
    "show": "print({it}.summary())",
}
"""Attribute of counts, predictions and the like → what to call."""

OF_A_NETWORK = {
    **dict.fromkeys(("mult_adds", "flops", "macs"), "costmodel.count({it}).mult_adds"),
    "num_params": "costmodel.count({it}).params",
    **dict.fromkeys(("latency_ms", "latency", "predict"), "costmodel.predict({it}).latency_ms"),
    **dict.fromkeys(("table", "to_df"), "costmodel.count({it}).table()"),
    "count": "costmodel.count({it})",
    "profile": "costmodel.profile({it})",
    "summary": "archs.summary({it})",
    "plot": "explorer.plot({it})",
    "parameters": "archs.to_module({it}).parameters()",
    "state_dict": "archs.to_module({it}).state_dict()",
    "load_state_dict": "archs.from_state_dict({it}, state)",
    "forward": "archs.to_module({it})(images)",
    "to_onnx": "archs.to_onnx({it}, path)",
    "to_source": "archs.to_source({it})",
    "to_module": "archs.to_module({it})",
    "to_torch": "archs.to_module({it})",
    "to_pytorch": "archs.to_module({it})",
}
"""Attribute of a Graph or a Spec → what to call."""

OF_A_GRAPH = OF_A_NETWORK | {
    "rows": "archs.spec_of({it}).rows",
    "save": "archs.to_onnx({it}, path), or archs.save_weights({it}, path)",
    "to_json": "archs.spec_of({it}).to_json()",
    "edit": "archs.widen({it}, path, channels), rekernel, regroup, remove",
    "widen": "archs.widen({it}, path, channels)",
    "fold": "archs.fold_batchnorm({it})",
}
OF_A_SPEC = OF_A_NETWORK | {
    "params": "costmodel.count({it}).params",
    "save": "Path(name).write_text({it}.to_json())",
    "load": "Spec.from_json(Path(name).read_text())",
    "from_file": "Spec.from_json(Path(name).read_text())",
    "to_dict": "json.loads({it}.to_json())",
    "build": "archs.build({it})",
    "nodes": "archs.build({it}).nodes",
    "widen": "{it}.edit_row(index, channels=…)",
    "set_width": "archs.spec(name, width=…)",
    "set_resolution": "{it}.set_input(resolution=…)",
    "set_channels": "{it}.edit_row(index, channels=…)",
    "set_row": "{it}.replace_row(index, row)",
    "remove_row": "{it}.delete_row(index)",
    "append": "{it}.insert_row(len({it}.rows), row)",
    "add_row": "{it}.insert_row(index, row)",
    "copy": "{it}.edit(name=…), for a Spec does not change",
}

OF_A_DIFF = OF_A_RESULT | {
    **dict.fromkeys(("mult_adds", "flops", "macs"), "{it}.total.mult_adds"),
    "params": "{it}.total.params",
    **dict.fromkeys(("latency_ms", "latency"), "{it}.total_ms"),
}
OF_A_PROFILE = {
    **dict.fromkeys(("predict", "price"), "costmodel.predict(network, {it})"),
    **dict.fromkeys(("latency", "latency_ms"), "costmodel.predict(network, {it}).latency_ms"),
    **dict.fromkeys(("error", "mape", "accuracy", "validation"), "costmodel.profiles()"),
    "load": "costmodel.load_profile(path_or_name)",
    "to_json": "{it}.save(path)",
    "measure": "costmodel.measure(network)",
}
"""Attribute of a device's profile → what to call."""
OF_KNOBS = {
    **dict.fromkeys(("num_classes", "classes", "n_classes"), "archs.spec(name).set_classes(…)"),
    **dict.fromkeys(("in_chans", "in_channels", "input_channels"), "archs.spec(name).set_input(channels=…)"),
    **dict.fromkeys(("input_size", "img_size", "image_size", "size", "input_shape"), "archs.spec(name, resolution=…)"),
    **dict.fromkeys(("width_mult", "alpha", "multiplier", "width_multiplier"), "archs.spec(name, width=…)"),
    **dict.fromkeys(("pretrained", "weights"), "archs.from_state_dict(spec, state)"),
    **dict.fromkeys(("kernel", "expansion", "se", "activation"), "archs.spec(name).edit_stage(stage, …)"),
}
"""Argument of `archs.spec` that is no knob → what to call."""
OF_ROWS = {
    **dict.fromkeys(("MBConv", "InvertedBottleneck", "InvertedResidualSE"), "archs.rows.InvertedResidual(stage=…, …)"),
    **dict.fromkeys(("DepthwiseSeparable", "DepthwiseConv", "SeparableConv"), "archs.rows.Separable(stage=…, …)"),
    **dict.fromkeys(("Conv2d", "ConvBNReLU", "ConvBnAct"), "archs.rows.Conv(stage=…, channels=…)"),
    **dict.fromkeys(("ResNet", "Residual", "BasicBlock"), "archs.rows.Bottleneck(stage=…, …)"),
    **dict.fromkeys(("MaxPool", "AvgPool", "MaxPool2d"), "archs.rows.Pool(stage=…)"),
    **dict.fromkeys(("FC", "Dense", "Classifier"), "archs.rows.Linear(stage=…, channels=…)"),
}

OF_ARCHS = {
    **dict.fromkeys(("create_model", "get_model", "model", "mobilenet_v2"), "archs.to_module(archs.spec(name))"),
    **dict.fromkeys(("list_models", "models", "available"), "archs.names()"),
    **dict.fromkeys(("count", "flops", "macs", "params"), "costmodel.count(network)"),
    **dict.fromkeys(("predict", "latency"), "costmodel.predict(network)"),
    **dict.fromkeys(("load", "read", "from_json"), "archs.Spec.from_json(Path(name).read_text())"),
    **dict.fromkeys(("from_torch", "from_pytorch", "import_module"), "archs.from_module(module, input_shape)"),
    **dict.fromkeys(("to_torch", "to_pytorch"), "archs.to_module(network) or archs.to_source(network)"),
    **dict.fromkeys(("save", "export"), "archs.to_onnx(network, path) or archs.to_source(network)"),
    "profile": "costmodel.profile(network, input_shape)",
    "measure": "costmodel.measure(network)",
    "edit": "spec.edit(…), edit_row, edit_stage, insert_row, replace_row",
    "prune": "archs.widen(network, path, channels) or archs.remove(network, scope)",
    "fuse": "archs.fold_batchnorm(network)",
    **{kind: f"archs.rows.{kind}(stage=…, …)" for kind in ("Conv", "InvertedResidual", "ShuffleV2", "Linear", "Pool")},
}
OF_COSTMODEL = {
    **dict.fromkeys(
        ("flops", "macs", "FlopCountAnalysis", "count_flops", "get_model_complexity_info", "count_ops"),
        "costmodel.count(network, input_shape).mult_adds",
    ),
    **dict.fromkeys(("params", "parameter_count", "count_params"), "costmodel.count(network, input_shape).params"),
    **dict.fromkeys(("latency_ms", "estimate_latency"), "costmodel.predict(network).latency_ms"),
    **dict.fromkeys(("benchmark", "time"), "costmodel.measure(network)"),
    **dict.fromkeys(("summary", "flop_count_table"), "costmodel.profile(network, input_shape).summary()"),
    **dict.fromkeys(("list_devices", "list_profiles", "names"), "costmodel.profiles()"),
    "load": "costmodel.load_profile(path_or_name)",
    "from_module": "archs.from_module(module, input_shape)",
    "build": "archs.build(network)",
    "diff": "explorer.diff(before, after)",
    "sweep": "explorer.sweep(network, knobs)",
    "plot": "explorer.plot(value)",
}
OF_EXPLORER = {
    **dict.fromkeys(("frontier", "front", "pareto_front"), "explorer.pareto(table, cost)"),
    **dict.fromkeys(("accuracy", "top1"), "explorer.estimate(network)"),
    "nas": "python -m explorer search",
    **dict.fromkeys(("adapt", "netadapt"), "python -m explorer adapt"),
    **dict.fromkeys(("compare", "difference"), "explorer.diff(before, after)"),
    **dict.fromkeys(("grid", "grid_search"), "explorer.sweep(network, knobs)"),
    "scatter": "explorer.figures.scatter(table, cost)",
    "suggest": "explorer.advise(network)",
    "count": "costmodel.count(network)",
    "predict": "costmodel.predict(network)",
    "profile": "costmodel.profile(network)",
    "export": "archs.to_source(network) or archs.to_onnx(network, path)",
}
"""Name of a package → what to call."""
