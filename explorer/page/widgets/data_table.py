"""A table on the page: Streamlit's grid, or HTML where all of it must be read, as in the presentation view.

The grid is drawn on a canvas: its text has one size, and a cell shows what its width has room for.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from html import escape
from typing import Any, Literal, NamedTuple, TypeAlias

import pandas
import streamlit as st

from explorer.data.metrics import minus
from explorer.page.widgets import chart

WHOLE = 12  # characters of a text that stays in one line, as "g = 1"
Columns: TypeAlias = Mapping[str, Any]
"""Column → its title, or one of `st.column_config`."""


class TableHead(NamedTuple):
    """A column's title, its tooltip, and whether it is aligned as numbers are."""

    title: str
    help: str = ""
    is_number: bool = False


class TableCell(NamedTuple):
    """A cell's text and its CSS."""

    text: str
    css: str = ""


def show(
    table: pandas.DataFrame, key: str, columns: Columns | None = None, height: Literal["auto", "content"] = "auto"
) -> None:
    """Streamlit's grid; in the presentation view HTML, whose text is enlarged with the page's."""
    if st.session_state.get(chart.PRESENTATION):
        wrapped(table, columns)
    else:
        configs = {name: _config((columns or {}).get(name)) for name in table}
        negative = [name for name in table.select_dtypes("number") if (table[name] < 0).any()]
        forms = {name: partial(_text, form=_form(configs[name])) for name in negative}
        signed = {name: {**configs[name], "type_config": {"type": "number"}} for name in negative}
        # The grid's own formats write hyphens
        data = table.reset_index(drop=True).style.format(forms) if negative else table
        frame(data, key=key, column_config={**(columns or {}), **signed}, height=height)


def frame(data: Any, **options: Any) -> Any:
    """Streamlit's grid without the index; a missing value is a dash, Streamlit's own is None. Gives its selection."""
    return st.dataframe(data, hide_index=True, placeholder="–", **options)


def wrapped(table: pandas.DataFrame, columns: Columns | None = None) -> None:
    """The whole text of each cell, on several lines where it is long."""
    configs = {name: _config((columns or {}).get(name)) for name in table}
    heads = [
        TableHead(config.get("label") or str(name), config.get("help") or "", table[name].dtype.kind in "iuf")
        for name, config in configs.items()
    ]
    formats = [_form(config) for config in configs.values()]
    rows = table.itertuples(index=False, name=None)
    html(heads, [[TableCell(_text(value, one)) for value, one in zip(row, formats)] for row in rows])


def html(heads: Sequence[TableHead], rows: Iterable[Sequence[TableCell]]) -> None:
    """A table as HTML; every text is literal."""
    signs = [" class='number'" if head.is_number else "" for head in heads]
    top = "".join(
        f"<th{sign} title='{escape(head.help)}'>{escape(head.title)}</th>" for head, sign in zip(heads, signs)
    )
    body = "".join(f"<tr>{''.join(map(_cell, row, signs))}</tr>" for row in rows)
    st.html(f"<div class='short'><table><thead><tr>{top}</tr></thead><tbody>{body}</tbody></table></div>")


def _cell(cell: TableCell, sign: str) -> str:
    whole = " data-whole=''" if len(cell.text) <= WHOLE else ""
    return f"<td{sign}{whole} style='{cell.css}'>{escape(cell.text)}</td>"


def _config(given: Any) -> dict[str, Any]:
    return {"label": given} if isinstance(given, str) else dict(given or {})


def _form(config: dict[str, Any]) -> str | None:
    return (config.get("type_config") or {}).get("format")


def _text(value: Any, form: str | None) -> str:
    """A value as the grid shows it: a number by the column's format, with a minus sign."""
    if value is None or value != value:
        return ""
    if isinstance(value, str):
        return value
    if form is not None:
        return minus(f"{value:,}" if form == "localized" else form % value)
    return minus(f"{value:,.4f}".rstrip("0").rstrip(".")) if isinstance(value, float) else minus(str(value))
