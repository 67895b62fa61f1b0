"""A search space: a table with choices. It draws, mutates and crosses genomes, and builds their networks from parts.

A genome is one option's number per choice. The spaces themselves are in `explorer.search.spaces`; nothing is priced
or ranked here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from random import Random
from typing import cast

from archs import ArchError, Graph, Spec
from archs.tables.rows import AnyRow, Row
from explorer.search.parts import Genome, Parts, Unit

TRIES = 400
"""Genomes that are tried until one builds."""


@dataclass(frozen=True)
class Option:
    """One value of a choice: the cells (row, column, value) that it sets.

    Column "row" replaces the row, or removes it where the value is None. A column that the row's kind does not have is
    left out, as the choice of the kind comes first.
    """

    label: str
    cells: tuple[tuple[int, str, object], ...]


@dataclass(frozen=True)
class Choice:
    """A name and its options. All cells are in rows of one stage."""

    name: str
    options: tuple[Option, ...]


@dataclass(frozen=True)
class Space:
    """`base` with each choice's cells set. Rows of a stage stand together, so stages are built apart from each other.

    Raises ArchError for a choice without options or over several stages, and for a space in which nothing builds.
    """

    name: str
    title: str
    source: str
    base: Spec
    choices: tuple[Choice, ...]
    resolutions: tuple[int, ...] = ()
    """Other than the base's; the last gene."""

    def __post_init__(self) -> None:
        if not self.choices:
            raise ArchError(f"space {self.name} has no choices; allowed: at least one column of one row")
        for choice in self.choices:
            stages = {self.base.rows[row].stage for option in choice.options for row, _, _ in option.cells}
            if not choice.options or len(stages) != 1:
                found = f"{len(choice.options)} options in stages {sorted(stages)}"
                raise ArchError(f"choice {choice.name} has {found}; allowed: at least one option, all of one stage")

    @cached_property
    def lengths(self) -> tuple[int, ...]:
        """How many options each gene has."""
        sides = (len(self.resolutions),) if self.resolutions else ()
        return (*[len(choice.options) for choice in self.choices], *sides)

    @cached_property
    def parts(self) -> Parts:
        """The stages of the space, built as they are met."""
        return Parts(self.base, self._units(), self.lengths, self.edited)

    def _units(self) -> list[Unit]:
        """Neighbouring rows with the genes of their cells: single rows, where their blocks' numbers allow it.

        A stage is one unit where a choice is of several rows, removes one or repeats one of several: else one network
        could be of two genomes that differ in two units.
        """
        rows: dict[str, list[int]] = {}
        for index, row in enumerate(self.base.rows):
            rows.setdefault(row.stage, []).append(index)
        genes: dict[str, list[int]] = {stage: [] for stage in rows}
        whole = set()
        for number, choice in enumerate(self.choices):
            cells = [cell for option in choice.options for cell in option.cells]
            stage = self.base.rows[cells[0][0]].stage
            genes[stage].append(number)
            if len({row for row, _, _ in cells}) > 1 or any(
                column == "repeat" or (column == "row" and value is None) for _, column, value in cells
            ):
                whole.add(stage)
        units = []
        for stage, indices in rows.items():
            if stage in whole or len(indices) == 1:
                units.append(Unit(stage, tuple(indices), tuple(genes[stage])))
                continue
            for index in indices:
                row_genes = [gene for gene in genes[stage] if self.choices[gene].options[0].cells[0][0] == index]
                units.append(Unit(stage, (index,), tuple(row_genes)))
        return units

    @cached_property
    def size(self) -> int:
        """How many different networks the space has, counted exactly: genomes of one graph count once."""
        return self.parts.networks() * max(1, len(self.resolutions))

    def resolution(self, genome: Genome) -> int:
        """The side of the images, which are square."""
        return self.resolutions[genome[-1]] if self.resolutions else cast("int", self.base.resolution)

    def graph(self, genome: Genome) -> Graph:
        """The network of a genome, equal to `archs.build(space.spec(genome))`. Raises ArchError."""
        return self.parts.graph(genome, self.resolution(genome))

    def spec(self, genome: Genome) -> Spec:
        """The table of a genome."""
        return self.base.edit(rows=self.parts.rows(genome), resolution=self.resolution(genome))

    def digest(self, genome: Genome) -> str:
        """The content hash of a network: SHA-256 of its spec's JSON, whatever genome it is of."""
        return self.parts.digest(genome, self.resolution(genome))

    def check(self, genome: Sequence[int]) -> None:
        """Raises ArchError for a genome of another space, which a file may hold."""
        if len(genome) != len(self.lengths):
            raise ArchError(f"a genome of {len(genome)} genes; allowed: {len(self.lengths)} in space {self.name}")
        for number, (gene, length) in enumerate(zip(genome, self.lengths), 1):
            if not 0 <= gene < length:
                raise ArchError(f"gene {number} is {gene}; allowed: 0 to {length - 1} in space {self.name}")
        self.parts.blocks(tuple(genome), self.resolution(tuple(genome)))

    def valid(self, genome: Genome) -> bool:
        try:
            self.parts.blocks(genome, self.resolution(genome))
        except ArchError:
            return False
        return True

    def draw(self, rng: Random) -> Genome:
        """A genome that builds, each option as likely as the others of its choice. Raises ArchError where none does."""
        for _ in range(TRIES):
            genome = tuple([rng.randrange(length) for length in self.lengths])
            if self.valid(genome):
                return genome
        raise ArchError(f"space {self.name}: none of {TRIES} networks drawn builds; allowed: other choices")

    def mutate(self, genome: Genome, rng: Random, genes: int = 1) -> Genome:
        """The genome with other options in `genes` choices that have several; it builds."""
        free = [gene for gene, length in enumerate(self.lengths) if length > 1]
        for _ in range(TRIES):
            mutant = list(genome)
            for gene in rng.sample(free, min(genes, len(free))):
                mutant[gene] = (mutant[gene] + rng.randrange(1, self.lengths[gene])) % self.lengths[gene]
            if self.valid(tuple(mutant)):
                return tuple(mutant)
        return genome

    def cross(self, one: Genome, other: Genome, rng: Random) -> Genome:
        """A genome whose genes come from either of two; it builds."""
        for _ in range(TRIES):
            child = tuple([rng.choice(pair) for pair in zip(one, other)])
            if self.valid(child):
                return child
        return one

    def words(self, genome: Genome) -> dict[str, str]:
        """Choice → the label of its option."""
        found = {choice.name: choice.options[gene].label for choice, gene in zip(self.choices, genome)}
        return found | ({"resolution": str(self.resolution(genome))} if self.resolutions else {})

    def edited(self, rows: Sequence[int], genome: Genome) -> tuple[AnyRow, ...]:
        """Rows of the base, by number, with the cells that a genome's options set. Raises ArchError."""
        made: dict[int, AnyRow | None] = {index: self.base.rows[index] for index in rows}
        cells: dict[int, dict[str, object]] = {index: {} for index in rows}
        for choice, gene in zip(self.choices, genome):
            for index, column, value in choice.options[gene].cells:
                if column == "row" and index in made:
                    assert value is None or isinstance(value, Row)
                    made[index] = cast("AnyRow | None", value)
                elif index in made:
                    cells[index][column] = value
        found = []
        for index, row in made.items():
            if row is not None:
                wanted = {column: v for column, v in cells[index].items() if column in type(row).model_fields}
                found.append(_with(row, wanted, index))
        return tuple(found)


def _with(row: AnyRow, cells: dict[str, object], index: int) -> AnyRow:
    """A row with other values. `expansion` and `expanded` state one width: setting one clears the other."""
    for column, other in (("expansion", "expanded"), ("expanded", "expansion")):
        if cells.get(column) is not None:
            cells.setdefault(other, None)
    if not cells:
        return row
    try:
        return type(row)(**{**dict(row), **cells})
    except ArchError as error:
        raise error.at(row=index + 1) from None
