"""ONNX files to graphs and back. Nothing in a file is executed."""
