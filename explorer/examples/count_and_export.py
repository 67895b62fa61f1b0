"""Count a published network, edit one row of its table, compare the two, and export the edited one to PyTorch."""

import archs
import costmodel
import explorer

spec = archs.spec("mobilenet_v2", width=0.75)
edited = spec.edit_row(3, kernel=5)

print(costmodel.profile(edited).summary(depth=1))  # parameters, multiply-adds and milliseconds by stage
print(costmodel.count(edited).by("kind")[["kind", "mult_adds", "params"]])
print(explorer.diff(spec, edited, profile="cpu"))

source = archs.to_source(archs.build(edited))
print("\n".join(source.splitlines()[:8]))
