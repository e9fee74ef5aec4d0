"""Names shared by all images: views, planes in their fixed order, structures and their labels in masks."""

VIEWS = ("sa", "la_2ch", "la_3ch", "la_4ch")
PLANES = ("2ch", "3ch", "4ch", "sa_1", "sa_2", "sa_3", "sa_4", "sa_5", "sa_6")
PLANE_OF_VIEW = {"la_2ch": 0, "la_3ch": 1, "la_4ch": 2}
FIRST_SA_PLANE = 3
SA_PLANES = 6

BACKGROUND, LVBP, LVMYO, RVBP, LABP, RABP = range(6)
STRUCTURES = {"LVBP": LVBP, "LVMYO": LVMYO, "RVBP": RVBP, "LABP": LABP, "RABP": RABP}

# Labels in mask files, as the published segmentation method writes them, to classes of this project.
SA_LABELS = {1: LVBP, 2: LVMYO, 3: RVBP}
LABELS = {"sa": SA_LABELS, "la_2ch": {1: LABP}, "la_4ch": {1: LABP, 2: RABP}}
FOUR_CHAMBER_LABELS = {1: LVBP, 2: LVMYO, 3: RVBP, 4: LABP, 5: RABP}

MASK_FILES = {
    "sa": ["seg_sa.nii.gz"],
    "la_2ch": ["seg_la_2ch.nii.gz"],
    "la_4ch": ["seg_la_4ch.nii.gz"],
    "la_4ch_all": ["seg4_la_4ch.nii.gz"],
}

# Columns of a shard's table that hold a value per frame: volumes in ml, areas in mm2, lengths in mm.
CURVES = (
    "lv_ml",
    "myo_ml",
    "rv_ml",
    "la_2ch_mm2",
    "la_2ch_mm",
    "la_4ch_mm2",
    "la_4ch_mm",
    "ra_4ch_mm2",
    "ra_4ch_mm",
)
