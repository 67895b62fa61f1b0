"""What you can do with a network's costs: tables, figures, the page. Networks are in `archs`, costs in `costmodel`."""
