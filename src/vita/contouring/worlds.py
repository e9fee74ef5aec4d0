"""Worlds of synthetic hearts and pictures that the network learns in; a training may go from one to the other.

WIDE has every heart: walls of 4.5 to 15 mm whatever the cavity's size, so that half of its hearts weigh 0.96 g and more
for each ml. USUAL has what cardiac MRI mostly shows. Healthy people of UK Biobank have 0.56 (women) to 0.62 g/ml (men)
and dilated hearts have walls as thick as theirs or thinner (Petersen et al., J Cardiovasc Magn Reson 2017; Francone,
ISRN Radiology 2014), so four of five walls are about 6.4 mm thick. Papillary muscles and trabeculae are the same muscle
as the wall, and mostly as dark as it; fat next to the coil is brighter than blood. A network that has seen WIDE alone
takes dark trabeculae for wall, since its walls may be of any thickness.

LAYERED mixes both and has what they lack: a trabeculated layer inside the compacted wall of the LV
(`vita.contouring.form`), failing hearts, and slices of any thickness. Readers draw the cavity's border along the
compacted wall (Schulz-Menger et al., J Cardiovasc Magn Reson 2020), where the image grows dark only in part. Hearts
that fail are dilated ones: 170 to 360 ml, an ejection fraction of 10 to 40 %, and a wall of 5 to 10 mm at end-diastole
(Francone 2014). Slices of a stack are 6 to 10 mm thick (Kramer et al., J Cardiovasc Magn Reson 2020), so that oblique
borders are blurred as much.
"""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class World:
    """Shares are parts of hearts or pictures, from 0 to 1.

    Attributes:
        name: on the command line.
        usual_walls: share of hearts with a wall of a usual thickness.
        dark_muscles: share of pictures with papillary muscles and trabeculae about as dark as the wall.
        bright_fat: share of pictures with fat up to MOST_FAT times as bright as in WIDE.
        coils: largest log amplitude of the coils' field.
        layered: share of hearts, of those with a form of their own, with a trabeculated layer.
        failing: share of hearts that fail.
        apart_mm: lowest and highest distance of a section's three layers, a third of the slice's thickness.
    """

    name: str
    usual_walls: float
    dark_muscles: float
    bright_fat: float
    coils: float
    layered: float = 0.0
    failing: float = 0.0
    apart_mm: tuple[float, float] = (2.8, 2.8)


WIDE = World("wide", usual_walls=0.0, dark_muscles=0.0, bright_fat=0.0, coils=0.3)
USUAL = World("usual", usual_walls=0.8, dark_muscles=0.7, bright_fat=0.5, coils=0.5)
LAYERED = World(
    "layered",
    usual_walls=0.5,
    dark_muscles=0.5,
    bright_fat=0.5,
    coils=0.5,
    layered=0.75,
    failing=0.2,
    apart_mm=(2.0, 3.4),
)
WORLDS = {world.name: world for world in (WIDE, USUAL, LAYERED)}
ANY_WALL_MM = (4.5, 15.0)
USUAL_WALL_MM, WALL_SPREAD = 6.4, 0.22  # median, and SD of its logarithm: 95 % have 4.2 to 9.8 mm
LEAST_WALL_MM = 4.0
DARK = (0.75, 1.1)  # of the way from blood to the wall's signal
MOST_FAT = 2.5
FAILING_ML, FAILING_EF, FAILING_WALL_MM = (170.0, 360.0), (0.1, 0.4), (5.0, 10.0)


def draw_wall_mm(rng: np.random.Generator, world: World) -> float:
    """A wall's thickness at end-diastole."""
    if world.usual_walls and rng.random() < world.usual_walls:
        return max(LEAST_WALL_MM, USUAL_WALL_MM * float(np.exp(rng.normal(0, WALL_SPREAD))))
    return float(rng.uniform(*ANY_WALL_MM))
