"""The blocks of the configuration about scans, masks and phenotypes."""

from typing import Annotated, Literal

from pydantic import ConfigDict, Field

from vita.config.models.kinds import Block, Count, NonEmpty, NotNegative, Number, Positive, Share, Unique, View, unit


class QualityLimits(Block):
    """Limits of quality control."""

    pixel_mm: Annotated[NotNegative | None, unit("mm")] = 5.0
    """largest in-plane pixel size"""
    slice_gap_mm: Annotated[NotNegative | None, unit("mm")] = 25.0
    """largest distance between short-axis slices"""
    few_frames: NotNegative | None = 10
    """smallest number of frames in a cycle"""
    constant_frames: NotNegative | None = 0
    """largest number of frames without any contrast in a slice"""
    saturated: NotNegative | None = 0.05
    """largest fraction of pixels at the maximum value"""
    frame_jump: NotNegative | None = 0.5
    """largest change between frames, in standard deviations of the image"""
    loose_parts: NotNegative | None = 0.2
    """largest fraction of the LV mask outside its main component"""
    curve_jump: NotNegative | None = 0.35
    """largest change of the LV volume between frames, as a fraction of its maximum"""
    no_place: NotNegative | None = 0
    """0: a file must give the position of its image in the scanner"""
    forms_apart_mm: Annotated[NotNegative | None, unit("mm")] = 2.0
    """largest distance between a NIfTI file's sform and qform"""
    small_lv_ml: Annotated[NotNegative | None, unit("ml")] = 10
    """smallest end-diastolic volume of the LV"""
    large_lv_ml: Annotated[NotNegative | None, unit("ml")] = 700
    """largest end-diastolic volume of the LV"""
    mask_score: NotNegative | None = 0.5
    """lowest score of a mask that the run made; below, it is not used"""
    exclude: Unique[
        Literal[
            "pixel_mm",
            "slice_gap_mm",
            "few_frames",
            "constant_frames",
            "saturated",
            "frame_jump",
            "loose_parts",
            "curve_jump",
            "no_place",
            "forms_apart_mm",
            "small_lv_ml",
            "large_lv_ml",
            "mask_score",
        ]
    ] = ["pixel_mm", "constant_frames"]
    """rules that exclude a participant; the others only add a note"""


class Adapt(Block):
    """Learning of the network for masks on the cohort's own scans, before it draws."""

    steps: Number = 0
    """number of further training batches of the network on this cohort's scans before it draws; 0: none. Guide
    new-scans.md"""
    people: Count = 100
    """participants whose scans it learns from, never those who may be in test"""
    sure: Annotated[float, Field(ge=0.5, le=1)] = 0.9
    """probability from which its own drawing of a pixel is learnt from"""
    cross_view: Literal["none", "mask", "mean"] = "none"
    """where two views cross in the scanner: none: each is drawn by itself | mask: pixels that they show differently are
    not learnt from | mean: the mean of both drawings is"""


class Masks(Block):
    """Where masks come from, and under the name of a view its files of reference masks."""

    model_config = ConfigDict(extra="allow")
    __pydantic_extra__: dict[
        str,
        Annotated[
            list[str],
            Field(
                description="file names of a view's reference masks, tried in order; without them, those in the README"
            ),
        ],
    ] = Field(init=False)

    source: Literal["files", "model", "both"] = "files"
    """files: beside the scans | model: drawn here, by a network trained on synthetic images | both: drawn where no
    file is"""
    command: str | dict[View, str] | None = None
    """a command that draws instead of that network, such as python my_model.py --in {scan} --out {mask}, or one for
    each of some views: {sa: ...}; guide new-scans.md"""
    command_timeout_s: Annotated[Positive, unit("s")] = 600
    """longest that the command may take for a participant, or for a scan if it is run for each"""
    adapt: Adapt = Field(default_factory=Adapt)
    labels: dict[str, Annotated[int, Field(ge=1, le=253)]] | None = None
    """labels in short-axis masks; null: {LVBP: 1, LVMYO: 2, RVBP: 3}; ACDC has {RVBP: 1, LVMYO: 2, LVBP: 3}"""


class Images(Block):
    """How scans are read, cropped and stored."""

    shard_count: Annotated[int, Field(ge=1, le=99999)] = 8
    """number of shards; a participant's shard never changes"""
    frames: Annotated[int, Field(ge=1, le=200)] = 20
    """frames kept of a cycle"""
    time: Literal["resample", "refuse"] = "resample"
    """scans with another number of frames: resample in time | refuse"""
    size: Annotated[int, Field(ge=16, le=512)] = 48
    """side of the crop, in pixels"""
    sa_slices: Literal[6] = 6
    """short-axis slices kept, base to apex"""
    crop: Literal["center", "mask"] = "center"
    """center: around the image centre (needs no mask) | mask: around the heart"""
    slices: Literal["even", "mask", "base"] = "even"
    """even: evenly over the stack | mask: evenly over the slices that show the heart | base: consecutive, from the
    third with a left ventricle (published code)"""
    resample_mm: Annotated[Annotated[float, Field(ge=0.5, le=10)] | None, unit("mm")] = None
    """in-plane pixel size to resample to; null keeps that of the scan"""
    quantize_bits: Annotated[int, Field(ge=1, le=16)] | None = None
    """fractional voxel values are quantised to this many bits; null keeps them as floats"""
    intensity: Literal["minmax", "minmax_joint", "percentile"] = "minmax"
    """the range that is mapped to [0, 1]: minmax: of each view, from its darkest to its brightest value |
    minmax_joint: of all planes together (published code) | percentile: of each view, from its 1st to its 99th
    percentile"""
    required_views: Annotated[Unique[View], Field(min_length=1)] = ["sa", "la_2ch", "la_3ch", "la_4ch"]
    """a participant without one of these views is left out"""
    max_excluded: Share = 0.1
    """the run stops if more than this fraction of participants has no usable scan"""
    max_file_mb: Annotated[Positive, unit("MB")] = 2000
    """a file that is larger than this after decompression is refused"""
    write_nifti: NonEmpty | None = None
    """folder into which UK Biobank's zips are also written as NIfTI; null for none"""
    quality: QualityLimits = Field(default_factory=QualityLimits)
    """limits of quality control; null switches a rule off"""
    masks: Masks = Field(default_factory=Masks)


class Phenotypes(Block):
    """How phenotypes are measured."""

    source: Literal["masks", "fields"] = "masks"
    """masks: measured on reference masks | fields: UK Biobank's fields 24100-24117"""
    ed: Literal["first", "largest"] = "first"
    """end-diastole: first: the first frame (UK Biobank) | largest: the frame with the largest volume"""
