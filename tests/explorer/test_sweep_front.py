"""A Pareto front of estimated accuracy over cost does not pick large kernels everywhere."""

import archs
import explorer


def _with_kernel(kernel):
    def edit(spec):
        for index, row in enumerate(spec.rows):
            if isinstance(row, archs.rows.InvertedResidual):
                spec = spec.edit_row(index, kernel=kernel)
        return spec

    return edit


def test_seven_by_seven_kernels_are_on_no_pareto_front():
    import pandas

    tables = [
        explorer.sweep("mobilenet_v2", {"width": [0.5, 0.75, 1.0]}, _with_kernel(kernel), profile=None).assign(
            kernel=kernel
        )
        for kernel in (3, 5, 7)
    ]
    front = explorer.pareto(pandas.concat(tables))
    assert len(front) > 2
    assert set(front["kernel"]) <= {3, 5}
