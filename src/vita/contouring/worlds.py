"""Worlds of synthetic hearts and pictures that the network learns in; a training may go from one to the other.

WIDE has every heart: walls of 4.5 to 15 mm whatever the cavity's size, so that half of its hearts weigh 0.96 g and more
for each ml. USUAL has what cardiac MRI mostly shows. Healthy people of UK Biobank have 0.56 (women) to 0.62 g/ml (men)
and dilated hearts have walls as thick as theirs or thinner (Petersen et al., J Cardiovasc Magn Reson 2017; Francone,
ISRN Radiology 2014), so four of five walls are about 6.4 mm thick. Papillary muscles and trabeculae are the same muscle
as the wall, and mostly as dark as it; fat next to the coil is brighter than blood. A network that has seen WIDE alone
takes dark trabeculae for wall, since its walls may be of any thickness.
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
    """

    name: str
    usual_walls: float
    dark_muscles: float
    bright_fat: float
    coils: float


WIDE = World("wide", usual_walls=0.0, dark_muscles=0.0, bright_fat=0.0, coils=0.3)
USUAL = World("usual", usual_walls=0.8, dark_muscles=0.7, bright_fat=0.5, coils=0.5)
WORLDS = {world.name: world for world in (WIDE, USUAL)}
ANY_WALL_MM = (4.5, 15.0)
USUAL_WALL_MM, WALL_SPREAD = 6.4, 0.22  # median, and SD of its logarithm: 95 % have 4.2 to 9.8 mm
LEAST_WALL_MM = 4.0
DARK = (0.75, 1.1)  # of the way from blood to the wall's signal
MOST_FAT = 2.5


def draw_wall_mm(rng: np.random.Generator, world: World) -> float:
    """A wall's thickness at end-diastole."""
    if world.usual_walls and rng.random() < world.usual_walls:
        return max(LEAST_WALL_MM, USUAL_WALL_MM * float(np.exp(rng.normal(0, WALL_SPREAD))))
    return float(rng.uniform(*ANY_WALL_MM))
