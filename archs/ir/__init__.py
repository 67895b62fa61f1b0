"""The graph IR: operators, nodes, graphs and the builder. No costs, no tables, no torch."""
