"""`explorer.plot`: each kind of value has the page's figure."""

import pytest

import archs
import costmodel
import explorer

V2 = archs.spec("mobilenet_v2")


def test_bars_have_the_time_where_there_is_a_prediction():
    for value, timed in ((costmodel.count(V2), False), (costmodel.predict(V2), True), (costmodel.profile(V2), True)):
        for by in ("block", "kind"):
            assert ("Time" in explorer.plot(value, by=by).data[0].y) == timed


def test_a_prediction_of_a_folded_network_is_drawn_with_its_own_blocks():
    found = costmodel.predict(archs.fold_batchnorm(V2))
    drawn = {custom[0] for custom in explorer.plot(found).data[0].customdata}
    assert drawn == {node.block for node in found.graph.nodes}


@pytest.mark.parametrize("metric", ["mult_adds", "latency_ms"])
def test_a_network_is_its_blocks(metric):
    for network in ("mobilenet_v2", V2, archs.build(V2)):
        bars = explorer.plot(network, metric).data[0]
        assert [custom[0] for custom in bars.customdata] == list(costmodel.count(V2).groups("block"))
        assert max(bars.marker.color) > 0


def test_a_difference_a_report_and_a_sweep():
    difference = explorer.diff(V2, V2.edit_row(3, kernel=5))
    assert len(explorer.plot(difference, "params").data[0].y) == 3
    assert explorer.plot(costmodel.reconcile(V2)[0]).data[0].type == "waterfall"
    table = explorer.sweep(V2, {"resolution": [128, 224]})
    assert [trace.name for trace in explorer.plot(table, "latency_ms").data] == ["Pareto frontier", "MobileNetV2"]


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: explorer.plot(3), TypeError, "found an int; allowed: a network, the table of explorer.sweep"),
        (lambda: explorer.plot(V2, "ms"), costmodel.CostError, "metric is 'ms'; allowed here: 'mult_adds'"),
        (lambda: explorer.plot(costmodel.count(V2), by="row"), costmodel.CostError, "by is 'row'; allowed: 'block'"),
        (lambda: explorer.drawings, AttributeError, "it has advise, diff, estimate, figures, pareto, plot, sweep"),
    ],
)
def test_what_has_no_figure_is_an_error(call, error, message):
    with pytest.raises(error, match=message):
        call()
