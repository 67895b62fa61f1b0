"""Find the most accurate MobileNetV2 within a latency budget, by estimate, among widths and resolutions."""

import explorer

BUDGET_MS = 15.0

table = explorer.sweep("mobilenet_v2", {"width": [0.5, 0.75, 1.0], "resolution": [128, 160, 192, 224]}, profile="cpu")
within = table[table["high_ms"] <= BUDGET_MS]  # the upper end of the 90 % interval
front = explorer.pareto(within, "latency_ms")

print(front[["variant", "latency_ms", "low_ms", "high_ms", "top1_pct", "top1_low_pct", "top1_high_pct"]])
best = front.iloc[-1]
print(f"{best['variant']}: {best['latency_ms']:.2f} ms, estimated {best['top1_pct']:.1f} % top-1")
