"""Tables and figures as the report's menu and captions name them, by the names of their files."""

from vita.ablations import ALIGNMENT_TABLE, FRAMES_TABLE

TABLES = {
    "table1_sa_phenotypes": "Table 1: short-axis phenotypes",
    "table2_la_phenotypes": "Table 2: long-axis phenotypes",
    "table3_physiological": "Table 3: physiological features",
    "table4_diseases": "Table 4: diseases",
    "tableA5_positional_encoding": "Table A.5: positional encoding",
    "tableA6_masking_ratio": "Table A.6: masking ratio",
    "tableC8_cohort": "Table C.8: the test split",
    "segmentation": "Segmentation",
    "binary_features": "Binary features",
    "categorical_features": "Categorical features",
    "overlap": "Inputs that tell a target",
    FRAMES_TABLE: "Frames of a sample",
    ALIGNMENT_TABLE: "Alignment: tau and lambda",
}
FIGURES = {
    "fig2_temporal_sections": "Figure 2: sections of the cardiac cycle",
    "fig3_subject_trajectories": "Figure 3: paths through the cycle",
    "fig4_phenotype_tsne": "Figure 4: map of phenotypes",
    "fig5_phenotype_scatter": "Figure 5: phenotypes",
    "fig6_physiological_scatter": "Figure 6: physiological features",
    "fig7_segmentation": "Figure 7: segmentation",
    "fig8_segmentation_examples": "Figure 8: masks",
    "figB9_reconstructions": "Figure B.9: reconstructions",
    "calibration": "Calibration of diseases",
    "bland_altman": "Phenotypes from predicted masks",
    "scan_quality": "Quality of scans",
    "volume_curves": "Volumes over the cycle",
    "plane_intersections": "Where planes meet",
    "learning_curves": "Learning curves",
}
