"""What single ONNX operators mean, a file per subject. The contract is in `archs.interop.onnx.call`."""
